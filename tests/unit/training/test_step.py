"""One step of training: the algorithm, and what the configuration can change about it."""

import copy
import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from tests.support.states import gradients, same, weights
from tests.support.steps import SMALL, change, clips, conditional, spied, stepped
from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.latents import class_count, sample_latent
from vgan_tutorial.losses import ADVERSARIAL_LOSSES, critics
from vgan_tutorial.training import sample, start, train_step, update_average
from vgan_tutorial.training import step as step_module


def test_both_players_move():
    fresh = start(SMALL)
    state, _ = stepped(SMALL)
    assert not same(weights(fresh.generator), weights(state.generator))
    assert not same(weights(fresh.discriminator), weights(state.discriminator))


def test_the_discriminators_turn_leaves_no_gradient_in_the_generator(monkeypatch):
    """With a generator loss that is constant, only the discriminator may move."""
    original = ADVERSARIAL_LOSSES["relativistic"]
    flat = original._replace(generator=lambda real, fake: 0 * fake.sum())
    monkeypatch.setitem(ADVERSARIAL_LOSSES, "relativistic", flat)
    state, _ = stepped(SMALL)
    assert same(weights(start(SMALL).generator), weights(state.generator))


def test_a_step_equals_the_algorithm_written_out():
    """The same step by hand, with plain autograd and Adam and nothing frozen or reused."""
    config = change(loss="non-saturating", penalty=0.5)
    real = clips(4, seed=0)
    state, _ = stepped(config)

    twin = start(config)
    generator, discriminator = twin.generator, twin.discriminator
    softplus = nn.functional.softplus
    latent = sample_latent(generator, 4, twin.randomness)
    fake = generator(latent).detach()

    def squared_slope(clips):
        clips = clips.clone().requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(clips).sum(), clips, create_graph=True)
        return slope.pow(2).flatten(1).sum(1).mean()

    loss = softplus(discriminator(fake)).mean() + softplus(-discriminator(real)).mean()
    loss = loss + config.penalty_every * 0.5 / 2 * (squared_slope(real) + squared_slope(fake))
    twin.discriminator_optimiser.zero_grad()
    loss.backward()
    by_hand = [gradients(discriminator)]
    twin.discriminator_optimiser.step()
    twin.generator_optimiser.zero_grad()
    softplus(-discriminator(generator(latent))).mean().backward()
    by_hand.append(gradients(generator))
    for mine, player in zip(by_hand, (state.discriminator, state.generator), strict=True):
        theirs = gradients(player)
        torch.testing.assert_close(mine, theirs, rtol=1e-2, atol=1e-3 * mine.abs().max().item())


def test_a_step_with_several_critics_adds_their_losses(monkeypatch):
    """DVD-GAN's pair and MoCoGAN's, the frames drawn as the step draws them, written out."""
    for name in ("dual", "mocogan"):
        config = change(discriminator=name, loss="hinge", penalty=0.0)
        _, figures = stepped(config)
        twin = start(config)
        latent = sample_latent(twin.generator, 4, twin.randomness)
        fake, drawn = twin.generator(latent).detach(), seeded(config.seed)
        real_logits = twin.discriminator(clips(4, seed=0), generator=drawn).logits
        fake_logits = twin.discriminator(fake, generator=drawn).logits
        assert len(real_logits) == 2
        expected = sum(
            (1 - one).relu().mean() + (1 + other).relu().mean()
            for one, other in zip(real_logits, fake_logits, strict=True)
        )
        torch.testing.assert_close(figures["discriminator_loss"], expected.detach())


def test_a_critic_that_names_classes_learns_them_and_asks_for_them(monkeypatch):
    """MoCoGAN's category loss reaches both players, and without classes there is none."""
    config = dataclasses.replace(
        conditional(), generator="mocogan", discriminator="mocogan", penalty=0.0
    )
    state, labels = start(config), torch.tensor([0, 1, 2, 2])
    network: Any = state.discriminator
    head = network.video.head.weight
    before = head.detach().clone()
    asked, category_loss = list[torch.Tensor | float](), critics.category_loss

    def watched(scores, given):
        asked.append(category_loss(scores, given))
        return asked[-1]

    monkeypatch.setattr(critics, "category_loss", watched)
    train_step(state, clips(4, seed=0), config, labels)
    assert (head[1:] != before[1:]).any()  # these weights name classes, and do nothing else
    of_discriminator, of_generator = asked
    assert min(of_discriminator, of_generator) > 0
    stepped(change(generator="mocogan", discriminator="mocogan"))


def test_the_penalty_comes_every_nth_step_only():
    config, without = change(penalty=1e6, penalty_every=4), change(penalty=0.0)
    for step, equal in ((0, False), (1, True), (3, True), (4, False)):
        results = []
        for chosen in (config, without):
            state = start(chosen)
            state.step = step
            train_step(state, clips(4), chosen)
            results.append(weights(state.discriminator))
        assert same(*results) == equal, step


def test_the_average_follows_its_formula():
    network = nn.Linear(2, 1)
    average = copy.deepcopy(network)
    nn.init.constant_(network.weight, 1.0)
    nn.init.constant_(average.weight, 0.0)
    update_average(average, network, keep=0.9, step=10_000)
    torch.testing.assert_close(average.weight, torch.full((1, 2), 0.1))
    update_average(average, network, keep=0.9, step=1)  # early on: keep = 1 / 10
    torch.testing.assert_close(average.weight, torch.full((1, 2), 0.1 + 0.9 * 0.9))


