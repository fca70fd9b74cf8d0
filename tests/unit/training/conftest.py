"""What tests of training share."""

from functools import partial

import pytest

from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS


@pytest.fixture
def narrow(monkeypatch):
    """The large networks with few channels: a step of theirs takes seconds otherwise."""
    for table, name, sizes in (
        (GENERATORS, "vgan", {"channels": 4}),
        (GENERATORS, "residual", {"channels": 4, "attention": 0}),
        (DISCRIMINATORS, "tgan", {"channels": 4}),
        (DISCRIMINATORS, "residual", {"channels": 4}),
    ):
        monkeypatch.setitem(table, name, partial(table[name], **sizes))
