"""One step of training: the algorithm, and what the configuration can change about it."""

import copy
import dataclasses
from functools import partial

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.augmentation import blur
from vgan_tutorial.discriminators import DISCRIMINATORS, ResidualDiscriminator
from vgan_tutorial.generators import GENERATORS, ResidualGenerator
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.training import (
    TrainingConfig,
    TrainingState,
    rate_factor,
    sample,
    shapes_source,
    start,
    train_step,
    update_average,
)
from vgan_tutorial.training import step as step_module

SMALL = TrainingConfig(batch=4)


def change(**fields) -> TrainingConfig:
    return dataclasses.replace(SMALL, **fields)


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def clips(count: int, seed: int = 3) -> torch.Tensor:
    return next(shapes_source("tiny")(count, seeded(seed)))


def stepped(config: TrainingConfig, steps: int = 1):
    """The state after some steps, and the figures of the last."""
    state = start(config)
    for seed in range(steps):
        real = clips(config.batch * config.discriminator_steps, seed)
        figures = train_step(state, real, config)
    return state, figures


def gradients(network: nn.Module) -> torch.Tensor:
    found = [parameter.grad for parameter in network.parameters()]
    return torch.cat([gradient.flatten() for gradient in found if gradient is not None])


def assert_same_gradients(one: TrainingState, other: TrainingState) -> None:
    """Equal but for rounding. (Adam's first step keeps signs alone, so weights are no measure.)"""
    for player in ("generator", "discriminator"):
        mine, theirs = (gradients(getattr(state, player)) for state in (one, other))
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4 * mine.abs().max().item())


# The algorithm ----------------------------------------------------------------------------------


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


# What the configuration can change ----------------------------------------------------------------


@pytest.mark.parametrize("loss", ADVERSARIAL_LOSSES)
def test_parts_of_a_batch_give_the_gradients_of_the_whole(loss):
    whole, figures = stepped(change(loss=loss))
    parts, other = stepped(change(loss=loss, accumulate=2))
    assert_same_gradients(whole, parts)
    for name, value in figures.items():
        torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-4)


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


def test_learning_rates_rise_hold_and_fall_for_each_player():
    config = change(
        learning_rate=1e-2,
        discriminator_learning_rate=3e-2,
        warm_up=4,
        decay_after=10,
        half_life=5,
    )
    expected = {0: 0.25, 1: 0.5, 3: 1.0, 7: 1.0, 10: 1.0, 15: 0.5, 20: 0.25}
    for step, factor in expected.items():
        assert rate_factor(step, config) == pytest.approx(factor)
        state = start(config)
        state.step = step
        train_step(state, clips(4), config)
        assert state.generator_optimiser.param_groups[0]["lr"] == pytest.approx(1e-2 * factor)
        assert state.discriminator_optimiser.param_groups[0]["lr"] == pytest.approx(3e-2 * factor)
    assert rate_factor(10**6, SMALL) == 1.0


def test_a_rate_of_zero_keeps_that_player_as_it_is():
    config = change(discriminator_learning_rate=0.0)
    state, _ = stepped(config)
    assert same(weights(start(config).discriminator), weights(state.discriminator))
    assert not same(weights(start(config).generator), weights(state.generator))


def spied(config: TrainingConfig, step: int, monkeypatch) -> list[torch.Tensor]:
    """What the discriminator is shown in one step."""
    state, shown = start(config), list[torch.Tensor]()
    forward = state.discriminator.forward

    def watched(clips, labels):
        shown.append(clips.detach())
        return forward(clips, labels)

    monkeypatch.setattr(state.discriminator, "forward", watched)
    state.step = step
    train_step(state, clips(4), config)
    return shown


def test_noise_falls_along_a_line_and_is_the_same_when_the_step_is_repeated(monkeypatch):
    config = change(noise=0.4, noise_steps=100, penalty=0.0)
    for step, deviation in ((0, 0.4), (50, 0.2), (100, 0.0), (150, 0.0)):
        shown = spied(config, step, monkeypatch)
        added = shown[0] - clips(4)
        assert added.std().item() == pytest.approx(deviation, rel=0.05, abs=1e-6)
        assert torch.equal(shown[0], spied(config, step, monkeypatch)[0])
    first, other = (spied(config, step, monkeypatch)[0] for step in (1, 2))
    assert not torch.equal(first - clips(4), other - clips(4))


