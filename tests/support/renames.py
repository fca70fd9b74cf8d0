"""Stop an act at one of its renames: the moments at which files get their names."""

from collections.abc import Callable

import pytest

from vgan_tutorial import files


def stopped_at(monkeypatch: pytest.MonkeyPatch, at: int, act: Callable[[], object]) -> None:
    """Run `act`, stopped before its rename number `at` if it makes so many.

    Raises:
        AssertionError: if the act swallowed the interruption.
    """
    original, calls = files.os.replace, 0

    def maybe(*names: str) -> None:
        nonlocal calls
        calls += 1
        if calls - 1 == at:
            raise KeyboardInterrupt
        original(*names)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", maybe)
        try:
            act()
            stopped = False
        except KeyboardInterrupt:
            stopped = True
    assert stopped == (at < calls)