def _pairs():
    """Every network once at least: each generator with the next discriminator of the list."""
    count = max(len(GENERATORS), len(DISCRIMINATORS))
    generators, discriminators = list(GENERATORS), list(DISCRIMINATORS)
    losses = list(ADVERSARIAL_LOSSES)
    for n in range(count):
        yield (
            generators[n % len(generators)],
            discriminators[n % len(discriminators)],
            losses[n % len(losses)],
        )


@pytest.mark.parametrize(("generator", "discriminator", "loss"), list(_pairs()))
def test_every_network_and_loss_can_take_a_step(generator, discriminator, loss):
    """All players map clips to clips or scores, so a pair works if each of its players does."""
    config = change(generator=generator, discriminator=discriminator, loss=loss, batch=2)
    _, figures = stepped(config)
    assert all(torch.isfinite(value) for value in figures.values())


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    stepped(change(augmentation=("colour",), noise=0.1))
    assert torch.equal(before, torch.get_rng_state())


def test_the_discriminator_can_take_several_turns_each_with_its_own_clips(monkeypatch):
    seen = []
    original = step_module.discriminator_step

    def watched(state, critic, parts, config):
        seen.append(parts[0])
        return original(state, critic, parts, config)

    monkeypatch.setattr(step_module, "discriminator_step", watched)
    config = change(discriminator_steps=3)
    state, _ = stepped(config)
    torch.testing.assert_close(torch.cat([part.real for part in seen]), clips(12, seed=0))
    assert len({part.latent[0, 0].item() for part in seen}) == 3
    moves = state.discriminator_optimiser.state_dict()["state"][0]["step"]
    assert (moves, state.generator_optimiser.state_dict()["state"][0]["step"]) == (3, 1)


@pytest.mark.parametrize(("loss", "seen"), [("relativistic", 4), ("hinge", 3)])
def test_real_clips_are_scored_again_only_for_a_loss_that_compares(loss, seen, monkeypatch):
    config = change(loss=loss, penalty=0.0)
    assert len(spied(config, 0, monkeypatch)) == seen  # real, fake; real again or not, fake again
    _, figures = stepped(config)
    before = start(config).discriminator(clips(4, seed=0)).mean()  # and not after its move
    assert (abs(figures["real_logit"] - before) < 1e-6) == (seen == 3)


def test_singular_values_are_cut_every_nth_step():
    config = change(discriminator="tgan", singular_values_every=5, penalty=0.0)
    for step, largest in ((5, 1.0), (6, 1.5)):
        state = start(config)
        layer = next(m for m in state.discriminator.modules() if isinstance(m, nn.Conv3d))
        with torch.no_grad():
            layer.weight.mul_(3 / torch.linalg.matrix_norm(layer.weight.flatten(1), 2))
        state.step = step
        train_step(state, clips(4), config)
        found = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert (found <= 1 + 1e-4) == (largest == 1.0)


def test_both_players_are_told_the_classes(narrow):
    """A step with other labels is another step, for either player."""
    config = conditional(batch=3)
    results = []
    for labels in (torch.tensor([0, 1, 2]), torch.tensor([2, 1, 0])):
        state = start(config)
        train_step(state, clips(3), config, labels)
        results.append((gradients(state.generator), gradients(state.discriminator)))
    for one, other in zip(*results, strict=True):
        assert not torch.allclose(one, other, rtol=1e-2)
    made = [
        sample(state.averaged, 2, labels=torch.full((2,), label))
        for label in range(class_count(config.classes))
    ]
    assert not torch.equal(made[0], made[1])
    assert sample(state.averaged, 2).shape == made[0].shape  # the latent chooses


def test_labels_are_left_aside_without_classes():
    one, other = start(SMALL), start(SMALL)
    train_step(one, clips(4), SMALL)
    train_step(other, clips(4), SMALL, torch.tensor([0, 1, 2, 0]))
    assert same(weights(one.generator), weights(other.generator))


@pytest.mark.parametrize("generator", ["content-motion", "vgan"])
def test_bfloat16_is_close_to_full_precision(generator):
    """Weights and losses stay float32; gradients point the same way."""
    full, figures = stepped(change(generator=generator))
    half, other = stepped(change(generator=generator, precision="bf16"))
    assert next(half.generator.parameters()).dtype == torch.float32
    for name, value in figures.items():
        assert other[name].dtype == torch.float32
        torch.testing.assert_close(other[name], value, rtol=0.1, atol=0.2)
    for player in ("generator", "discriminator"):
        one, two = (gradients(getattr(state, player)) for state in (full, half))
        assert torch.nn.functional.cosine_similarity(one, two, dim=0) > 0.9


def test_fused_adam_takes_the_same_steps_but_for_rounding():
    plain, fused = (stepped(change(fused=choice), steps=3)[0] for choice in (False, True))
    assert fused.generator_optimiser.defaults["fused"]
    for mine, theirs in zip(plain.averaged.parameters(), fused.averaged.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-3)  # a step is 2e-3
