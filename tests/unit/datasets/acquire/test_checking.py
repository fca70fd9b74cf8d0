"""Sizes, digests, and room on the disk."""

import hashlib
import os

import pytest

from vgan_tutorial.datasets.acquire import checking
from vgan_tutorial.datasets.acquire.checking import verify
from vgan_tutorial.errors import FetchError

DATA = bytes(range(256)) * 100
SHA256 = hashlib.sha256(DATA).hexdigest()


def test_verify_a_file_that_somebody_else_fetched(tmp_path):
    (tmp_path / "mine.rar").write_bytes(DATA)
    assert verify(tmp_path / "mine.rar", len(DATA), SHA256, progress=False) == SHA256
    with pytest.raises(FetchError, match="there is no such file"):
        verify(tmp_path / "other.rar")


def test_a_checked_file_is_read_again_only_if_it_was_touched(tmp_path, monkeypatch):
    path = tmp_path / "mine.rar"
    path.write_bytes(DATA)
    verify(path, progress=False)
    seen = []

    def read(path, _):
        seen.append(path)
        return SHA256

    monkeypatch.setattr(checking, "file_sha256", read)
    assert verify(path, len(DATA), SHA256, progress=False) == SHA256
    assert seen == []
    os.utime(path, (0, 0))
    assert verify(path, len(DATA), SHA256, progress=False) == SHA256
    assert seen == [path]


def test_room_is_asked_for_before_it_is_taken(tmp_path):
    checking.require_room(tmp_path, 1)
    with pytest.raises(FetchError, match="GB are needed"):
        checking.require_room(tmp_path, 10**18)
