"""Errors name the file, the problem and the remedy."""

import io
import os
import sys
from pathlib import Path

import pytest

from vgan_tutorial.errors import (
    DataError,
    FetchError,
    UnpackError,
    VideoError,
    is_utf8,
    printable,
    take_any_text,
)


@pytest.mark.parametrize("kind", [DataError, VideoError, FetchError, UnpackError])
def test_the_message_names_file_problem_and_remedy(kind):
    error = kind("a/b.avi", "is empty", "Copy it again")
    assert str(error) == "a/b.avi: is empty. Copy it again."
    assert (error.path, error.problem, error.remedy) == (
        Path("a/b.avi"),
        "is empty",
        "Copy it again",
    )
    assert isinstance(error, DataError)


def test_a_name_that_is_no_text_can_be_printed():
    name = os.fsdecode(b"v_\xff \xc3\xa9.avi")
    assert printable(name) == r"v_\xff é.avi"
    assert r"v_\xff" in str(VideoError(name, "is odd", "Rename it"))
    assert not is_utf8(name)
    assert is_utf8("é ジ.avi")


def test_a_name_gives_no_orders():
    """It is one line, and what looks like an order to a terminal is written out."""
    assert printable("a\rb\n\x1b[31m\x9b\u2028.avi") == r"a\rb\n\x1b[31m\x9b\u2028.avi"
    assert printable("視 é\u3000👩‍🚀.avi") == "視 é\u3000👩‍🚀.avi"
    assert is_utf8("a\r.avi")
    assert "\n" not in str(DataError("a\nb", "is odd", "Rename it"))


def test_streams_take_any_text(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    monkeypatch.setattr(sys, "stderr", io.StringIO())  # not every stream can be told
    take_any_text()
    print("é 視", flush=True)
    assert written.getvalue().split() == [b"\xe9", rb"\u8996"]
