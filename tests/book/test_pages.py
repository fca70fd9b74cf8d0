"""The book's text: labelled and tested equations, whole chapters, a true table of contents."""

import re
import tomllib

import pytest
import yaml

from tests.book.pages import (
    ROOT,
    chapter_faults,
    dependency_faults,
    displays,
    equation_faults,
    markdown,
    names_of_tests,
    sources,
    toc_faults,
)

BOOK = ROOT / "book"
PAGES = sources(BOOK)
CHAPTERS = [page for page in PAGES if re.match(r"\d\d_", page.name)]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_equation_is_labelled_and_tested(page):
    assert not list(equation_faults(markdown(page), names_of_tests(ROOT / "tests")))


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.name)
def test_chapters_are_whole(page):
    assert not list(chapter_faults(markdown(page)))


def test_every_equation_that_is_spoken_of_is_seen():
    """A page whose boxes were misread would seem to have no equations, and so no fault."""
    seen = {label for page in PAGES for label, _ in displays(markdown(page))}
    for page in PAGES:
        spoken_of = set(re.findall(r"\{eq\}`([\w-]+)`", markdown(page)))
        assert spoken_of <= seen, page.name


def test_labels_are_unique():
    labels = [label for page in PAGES for label, _ in displays(markdown(page)) if label]
    assert sorted(labels) == sorted(set(labels))


def test_toc_lists_the_pages():
    assert not list(toc_faults(read("_toc.yml"), BOOK))


def test_dependencies_agree():
    files = ("pyproject.toml", "environment.yml", "constraints.txt")
    assert not list(dependency_faults(*map(read, files)))


def test_the_citation_names_the_version_and_the_licences():
    citation = yaml.safe_load(read("CITATION.cff"))
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert citation["version"] == project["version"]
    assert " AND ".join(citation["license"]) == project["license"]


@pytest.mark.parametrize("path", sources(ROOT / "book"), ids=lambda path: path.name)
def test_tests_that_a_page_names_exist(path):
    for file, name in re.findall(r"`?(tests/[\w/.]+)(?:::(\w+))?", markdown(path)):
        assert (ROOT / file).exists(), file
        assert not name or f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), name


def test_the_package_page_lists_every_module():
    listed = set(re.findall(r"automodule:: ([\w.]+)", read("book/back/api.md")))
    modules = {
        f"vgan_tutorial.{path.stem}"
        for path in (ROOT / "vgan_tutorial").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").is_file()) and path.stem[0] != "_"
    }
    assert {name for name in listed if name.count(".") == 1} == modules


@pytest.mark.parametrize(
    "text",
    [
        "```{math}\n:label: eq-known\nx\n```",
        "$$\nx\n$$ (eq-known)",
        "$$ x $$ (eq-known)",
        "(eq-known)=\n$$\nx\n$$",
        "(eq-known)=\n\\begin{align}\nx\n\\end{align}",
        "::::{admonition} Box\n```{math}\n:label: eq-known\nx\n```\n::::",
        "````{admonition} Box\n```python\nx\n```\n````\n\n$$\nx\n$$ (eq-known)",
        "```{admonition} Box\nWords.\n```\n\n$$\nx\n$$ (eq-known)\n\n```{note}\nWords.\n```",
    ],
)
def test_a_labelled_equation_is_found_in_every_form(text):
    assert [label for label, _ in displays(text)] == ["eq-known"]
    assert not list(equation_faults(text, {"test_eq_known"}))
    assert "no test called test_eq_known" in next(equation_faults(text, set()))


@pytest.mark.parametrize(
    "text",
    ["```{math}\nx\n```", "$$\nx\n$$", "Text\n\\begin{equation}\nx\n\\end{equation}"],
)
def test_an_unlabelled_equation_is_a_fault(text):
    assert "no label" in next(equation_faults(text, {"test_eq_known"}))


def test_a_label_belongs_to_the_next_equation_only():
    text = "(eq-known)=\nWords.\n\n$$\nx\n$$"
    assert "no label" in next(equation_faults(text, {"test_eq_known"}))


def test_code_is_no_equation():
    assert not list(displays("```python\n$$ x $$\n```\n\n```{raw} html\n$$\n```"))


WHOLE = (
    """
```{admonition} In this chapter
:class: opener
```
```{admonition} In the article
:class: article
```
```{admonition} Break it on purpose
:class: break-it
```
"""
    + "\n````{exercise}\n````\n````{solution} x\n````\n" * 5
    + "\n## Summary\n\n## Further reading\n\n{cite}`someone2020thing`\n"
)


@pytest.mark.parametrize(
    ("part", "instead", "fault"),
    [
        ("opener", "note", "no box 'In this chapter'"),
        ("article", "note", "no box 'In the article'"),
        ("Break it on purpose", "Break", "no box 'Break it on purpose'"),
        ("{exercise}", "{note}", "0 exercises"),
        ("{solution}", "{note}", "but 0 solutions"),
        ("## Summary", "## End", "no section 'Summary'"),
        ("## Further reading", "## More", "no section 'Further reading'"),
        ("{cite}", "", "cites nothing"),
    ],
)
def test_a_chapter_that_lacks_a_part_is_a_fault(part, instead, fault):
    assert not list(chapter_faults(WHOLE))
    assert any(fault in found for found in chapter_faults(WHOLE.replace(part, instead)))


def test_a_toc_that_lies_is_a_fault(tmp_path):
    book = tmp_path / "book"
    for name in (
        "index.md",
        "01_one.ipynb",
        "back/notes.md",
        "_static/no.md",
        "exercises/no.ipynb",
    ):
        (book / name).parent.mkdir(parents=True, exist_ok=True)
        (book / name).touch()
    toc = "root: book/index\nparts:\n  - chapters:\n    - file: book/01_one\n"
    good = toc + "      sections:\n      - file: book/back/notes\n"
    assert not list(toc_faults(good, book))
    assert list(toc_faults(toc, book)) == ["book/back/notes is not in _toc.yml"]
    more = good + "    - file: book/02_two\n"
    assert list(toc_faults(more, book)) == ["_toc.yml names book/02_two, which is not there"]


def test_dependencies_that_differ_are_a_fault():
    project = '[project]\ndependencies = ["a>=1"]\noptional-dependencies = {book = ["b-c==2"]}\n'
    conda = "dependencies:\n- python\n- pip:\n  - -e .\n  - a>=1\n  - b-c==2\n"
    pins = "a==1.5\nB_C==2\n"
    assert not list(dependency_faults(project, conda, pins))
    assert list(dependency_faults(project, conda.replace("a>=1", "a>=2"), pins)) == [
        "environment.yml lacks a>=1",
        "pyproject.toml lacks a>=2",
    ]
    assert list(dependency_faults(project, conda, "a==1.5\n")) == ["constraints.txt lacks b-c"]
