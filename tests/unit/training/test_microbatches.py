"""A batch that is worked on in parts."""

import pytest
import torch

from tests.support.states import assert_same_gradients, gradients
from tests.support.steps import change, clips, conditional, stepped
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.training import start, train_step


@pytest.mark.parametrize("loss", ADVERSARIAL_LOSSES)
def test_parts_of_a_batch_give_the_gradients_of_the_whole(loss):
    whole, figures = stepped(change(loss=loss))
    parts, other = stepped(change(loss=loss, accumulate=2))
    assert_same_gradients(whole, parts)
    for name, value in figures.items():
        torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-4)


def test_labels_are_cut_with_the_clips(narrow):
    labels, found = torch.tensor([0, 1, 2, 2]), []
    for config in (conditional(), conditional(accumulate=2)):
        state = start(config)
        state.generator.eval()  # batch statistics of parts are others than those of the whole
        state.discriminator.eval()  # and so are the directions of spectral normalisation
        train_step(state, clips(4), config, labels)
        found.append(gradients(state.discriminator))
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)
