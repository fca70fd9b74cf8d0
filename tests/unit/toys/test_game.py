"""The toy game, and every mistake with its signature."""

import copy
import math

import pytest
import torch
from torch import Tensor

from tests.support.seeds import seeded
from vgan_tutorial import toys
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.toys import Game, Run, count_modes, play, sample_toy


class TestGame:
    def test_a_game_repeats_exactly(self) -> None:
        game = Game(steps=20, restraint="gp", loss="wasserstein", discriminator_steps=2)
        torch.manual_seed(1)
        first = play(game)
        torch.manual_seed(2)
        second = play(game)
        assert torch.equal(first.sample(50), second.sample(50))
        assert first.log == second.log
        assert not torch.equal(first.sample(50), play(Game(steps=20, seed=1)).sample(50))

    def test_snapshots_are_evenly_spaced_and_frozen(self) -> None:
        run = play(Game(steps=40, snapshots=5))
        assert [snapshot.step for snapshot in run.snapshots] == [0, 10, 20, 30, 40]
        points = sample_toy("ring", 7, seeded())
        surfaces = torch.stack([snapshot.logits(points) for snapshot in run.snapshots])
        assert (surfaces.diff(dim=0).abs().amax(dim=1) > 0).all()  # each its own discriminator
        torch.testing.assert_close(surfaces[-1], run.discriminator(points).squeeze(1).detach())

    def test_the_arrows_lower_the_generator_loss(self) -> None:
        run = play(Game(steps=100))
        look = run.snapshots[-1]
        loss = ADVERSARIAL_LOSSES["non-saturating"].generator
        before = loss(look.logits(look.samples), look.logits(look.samples))
        moved = look.logits(look.samples + 1e-3 * look.arrows)
        assert loss(moved, moved) < before

    @pytest.mark.parametrize("restraint", toys.RESTRAINTS)
    @pytest.mark.parametrize("loss", ADVERSARIAL_LOSSES)
    def test_every_loss_plays_with_every_restraint(self, loss: str, restraint: str) -> None:
        run = play(Game(data="spiral", loss=loss, restraint=restraint, strength=0.1, steps=3))
        assert torch.isfinite(run.sample(20)).all()
        assert all(math.isfinite(value) for record in run.log for value in record.values())

    def test_clipping_clips(self) -> None:
        run = play(Game(loss="wasserstein", restraint="clip", strength=0.05, steps=5))
        assert max(p.abs().max().item() for p in run.discriminator.parameters()) <= 0.05 + 1e-7

    @pytest.mark.parametrize("field", ["data", "loss", "restraint", "mistake"])
    def test_an_unknown_name_is_refused(self, field: str) -> None:
        with pytest.raises(ValueError, match=f"unknown {field} 'nonsense'; choose from"):
            Game(**{field: "nonsense"})  # type: ignore[arg-type]

    def test_the_one_dimensional_game_is_won(self) -> None:
        run = play(Game(data="two-bumps", steps=600))
        real = sample_toy("two-bumps", 3000, seeded(7)).squeeze(1)
        start = run.snapshots[0].samples.squeeze(1)
        assert toys.wasserstein_1d(run.sample(3000).squeeze(1), real) < 0.25
        assert toys.wasserstein_1d(start, real[:300]) > 0.8

    @pytest.mark.parametrize("data", ["two-bumps", "ring"])
    def test_a_moment_can_be_drawn(self, data: str) -> None:
        run = play(Game(data=data, steps=5))
        figure = toys.draw_game(run, run.snapshots[-1])
        assert figure.get_suptitle() == "step 5"
        labelled = [axes for axes in figure.axes if axes.get_title()]
        assert len(labelled) == 2
        assert all(axes.get_xlabel() for axes in labelled)


def column(run: Run, name: str) -> Tensor:
    return torch.tensor([record[name] for record in run.log])


