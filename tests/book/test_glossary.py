"""The back matter's words and letters are those of the chapters."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.book.pages import ROOT, displays, markdown

BACK = ROOT / "book" / "back"
CHAPTERS = {int(path.name[:2]): path for path in sorted((ROOT / "book").glob("0[1-8]_*.ipynb"))}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PINYIN = re.compile(r"[āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ]")
ENTRY = re.compile(
    r"\*\*(?P<chinese>.+?)\*\* · \*(?P<pinyin>.+?)\* · (?P<text>.+) "
    r"Chapter \{doc\}`(?P<chapter>\d) <\.\./(?P<page>\w+)>`\."
)
SPACE = r"(?:\s|\\[,;!])*"
# Words inside formulas, which are no letters of the notation.
WORDS = re.compile(
    r"\\(?:text|mathrm|operatorname|begin|end)\s*\{[^}]*\}|:label:\s*\S+|\(eq-[\w-]+\)"
)
GREEK = re.compile(
    r"\\(?:alpha|beta|gamma|Gamma|delta|epsilon|varepsilon|theta|kappa|lambda|mu|pi|sigma|Sigma|"
    r"tau|phi|varphi|psi|omega|eta|nabla|ell)(?![A-Za-z])"
)
COMMAND = re.compile(r"\\(?:math(?:cal|bb)\s*\{?\w\}?|[A-Za-z]+|.)")


class Entry(NamedTuple):
    term: str
    chinese: str
    pinyin: str
    text: str
    chapter: int
    page: str


class Symbol(NamedTuple):
    section: int  # 0: the whole book
    symbols: tuple[str, ...]
    cells: tuple[str, ...]


def plain(text: str) -> str:
    return " ".join(text.lower().split())


def glossary(page: str) -> list[Entry]:
    """The entries of the page's glossary directive."""
    body = page.split("```{glossary}\n")[1].split("\n```")[0]
    entries = []
    for block in body.split("\n\n"):
        term, line = block.split("\n")
        found = ENTRY.fullmatch(line.strip())
        assert found, f"not an entry: {block}"
        parts = found.groupdict()
        entries.append(
            Entry(
                term,
                parts["chinese"],
                parts["pinyin"],
                parts["text"],
                int(parts["chapter"]),
                parts["page"],
            )
        )
    return entries


def glossary_faults(entries: list[Entry], chapters: dict[int, str]) -> list[str]:
    """What is wrong with a glossary; `chapters` holds the text of each."""
    faults = []
    for what in ("term", "chinese"):
        counts = Counter(getattr(entry, what).lower() for entry in entries)
        faults += [f"{word} is there twice" for word, count in counts.items() if count > 1]
    for entry in entries:
        if not CHINESE.search(entry.chinese):
            faults.append(f"{entry.term} has no Chinese term")
        if not PINYIN.search(entry.pinyin) or CHINESE.search(entry.pinyin):
            faults.append(f"{entry.term} has no pinyin")
        if not entry.text.endswith((".", ".)")):
            faults.append(f"{entry.term} is not explained in sentences")
        word = rf"(?<![a-z]){re.escape(plain(entry.term))}(?:e?s|d|ing)?(?![a-z])"
        if not re.search(word, plain(chapters.get(entry.chapter, ""))):
            faults.append(f"chapter {entry.chapter} does not say {entry.term}")
    return faults


def notation(page: str) -> list[Symbol]:
    """The rows of the page's tables of symbols."""
    rows, section = [], -1
    for line in page.splitlines():
        if line.startswith("## "):
            found = re.match(r"## Chapter (\d)", line)
            section = int(found[1]) if found else 0 if "whole book" in line else -1
        elif section >= 0 and line.startswith("| $"):
            cells = tuple(cell.strip() for cell in line.strip("|").split(" | "))
            rows.append(Symbol(section, tuple(re.findall(r"\$(.+?)\$", cells[0])), cells))
    return rows


def formulas(text: str) -> str:
    """All mathematics of a page, displayed and in the lines."""
    inline = re.findall(r"(?<!\$)\$([^$]+)\$(?!\$)", re.sub(r"\$\$.*?\$\$", " ", text, flags=re.S))
    return "\n".join([*(shown for _, shown in displays(text)), *inline])


def uses(mathematics: str, symbol: str) -> bool:
    """Whether a symbol stands in the mathematics, not as part of a longer word."""
    tokens = re.findall(r"\\[A-Za-z]+|\\.|\S", symbol.replace(r"\Vert", r"\|"))
    start = r"(?<![A-Za-z\\])" if tokens[0][0].isalpha() else ""
    end = r"(?![A-Za-z])" if tokens[-1][0] == "\\" and tokens[-1][-1].isalpha() else ""
    return bool(re.search(start + SPACE.join(map(re.escape, tokens)) + end, mathematics))


def letters(mathematics: str) -> set[str]:
    """Latin and Greek letters, without words and without the names of commands."""
    rest = WORDS.sub(" ", mathematics)
    return set(GREEK.findall(rest)) | set(re.findall(r"[A-Za-z]", COMMAND.sub(" ", rest)))


