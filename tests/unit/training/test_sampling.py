"""Sampling: seeded, streamed, independent of the batch."""

from unittest.mock import Mock

import pytest
import torch

from tests.support.mini import change
from vgan_tutorial.training import sample, sample_batches, sampling, start


def test_sampling_is_seeded_streamed_and_leaves_the_mode_as_it_was():
    state = start(change(generator="dcgan"))
    state.averaged.train()
    first, again = (sample(state.averaged, 5, seed=1, batch=2) for _ in range(2))
    assert torch.equal(first, again)
    parts = list(sample_batches(state.averaged, 5, seed=1, batch=2))
    assert [len(part) for part in parts] == [2, 2, 1]
    assert torch.equal(torch.cat(parts), first)
    assert not torch.equal(first, sample(state.averaged, 5, seed=2))
    assert state.averaged.training
    assert first.abs().max() <= 1


def test_latents_are_drawn_a_few_batches_at_a_time_and_do_not_depend_on_the_batch(monkeypatch):
    state, draw = start(change()), Mock(side_effect=sampling.sample_latent)
    whole = sample(state.averaged, 40, batch=64)
    monkeypatch.setattr(sampling, "sample_latent", draw)
    torch.testing.assert_close(sample(state.averaged, 40, batch=1), whole)
    assert [call.args[1] for call in draw.call_args_list] == [16, 16, 8]
    with pytest.raises(ValueError, match="at least 1"):
        sample(state.averaged, 0)
