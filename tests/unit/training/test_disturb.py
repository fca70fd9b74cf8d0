"""What is done to clips before the discriminator sees them."""

import pytest
import torch
from torch import nn

from tests.support.states import gradients
from tests.support.steps import SMALL, change, clips, spied, stepped
from vgan_tutorial.augmentation import blur
from vgan_tutorial.training import start, train_step
from vgan_tutorial.training.disturb import Disturbed


def test_noise_falls_along_a_line_and_is_the_same_when_the_step_is_repeated(monkeypatch):
    config = change(noise=0.4, noise_steps=100, penalty=0.0)
    for step, std in ((0, 0.4), (50, 0.2), (100, 0.0), (150, 0.0)):
        shown = spied(config, step, monkeypatch)
        added = shown[0] - clips(4)
        assert added.std().item() == pytest.approx(std, rel=0.05, abs=1e-6)
        assert torch.equal(shown[0], spied(config, step, monkeypatch)[0])
    first, other = (spied(config, step, monkeypatch)[0] for step in (1, 2))
    assert not torch.equal(first - clips(4), other - clips(4))


def test_blur_falls_along_a_line_and_comes_before_noise(monkeypatch):
    config = change(blur=2.0, blur_steps=100, penalty=0.0)
    for step, std in ((0, 2.0), (50, 1.0), (100, 0.0), (150, 0.0)):
        shown = spied(config, step, monkeypatch)
        assert torch.equal(shown[0], blur(clips(4), std))
    halved = spied(change(blur=2.0, penalty=0.0, precision="bf16"), 0, monkeypatch)[0]
    assert torch.equal(halved, blur(clips(4), 2.0))  # only networks compute with bfloat16
    noisy = spied(change(blur=2.0, noise=0.4, penalty=0.0), 0, monkeypatch)[0]
    assert (noisy - blur(clips(4), 2.0)).std().item() == pytest.approx(0.4, rel=0.05)


def test_augmentation_changes_all_that_the_critic_sees_and_nothing_else(monkeypatch):
    plain = spied(change(penalty=1.0), 0, monkeypatch)
    cut = spied(change(penalty=1.0, augmentation=("cutout",)), 0, monkeypatch)
    assert len(cut) == len(plain) == 6  # real, fake, R1, R2; real and fake again
    for one, other in zip(plain[:4], cut[:4], strict=True):  # later the fakes have changed
        touched = (one != other).flatten(1).any(1)
        assert touched.all()
        assert (other[one != other] == 0).all()


def test_gradients_pass_through_the_augmentation():
    state, _ = stepped(change(augmentation=("colour", "translation", "cutout"), penalty=1.0))
    assert gradients(state.generator).abs().max() > 0


def test_compiled_networks_are_called_but_for_the_penalties(monkeypatch):
    """What torch.compile makes cannot be derived twice. Here it is replaced by a counter."""
    compiled, plain = list[nn.Module](), list[torch.Tensor]()

    def fake_compile(network):
        def call(*given):
            compiled.append(network)
            return network._call_impl(*given)

        network._compiled_call_impl = call

    monkeypatch.setattr(nn.Module, "compile", fake_compile)
    config = change(compile=True)
    state = start(config)
    forward = state.discriminator.forward

    def watched(clips, labels=None):
        plain.append(clips)
        return forward(clips, labels)

    monkeypatch.setattr(state.discriminator, "forward", watched)
    train_step(state, clips(4), config)
    assert compiled.count(state.generator) == 1
    assert compiled.count(state.discriminator) == 4  # real and fake, in both turns
    assert len(plain) == 4 + 2  # R1 and R2 besides
    assert [*state.generator.state_dict()] == [*start(SMALL).generator.state_dict()]


def test_another_seed_draws_other_noise_at_the_same_step():
    """PyTorch's generator on the CPU heeds 32 bits of a seed: 1 and 1 + 2**40 draw the same."""
    drawn = []
    for seed in (0, 1, 2):
        state = start(change(seed=seed))
        critic = Disturbed(state, change(seed=seed), torch.device("cpu"))
        drawn.append(torch.rand(4, generator=critic.randomness).tolist())
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]
