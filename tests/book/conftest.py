"""What the tests of the pages share: a browser."""

from collections.abc import Iterator

import pytest

from tests.book.browser import chromium, lacking, launched


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Chromium without a window, for all tests of a file."""
    if not chromium():
        lacking(
            "no Chromium: on Debian and Ubuntu, `apt install chromium` (elsewhere put a "
            "program called `chromium` on the path)"
        )
    with launched() as program:
        yield program