class TestMistakes:
    """Each mistake shows its signature, and the fix removes it."""

    def test_forgotten_detach(self) -> None:
        wrong = play(Game(loss="minimax", mistake="forgotten-detach", steps=300))
        right = play(Game(loss="minimax", steps=300))
        assert (column(wrong, "leaked gradient") > 0.01).all()
        assert (column(right, "leaked gradient") == 0).all()
        # the discriminator wins, because the generator's step now helps it
        gaps = [column(run, "real logit") - column(run, "fake logit") for run in (wrong, right)]
        assert gaps[0][-20:].mean() > 3
        assert gaps[1][-20:].mean() < 1

    def test_forgotten_detach_stops_a_loop_that_reuses_its_fakes(self) -> None:
        players = toys.build_mlp(2, 2, 8, seeded()), toys.build_mlp(2, 1, 8, seeded())
        fake = players[0](torch.randn(4, 2, generator=seeded()))
        players[1](fake).mean().backward()  # the discriminator's step, fake not detached
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            players[1](fake).mean().backward()  # the generator's step
        fake = players[0](torch.randn(4, 2, generator=seeded()))
        players[1](fake.detach()).mean().backward()
        players[1](fake).mean().backward()  # with the fix the same loop runs

    def test_a_forgotten_detach_undoes_the_minimax_gradient(self) -> None:
        loss = ADVERSARIAL_LOSSES["minimax"]
        fake = torch.randn(9, generator=seeded(), requires_grad=True)
        leaked, own = (
            torch.autograd.grad(player(torch.zeros(9), fake), fake)[0]
            for player in (loss.discriminator, loss.generator)
        )
        torch.testing.assert_close(leaked, -own)

    @pytest.mark.parametrize("first", [True, False])
    def test_the_cheap_test_for_a_forgotten_detach(self, first: bool) -> None:
        """A right loop passes it only if the generator's old gradients are cleared first."""
        generator, critic = (toys.build_mlp(2, outputs, 8, seeded()) for outputs in (2, 1))
        loss = ADVERSARIAL_LOSSES["non-saturating"]
        generator_optimiser = torch.optim.Adam(generator.parameters())

        def fake() -> Tensor:
            return generator(torch.randn(4, 2, generator=seeded()))

        loss.generator(torch.zeros(4), critic(fake())).backward()  # the generator's step, before
        generator_optimiser.step()
        if first:
            generator_optimiser.zero_grad()
        loss.discriminator(critic(torch.zeros(4, 2)), critic(fake().detach())).backward()
        passed = all(p.grad is None or not p.grad.any() for p in generator.parameters())
        assert passed == first

    def test_sigmoid_twice(self) -> None:
        wrong = play(Game(mistake="sigmoid-twice", steps=300))
        right = play(Game(steps=300))
        logits = torch.cat([column(wrong, "real logit"), column(wrong, "fake logit")])
        assert logits.min() >= 0
        assert logits.max() <= 1
        assert column(right, "fake logit").min() < 0
        floor = math.log(1 + math.exp(-1)) + math.log(2)
        assert column(wrong, "discriminator loss").min() >= floor
        gradients = [column(run, "generator gradient")[-20:].mean() for run in (wrong, right)]
        assert gradients[0] < gradients[1] / 10

    def test_sigmoid_twice_puts_a_floor_under_an_easy_problem(self) -> None:
        def lowest(twice: bool) -> float:
            network = toys.build_mlp(1, 1, 16, seeded())
            adam = torch.optim.Adam(network.parameters(), lr=0.01)
            real, fake = torch.full((8, 1), 1.0), torch.full((8, 1), -1.0)
            for _ in range(300):
                scores = [network(points) for points in (real, fake)]
                scores = [score.sigmoid() for score in scores] if twice else scores
                loss = ADVERSARIAL_LOSSES["minimax"].discriminator(*scores)
                adam.zero_grad()
                loss.backward()
                adam.step()
            return loss.item()

        floor = math.log(1 + math.exp(-1)) + math.log(2)
        assert floor <= lowest(twice=True) < floor + 0.01
        assert lowest(twice=False) < 0.01

    def test_sigmoid_twice_hardly_shows_in_the_first_loss(self) -> None:
        loss = ADVERSARIAL_LOSSES["minimax"].discriminator
        halves = torch.zeros(4).sigmoid()
        assert loss(halves, halves).item() == pytest.approx(1.448, abs=5e-4)
        assert loss(torch.zeros(4), torch.zeros(4)).item() == pytest.approx(math.log(4))

    @pytest.mark.slow
    def test_swapped_labels(self) -> None:
        wrong, right = play(Game(mistake="swapped-labels", steps=300)), play(Game(steps=300))
        assert column(wrong, "real logit")[-1] < -5 < 5 < column(wrong, "fake logit")[-1]
        assert count_modes(wrong.sample(500)).modes == 0  # the samples stay away from the data
        gap = column(right, "real logit")[-20:] - column(right, "fake logit")[-20:]
        assert 0 < gap.mean() < 1
        assert count_modes(right.sample(500)).modes > 0

    @pytest.mark.slow
    def test_both_players_minimise_the_same_loss(self) -> None:
        wrong, right = play(Game(mistake="same-loss", steps=300)), play(Game(steps=300))
        assert column(wrong, "discriminator loss")[-1] < -100
        assert column(wrong, "real logit")[-1] < -100  # the real data are called fake
        assert (column(right, "discriminator loss") > 0).all()
        assert count_modes(wrong.sample(500)).good < 0.05

    def test_clipping_far_too_tight(self) -> None:
        game = {"loss": "wasserstein", "restraint": "clip", "steps": 200}
        wrong = play(Game(**game, strength=0.001))  # type: ignore[arg-type]
        right = play(Game(**game, strength=0.1))  # type: ignore[arg-type]
        assert column(wrong, "slope")[5:].max() < 1e-4
        assert column(wrong, "generator gradient")[5:].max() < 1e-4
        assert column(right, "slope")[5:].mean() > 0.1
        assert column(right, "generator gradient")[5:].mean() > 0.1
        # tiny, and yet no rounding noise: in double precision the gradient is the same
        codes = torch.randn(64, 2, generator=seeded())
        gradients = []
        for precision in (torch.float32, torch.float64):
            players = [
                copy.deepcopy(p).to(precision) for p in (wrong.generator, wrong.discriminator)
            ]
            loss = -players[1](players[0](codes.to(precision))).mean()
            each = torch.autograd.grad(loss, list(players[0].parameters()))
            gradients.append(torch.cat([gradient.flatten().double() for gradient in each]))
        assert (gradients[0] - gradients[1]).norm() < 1e-4 * gradients[1].norm()
        assert gradients[1].abs().median() < 1e-7

    @pytest.mark.slow
    def test_penalty_forgotten(self) -> None:
        game = {"loss": "wasserstein", "discriminator_steps": 3, "steps": 200}
        wrong = play(Game(**game))  # type: ignore[arg-type]
        right = play(Game(**game, restraint="gp", strength=1.0))  # type: ignore[arg-type]
        assert column(wrong, "slope")[-20:].mean() > 5
        assert 0.2 < column(right, "slope")[-20:].mean() < 2
