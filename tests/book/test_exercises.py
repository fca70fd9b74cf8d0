"""Which exercises' solutions nothing runs: said in the summary of the tests, not yet a fault."""

import re

import pytest

from tests.book.pages import ROOT, markdown, names_of_tests

LABEL = re.compile(r":label: (ex-[\w-]+)")


def without_test(text: str, tests: set[str], sources: str) -> list[str]:
    """Labels of exercises after which no test is named, and which no test names."""
    labels = LABEL.findall(text)
    names = {label: "test_" + label.removeprefix("ex-").replace("-", "_") for label in labels}
    return [
        label
        for label, name in names.items()
        if f'"{label}"' not in sources and not any(f"{t}_".startswith(f"{name}_") for t in tests)
    ]


def test_every_exercise_has_a_test():
    files = sorted((ROOT / "tests/book").glob("test_solutions*.py"))
    sources = "\n".join(file.read_text(encoding="utf-8") for file in files)
    tests = names_of_tests(ROOT / "tests/book", "test_solutions*.py")
    pages = sorted((ROOT / "book").glob("[0-9]*.ipynb"))
    text = "\n".join(markdown(page) for page in pages)
    assert len(LABEL.findall(text)) > 5 * len(pages)
    if missing := without_test(text, tests, sources):
        pytest.skip(f"{len(missing)} exercises that no test is named after: {', '.join(missing)}")


def test_an_exercise_without_a_test_is_found():
    text = ":label: ex-one-a\n:label: ex-one-ab\n:label: ex-one-c\n"
    tests, sources = {"test_one_a_in_figures"}, 'solution("ex-one-c")'
    assert without_test(text, tests, sources) == ["ex-one-ab"]
