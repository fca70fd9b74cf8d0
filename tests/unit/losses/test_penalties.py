"""Penalties, clipping and the spectral norm, against the chain rule, loops and PyTorch's own."""

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import Tensor, nn

from tests.support.seeds import seeded
from vgan_tutorial import losses


class Critic(nn.Module):
    """A small smooth critic of a batch of any rank."""

    def __init__(self, values: int) -> None:
        super().__init__()
        rng = seeded(0)
        self.first = nn.Parameter(torch.randn(values, 7, generator=rng, dtype=torch.float64))
        self.last = nn.Parameter(torch.randn(7, generator=rng, dtype=torch.float64))

    def forward(self, samples: Tensor) -> Tensor:
        return torch.tanh(samples.flatten(1) @ self.first) @ self.last


SHAPES = [(5, 1), (5, 2), (5, 3, 4), (5, 3, 2, 4, 4)]


def batch(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    rng = seeded(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


class TestPenalties:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_r1_and_r2_agree_with_the_chain_rule_by_hand(self, shape: tuple[int, ...]) -> None:
        samples = batch(shape)
        critic = Critic(samples[0].numel())
        slope = 1 - torch.tanh(samples.flatten(1) @ critic.first) ** 2
        gradients = (slope * critic.last) @ critic.first.T
        expected = (gradients**2).sum() / shape[0]
        torch.testing.assert_close(losses.r1_penalty(critic, samples), expected)
        torch.testing.assert_close(losses.r2_penalty(critic, samples), expected)

    @pytest.mark.parametrize("one_sided", [False, True])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_gradient_penalty_agrees_with_a_loop_over_single_samples(
        self, shape: tuple[int, ...], one_sided: bool
    ) -> None:
        real, fake = batch(shape, 1), batch(shape, 2)
        critic = Critic(real[0].numel())
        rng = seeded(3)
        weights = torch.rand(
            (shape[0],) + (1,) * (len(shape) - 1), generator=rng, dtype=torch.float64
        )
        total = 0.0
        for e, x, y in zip(weights, real, fake, strict=True):
            mixed = (e * x + (1 - e) * y).requires_grad_()
            (gradient,) = torch.autograd.grad(critic(mixed[None]).sum(), mixed)
            excess = gradient.norm().item() - 1
            total += max(excess, 0.0) ** 2 if one_sided else excess**2
        penalty = losses.gradient_penalty(
            critic, real, fake, generator=seeded(3), one_sided=one_sided
        )
        assert penalty.item() == pytest.approx(total / shape[0], rel=1e-9)

    def test_the_penalties_train_the_critic(self) -> None:
        real, fake = batch((5, 3, 2, 4, 4), 1), batch((5, 3, 2, 4, 4), 2)
        for penalty in (
            lambda critic: losses.r1_penalty(critic, real),
            lambda critic: losses.r2_penalty(critic, fake),
            lambda critic: losses.gradient_penalty(critic, real, fake, generator=seeded(0)),
        ):
            critic = Critic(96)
            critic.first.data /= 10
            before = penalty(critic)
            before.backward()
            with torch.no_grad():
                for parameter in critic.parameters():
                    assert parameter.grad is not None
                    parameter.sub_(1e-3 * parameter.grad)
            assert penalty(critic) < before

    def test_the_penalty_reaches_no_generator(self) -> None:
        fake = batch((5, 2)).requires_grad_()
        losses.r2_penalty(Critic(2), fake).backward()
        assert fake.grad is None

    def test_a_flat_critic_has_a_finite_gradient(self) -> None:
        critic = Critic(2)
        critic.last.data.zero_()
        penalty = losses.gradient_penalty(
            critic, batch((5, 2), 1), batch((5, 2), 2), generator=seeded(0)
        )
        assert penalty.item() == pytest.approx(1.0)
        penalty.backward()
        assert all(torch.isfinite(p.grad).all() for p in critic.parameters() if p.grad is not None)

    def test_patch_logits_are_summed(self) -> None:
        samples = batch((5, 3, 4))
        quarter = losses.r1_penalty(lambda x: x.square().sum(dim=1) / 2, samples)
        torch.testing.assert_close(quarter, samples.square().sum() / 5)

    def test_penalties_work_where_gradients_are_switched_off(self) -> None:
        samples = batch((5, 2))
        with torch.no_grad():
            penalty = losses.r1_penalty(lambda x: x.sum(dim=1), samples)
        assert penalty.item() == pytest.approx(2.0)

    def test_interpolation_mixes_whole_clips(self) -> None:
        rng = seeded(0)
        zeros = torch.zeros(8, 3, 2, 4, 4)
        mixed = losses.interpolate(torch.ones_like(zeros), zeros, generator=rng).flatten(1)
        assert (mixed == mixed[:, :1]).all()
        assert mixed[:, 0].unique().numel() == 8
        assert (mixed >= 0).all()
        assert (mixed <= 1).all()

    def test_interpolation_refuses_batches_of_different_sizes(self) -> None:
        with pytest.raises((ValueError, TypeCheckError)):
            losses.interpolate(torch.zeros(4, 2), torch.zeros(3, 2))

    def test_the_same_seed_gives_the_same_penalty(self) -> None:
        real, fake = batch((5, 2), 1), batch((5, 2), 2)
        first, second, other = (
            losses.gradient_penalty(Critic(2), real, fake, generator=seeded(seed))
            for seed in (1, 1, 2)
        )
        assert first == second
        assert first != other


class TestConstraints:
    def test_clipping_bounds_every_parameter_and_leaves_small_ones_alone(self) -> None:
        critic = Critic(4)
        before = [parameter.detach().clone() for parameter in critic.parameters()]
        losses.clip_weights(critic, 0.5)
        for parameter, old in zip(critic.parameters(), before, strict=True):
            torch.testing.assert_close(parameter.detach(), old.clip(-0.5, 0.5))
            assert parameter.requires_grad

    def test_clipping_to_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="must be positive"):
            losses.clip_weights(Critic(4), 0.0)

    def test_the_singular_value_can_be_trained_on(self) -> None:
        weight = batch((6, 4)).requires_grad_()
        rng = seeded(0)
        losses.largest_singular_value(weight, iterations=500, generator=rng).backward()
        left, _, right = torch.linalg.svd(weight.detach())
        # the derivative of the largest singular value is the outer product of its two directions
        torch.testing.assert_close(weight.grad, torch.outer(left[:, 0], right[0]))
