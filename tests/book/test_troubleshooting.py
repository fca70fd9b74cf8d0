"""The pages on troubles and questions: messages that exist, links that lead somewhere.

On the page on troubles a block of `text` holds messages of this package, one a line, with an
ellipsis for what differs; a block of `none` holds those of other programs.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.book.pages import ROOT, markdown, sources

BACK = ROOT / "book" / "back"
TROUBLES, QUESTIONS = BACK / "troubleshooting.md", BACK / "questions.md"
PAGES = (TROUBLES, QUESTIONS)
GAP = "…"
LEAST = 8  # letters of a message that are not the reader's own, or the quotation says nothing
PARTS = ("**Symptom.**", "**Cause.**", "**Cure.**")
ASKED, READERS_ASK = 3, 10


def blocks(text: str, kind: str) -> list[str]:
    """The lines of the fenced blocks of a kind."""
    found = re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in found for line in block.splitlines()]


def templates(code: str) -> Iterator[str]:
    """Every text of a module, with a gap where an f-string puts a value in."""
    inner = set[int]()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.JoinedStr):
            inner.update(id(part) for part in node.values)
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values
            )
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner
        ):
            yield node.value


def echoed(makefile: str) -> Iterator[str]:
    """What the Makefile tells its reader, with a gap for what the shell puts in."""
    for told in re.findall(r'echo ((?:"[^"]*"[\s\\]*)+)', makefile):
        words = " ".join(re.findall(r'"([^"]*)"', told))
        yield re.sub(r"\$\$\([^)]*\)|\$\([^)]*\)", GAP, words)


def says(message: str, template: str) -> bool:
    """Whether the pieces of a quoted message stand in a template, in their order."""
    place = 0
    for piece in (piece for piece in message.split(GAP) if piece):
        place = template.find(piece, place)
        if place < 0:
            return False
        place += len(piece)
    return True


def unsaid(messages: Iterable[str], told: Iterable[str]) -> list[str]:
    """Messages that nothing in the package says, and those that are mere gaps."""
    known = list(told)
    return [
        message
        for message in messages
        if len(message.replace(GAP, "").strip()) < LEAST
        or not any(says(message, template) for template in known)
    ]


def headings(text: str) -> list[str]:
    """The headings of a page, without what is in its code."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ (.+?)\s*$", prose, re.MULTILINE)


def internal_faults(page: Path) -> Iterator[str]:
    """Links to pages, sections and labels that are not there; `{doc}` names a section it means."""
    text = markdown(page)
    labels = {name for each in sources(ROOT / "book") for name in labels_of(markdown(each))}
    for title, target in re.findall(r"\{doc\}`([^`<]+?)\s*<([^`>]+)>`", text):
        files = [(page.parent / target).with_suffix(suffix) for suffix in (".ipynb", ".md")]
        there = [file for file in files if file.is_file()]
        if not there:
            yield f"there is no page {target}"
        elif title not in headings(markdown(there[0])):
            yield f"{target} has no section {title!r}"
    if bare := re.findall(r"\{doc\}`[^`<]+`", text):
        yield f"a link names no section: {bare[0]}"
    yield from (
        f"no label {name}" for name in re.findall(r"\{ref\}`([^`]+)`", text) if name not in labels
    )
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            yield f"a link leads to {target}; use {{doc}} or {{ref}}"


def labels_of(text: str) -> list[str]:
    return re.findall(r"^\(([\w-]+)\)=\s*$", text, re.MULTILINE)


def entries(text: str) -> list[str]:
    """The parts of a page below its third-level headings."""
    return [part.split("\n## ")[0] for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]]


def told() -> list[str]:
    modules = sorted((ROOT / "vgan_tutorial").rglob("*.py"))
    texts = [text for path in modules for text in templates(path.read_text(encoding="utf-8"))]
    return [*texts, *echoed((ROOT / "Makefile").read_text(encoding="utf-8"))]


def test_every_quoted_message_is_one_of_the_package():
    messages = blocks(markdown(TROUBLES), "text")
    assert len(messages) > 40
    assert unsaid(messages, told()) == []


def test_a_message_that_has_changed_is_noticed():
    known = list(templates('raise ValueError(f"{name} has {count} frames" "; take fewer")'))
    assert known == [f"{GAP} has {GAP} frames; take fewer"]
    assert not unsaid([f"{GAP} has {GAP} frames; take fewer", f"{GAP} frames; take {GAP}"], known)
    assert unsaid([f"{GAP} has {GAP} pictures; take fewer"], known)
    assert unsaid([f"take fewer{GAP} has {GAP}"], known), "the order counts"
    assert unsaid([f"{GAP} has {GAP}"], known), "too little is quoted"


def test_what_the_makefile_says_is_read():
    assert list(echoed('\techo "Old: $(PYTHON)" \\\n\t\t"is $$(x -V 2>&1)."; exit 1')) == [
        f"Old: {GAP} is {GAP}."
    ]


@pytest.mark.parametrize("entry", entries(markdown(TROUBLES)), ids=lambda entry: entry[:40])
def test_every_trouble_has_symptom_cause_and_cure(entry):
    places = [entry.find(part) for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)
    assert all(entry.count(part) == 1 for part in PARTS)


def test_headings_are_unique():
    """A reader searches for them, and a link could lead to the wrong one."""
    for page in PAGES:
        names = headings(markdown(page))
        assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_internal_links_lead_somewhere(page):
    assert list(internal_faults(page)) == []


def test_a_link_that_leads_nowhere_is_noticed(tmp_path):
    (tmp_path / "there.md").write_text("# A page\n\n## A section\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "{doc}`A section <there>` {doc}`Another <there>` {doc}`A section <gone>` "
        "{ref}`no-such-label` [text](there.md)",
        encoding="utf-8",
    )
    assert list(internal_faults(page)) == [
        "there has no section 'Another'",
        "there is no page gone",
        "no label no-such-label",
        "a link leads to there.md; use {doc} or {ref}",
    ]


def test_external_links_are_https_and_given_once():
    links = [link for page in PAGES for link in re.findall(r"\w+://[^)\s>]+", markdown(page))]
    assert [link for link in links if not link.startswith("https://")] == []
    assert sorted(links) == sorted(set(links))


def test_the_articles_questions_and_ten_of_the_readers_are_answered():
    parts = re.split(r"^## ", markdown(QUESTIONS), flags=re.MULTILINE)[1:]
    assert [part.splitlines()[0] for part in parts] == [
        "The article's three questions",
        "What readers ask",
    ]
    assert [len(entries(part)) for part in parts] == [ASKED, READERS_ASK]
    for answer in entries(parts[1]):
        assert "https://github.com/" in answer, answer[:40]
    for answer in entries(markdown(QUESTIONS)):
        assert "{doc}`" in answer, answer[:40]