def test_blur_falls_along_a_line_and_comes_before_noise(monkeypatch):
    config = change(blur=2.0, blur_steps=100, penalty=0.0)
    for step, deviation in ((0, 2.0), (50, 1.0), (100, 0.0), (150, 0.0)):
        shown = spied(config, step, monkeypatch)
        assert torch.equal(shown[0], blur(clips(4), deviation))
    halved = spied(change(blur=2.0, penalty=0.0, precision="bf16"), 0, monkeypatch)[0]
    assert torch.equal(halved, blur(clips(4), 2.0))  # only networks compute with bfloat16
    noisy = spied(change(blur=2.0, noise=0.4, penalty=0.0), 0, monkeypatch)[0]
    assert (noisy - blur(clips(4), 2.0)).std().item() == pytest.approx(0.4, rel=0.05)


@pytest.mark.parametrize(("loss", "seen"), [("relativistic", 4), ("hinge", 3)])
def test_real_clips_are_scored_again_only_for_a_loss_that_compares(loss, seen, monkeypatch):
    config = change(loss=loss, penalty=0.0)
    assert len(spied(config, 0, monkeypatch)) == seen  # real, fake; real again or not, fake again
    _, figures = stepped(config)
    before = start(config).discriminator(clips(4, seed=0)).mean()  # and not after its move
    assert (abs(figures["real_logit"] - before) < 1e-6) == (seen == 3)


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


@pytest.fixture
def narrow(monkeypatch):
    """The residual pair with few channels: a step of theirs takes seconds otherwise."""
    monkeypatch.setitem(GENERATORS, "residual", partial(ResidualGenerator, channels=4, attention=0))
    monkeypatch.setitem(DISCRIMINATORS, "residual", partial(ResidualDiscriminator, channels=4))


def conditional(**fields) -> TrainingConfig:
    return change(generator="residual", discriminator="residual", classes=3, **fields)


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
        sample(state.averaged, 2, labels=torch.full((2,), label)) for label in range(config.classes)
    ]
    assert not torch.equal(made[0], made[1])
    assert sample(state.averaged, 2).shape == made[0].shape  # the latent chooses


def test_labels_are_cut_with_the_clips(narrow):
    labels, found = torch.tensor([0, 1, 2, 2]), []
    for config in (conditional(), conditional(accumulate=2)):
        state = start(config)
        state.generator.eval()  # batch statistics of parts are others than those of the whole
        state.discriminator.eval()  # and so are the directions of spectral normalisation
        train_step(state, clips(4), config, labels)
        found.append(gradients(state.discriminator))
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"generator": "vgan"},
            "generator 'vgan' cannot be told classes; .*residual",
        ),
        ({"discriminator": "patch"}, "discriminator 'patch' cannot be told classes; .*residual"),
    ],
)
def test_players_that_cannot_be_told_classes_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        start(dataclasses.replace(conditional(), **fields))


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

    def watched(clips, labels):
        plain.append(clips)
        return forward(clips, labels)

    monkeypatch.setattr(state.discriminator, "forward", watched)
    train_step(state, clips(4), config)
    assert compiled.count(state.generator) == 1
    assert compiled.count(state.discriminator) == 4  # real and fake, in both turns
    assert len(plain) == 4 + 2  # R1 and R2 besides
    assert [*state.generator.state_dict()] == [*start(SMALL).generator.state_dict()]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"loss": "hing"}, "loss is 'hing'; choose one of .*hinge"),
        ({"generator": "gpt"}, "generator is 'gpt'; choose one of article"),
        ({"precision": "fp8"}, "precision is 'fp8'; choose one of no, bf16"),
        ({"augmentation": ("blur",)}, "augmentation is 'blur'; choose one of colour"),
        ({"batch": 0}, "batch is 0; it must be at least 1"),
        ({"warm_up": -1}, "warm_up is -1; it must be at least 0"),
        ({"ema": 1.0}, "ema is 1.0"),
        ({"penalty": -1.0}, "penalty is -1.0; it must be at least 0"),
        ({"accumulate": 3}, "a batch of 4 cannot be cut into 3 parts"),
        ({"best": "validity"}, "nothing is judged: set judge_every too"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        change(**fields)


def test_an_older_configuration_is_completed_and_a_newer_one_refused():
    old = {"frames": 4, "betas": [0.5, 0.9], "seed": 7}
    assert TrainingConfig.from_dict(old) == TrainingConfig(frames=4, betas=(0.5, 0.9), seed=7)
    whole = dataclasses.asdict(change(augmentation=("cutout",)))
    assert TrainingConfig.from_dict(whole).augmentation == ("cutout",)
    with pytest.raises(ValueError, match="does not know: tempo"):
        TrainingConfig.from_dict({**old, "tempo": 3})
