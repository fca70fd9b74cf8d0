"""Errors name the file, the problem and the remedy."""

import os
from pathlib import Path

import pytest

from vgan_tutorial.errors import DataError, FetchError, UnpackError, VideoError, printable


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
