"""Every exercise's solution is run, or its numbers are found again, by a test named after it."""

import re

from tests.book.pages import ROOT, markdown, names_of_tests
from tests.book.test_solutions_networks import WITH_CODE

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
    run = set(WITH_CODE)  # as they are printed, all by one test
    assert [label for label in without_test(text, tests, sources) if label not in run] == []


def test_an_exercise_without_a_test_is_found():
    text = ":label: ex-one-a\n:label: ex-one-ab\n:label: ex-one-c\n"
    tests, sources = {"test_one_a_in_figures"}, 'solution("ex-one-c")'
    assert without_test(text, tests, sources) == ["ex-one-ab"]
