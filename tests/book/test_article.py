"""The page on the article: nothing left out, every reference identified, every link arrives."""

import contextlib
import io
import re

import pytest
from myst_parser.mdit_to_docutils.base import default_slugify

from tests.book.pages import ROOT, markdown, names_of_tests

PAGE = ROOT / "book/back/article.md"
TEXT = PAGE.read_text(encoding="utf-8")
# The article's table of contents.
SECTIONS = [
    "1 背景介绍",
    "2 核心概念与联系",
    "2.1 深度生成对抗网络（GAN）",
    "2.2 视频生成",
    "2.3 深度生成对抗网络与视频生成的联系",
    "3 核心算法原理和具体操作步骤以及数学模型公式详细讲解",
    "3.1 算法原理",
    "3.2 具体操作步骤",
    "3.2.1 数据预处理",
    "3.2.2 生成器的构建",
    "3.2.3 判别器的构建",
    "3.2.4 训练过程",
    "3.3 数学模型公式详细讲解",
    "3.3.1 生成器的损失函数",
    "3.3.2 判别器的损失函数",
    "4 具体代码实例和详细解释说明",
    "4.1 数据预处理",
    "4.2 生成器的构建",
    "4.3 判别器的构建",
    "4.4 训练过程",
    "5 未来发展趋势与挑战",
    "6 附录常见问题与解答",
    "参考文献",
]
ERRORS = 21
REFERENCES = 45  # entries of the article's list,
DISTINCT = 11  # of which so many are different
LINK = r"\]\([\w./]*#[\w-]+\)|\{(?:doc|eq|ref)\}`"
IDENTIFIER = r"https://(?:arxiv\.org/abs|doi\.org)/([\w./]+)"


def part(text: str, target: str) -> str:
    """A section of the page, from its label to the next label."""
    return re.split(r"^\([\w-]+\)=$", text.split(f"({target})=\n")[1], flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The tables' rows, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = {number for number, row in enumerate(cells) if set(row[0]) == {"-"}}
    return [row for number, row in enumerate(cells) if not rules & {number, number + 1}]


def anchors(text: str) -> set[str]:
    """What a link may name behind the #: headings of three levels, and labels."""
    without_code = re.sub(r"^ *(`{3,}).*?^ *\1", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#{1,3} (.+?)\s*$", without_code, flags=re.MULTILINE)
    return {*map(default_slugify, headings), *re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE)}


def bibliography() -> dict[str, str]:
    text = (ROOT / "book/references.bib").read_text(encoding="utf-8")
    return dict(re.findall(r"^@\w+\{([\w-]+),\n(.*?)^\}", text, flags=re.MULTILINE | re.DOTALL))


def lost_links(text: str) -> list[str]:
    """Links to a heading or a page that is not there."""
    lost = []
    for page, anchor in re.findall(r"\]\(([\w./]*)#([\w-]+)\)", text):
        target = PAGE.parent / page if page else PAGE
        if not target.exists() or anchor not in anchors(markdown(target) if page else text):
            lost.append(f"{page}#{anchor}")
    for page in re.findall(r"\{doc\}`([^`<]+)`", text):
        if not any((PAGE.parent / f"{page}{end}").exists() for end in (".md", ".ipynb")):
            lost.append(page)
    return lost


def test_every_section_of_the_article_has_a_row():
    table = rows(part(TEXT, "article-sections"))
    assert [row[0] for row in table] == SECTIONS
    for row in table:
        assert len(row) == 3, row
        assert all(row), row
        assert re.search(LINK, row[2]) or row[2].endswith("as follows"), row[0]


def test_every_error_is_numbered_and_points_to_a_chapter():
    entries = re.split(r"^(\d+)\. ", part(TEXT, "article-errors"), flags=re.MULTILINE)[1:]
    assert list(map(int, entries[::2])) == list(range(1, ERRORS + 1))
    for number, entry in zip(entries[::2], entries[1::2], strict=True):
        assert entry.startswith("**"), number
        assert re.search(LINK, entry.split("###")[0]), number


def test_every_reference_is_traced_to_a_paper_with_an_identifier():
    table, known = rows(part(TEXT, "article-references")), bibliography()
    numbers = [int(number) for row in table for number in row[0].split(",")]
    assert len(table) == DISTINCT
    assert sorted(numbers) == list(range(1, REFERENCES + 1))
    for row in table:
        (key,) = re.findall(r"\{cite:t\}`([\w-]+)`", row[2])
        (identifier,) = re.findall(IDENTIFIER, row[2])
        assert identifier in known[key], f"{row[0]}: {key} has not the identifier {identifier}"


def test_every_paper_that_the_page_cites_has_an_identifier():
    known = bibliography()
    for key in re.findall(r"\{cite:\w\}`([\w-]+)`", TEXT):
        assert re.search(r"^\s*doi +=|arxiv\.org/abs/|number +=", known[key], re.MULTILINE), key


def test_every_link_arrives():
    assert lost_links(TEXT) == []


@pytest.mark.parametrize(
    "text",
    [
        "[a](../02_losses.ipynb#no-such-heading)",
        "[a](#nowhere)",
        "[a](../99_no.ipynb#a)",
        "{doc}`../no`",
    ],
)
def test_a_link_that_does_not_arrive_is_seen(text):
    assert len(lost_links(text)) == 1


def test_every_test_that_the_page_names_exists():
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert named
    assert named <= names_of_tests(ROOT / "tests")


def test_the_loop_taken_at_its_word():
    """No gradient arrives, no weight moves: what the page shows is what its code prints."""
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", TEXT, flags=re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(PAGE), "exec"), {})
    assert printed.getvalue() == shown
    assert shown.count("no gradient") == shown.count("True") == 2