def written(row: Symbol) -> str:
    """The mathematics of a row, the symbols that its explanation names included."""
    return " ".join(symbol for cell in row.cells for symbol in re.findall(r"\$(.+?)\$", cell))


def notation_faults(rows: list[Symbol], chapters: dict[int, str]) -> list[str]:
    """Symbols that are not where they are said to be, and letters that no table holds."""
    shown = {
        label: (number, mathematics)
        for number, text in chapters.items()
        for label, mathematics in displays(text)
        if label
    }
    faults = []
    for row in rows:
        first = row.cells[-1]
        places = []
        for label in re.findall(r"\{eq\}`([\w-]+)`", first):
            number, mathematics = shown.get(label, (row.section, ""))
            places.append(mathematics)
            if row.section not in (0, number):
                faults.append(f"{label} is not of chapter {row.section}")
        places += [formulas(chapters.get(int(n), "")) for n in re.findall(r"chapter (\d)", first)]
        for symbol in row.symbols:
            if not any(uses(place, symbol) for place in places):
                faults.append(f"{symbol} is not in {first}")
    known = {
        number: letters(" ".join(written(row) for row in rows if row.section in (0, number)))
        for number in chapters
    }
    for label, (number, mathematics) in shown.items():
        missing = letters(mathematics) - known[number]
        faults += [f"{letter} of {label} is not on the page" for letter in sorted(missing)]
    return faults


@pytest.fixture(scope="module")
def chapters() -> dict[int, str]:
    return {number: markdown(path) for number, path in CHAPTERS.items()}


def read(name: str, folder: Path = BACK) -> str:
    return (folder / name).read_text(encoding="utf-8")


def test_the_glossary_is_sound(chapters):
    entries = glossary(read("glossary.md"))
    assert len(entries) >= 100
    assert not glossary_faults(entries, chapters)


def test_every_entry_leads_to_the_chapter_that_it_names():
    for entry in glossary(read("glossary.md")):
        assert entry.page == CHAPTERS[entry.chapter].stem, entry.term


def test_both_tables_of_the_glossary_hold_the_same_terms():
    page = read("glossary.md")
    back = re.findall(r"^\| (.+?) \| (.+?) \| \{term\}`(.+?)` \|$", page, re.M)
    assert sorted(back) == sorted((e.chinese, e.pinyin, e.term) for e in glossary(page))


def test_every_link_to_a_term_has_its_entry(chapters):
    terms = {entry.term.lower() for entry in glossary(read("glossary.md"))}
    pages = [*chapters.values(), *(read(path.name) for path in BACK.glob("*.md"))]
    for page in pages:
        for link in re.findall(r"\{term\}`([^`]+)`", page):
            target = re.search(r"<(.+)>$", link)
            assert (target[1] if target else link).lower() in terms, link


def test_the_notation_is_that_of_the_chapters(chapters):
    rows = notation(read("notation.md"))
    assert {row.section for row in rows} == set(range(9))
    assert not notation_faults(rows, chapters)


def test_the_guide_in_chinese_names_every_chapter():
    guide = read("zh.md")
    for path in CHAPTERS.values():
        assert f"<../{path.stem}>" in guide
    assert len(CHINESE.findall(guide)) > 1000


ENTRIES = [Entry("critic", "评论器", "pínglùnqì", "A judge.", 2, "02_losses")]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"chinese": "critic"}, "critic has no Chinese term"),
        ({"pinyin": "pinglunqi"}, "critic has no pinyin"),
        ({"text": "A judge"}, "critic is not explained in sentences"),
        ({"chapter": 1}, "chapter 1 does not say critic"),
    ],
)
def test_a_glossary_that_lies_is_a_fault(change, fault):
    texts = {1: "Criticism.", 2: "Two critics."}
    assert not glossary_faults(ENTRIES, texts)
    assert glossary_faults([ENTRIES[0]._replace(**change)], texts) == [fault]
    assert "critic is there twice" in glossary_faults(ENTRIES * 2, texts)


def test_a_notation_that_lies_is_a_fault():
    texts = {1: "$$\nx = \\mu y\n$$ (eq-one)\n\nand $w$", 2: "$$\nz = 1\n$$ (eq-two)"}
    page = "## In the whole book\n| $z$ | a | b | {eq}`eq-two` |\n## Chapter 1\n"
    page += "| $x$, $\\mu$ | a | b | {eq}`eq-one` |\n| $w$ | a | b | chapter 1 |\n"
    good = page + "| $y$ | a | b | {eq}`eq-one` |\n"
    assert not notation_faults(notation(good), texts)
    assert notation_faults(notation(page), texts) == ["y of eq-one is not on the page"]
    wrong = good.replace("$w$", "$v$")
    assert notation_faults(notation(wrong), texts) == ["v is not in chapter 1"]
    elsewhere = good.replace("$y$ | a | b | {eq}`eq-one`", "$y$, $z$ | a | b | {eq}`eq-two`")
    assert "eq-two is not of chapter 1" in notation_faults(notation(elsewhere), texts)
