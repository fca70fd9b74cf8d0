"""The toys' points, and how they are measured."""

import math

import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial import toys
from vgan_tutorial.toys import count_modes, locate, ring_centres, sample_toy


class TestData:
    @pytest.mark.parametrize("name", toys.TOYS)
    def test_the_seed_decides_and_the_global_state_does_not(self, name: str) -> None:
        first = sample_toy(name, 50, seeded(1))
        torch.manual_seed(99)
        assert torch.equal(first, sample_toy(name, 50, seeded(1)))
        assert not torch.equal(first, sample_toy(name, 50, seeded(2)))
        assert first.abs().max() < 3  # what the figures show

    def test_the_ring_has_eight_equal_modes(self) -> None:
        points = sample_toy("ring", 20_000, seeded())
        coverage = count_modes(points)
        assert coverage.modes == 8
        # three spreads of a two-dimensional Gaussian hold 1 - exp(-9/2) of it
        assert coverage.good == pytest.approx(1 - math.exp(-4.5), abs=0.003)
        nearest = torch.cdist(points, ring_centres()).argmin(dim=1)
        shares = torch.bincount(nearest) / len(points)
        torch.testing.assert_close(shares, torch.full((8,), 0.125), atol=0.01, rtol=0.0)

    def test_modes_are_counted_only_where_samples_are(self) -> None:
        centres = ring_centres()
        assert count_modes(centres[:3].repeat(100, 1)) == (3, 1.0)
        assert count_modes(torch.zeros(100, 2)) == (0, 0.0)
        few = torch.cat([centres[:1].repeat(995, 1), centres[1:2].repeat(5, 1)])
        assert count_modes(few).modes == 1  # half a per cent is not a mode

    def test_a_sample_is_good_or_near_or_on_a_bridge_or_elsewhere(self) -> None:
        # on the ray to the first centre, (2, 0), then halfway to the second, at 22.5 degrees
        half = math.pi / 8
        bridge = torch.tensor([math.cos(half), math.sin(half)])
        right = torch.tensor([1.0, 0.0])
        places = {
            "good": [2.29 * right, 1.71 * right],
            "near": [2.31 * right, 1.51 * right, 2.49 * right],
            "bridges": [1.51 * bridge, 2 * bridge, 2.49 * bridge],
            "elsewhere": [1.49 * right, 2.51 * right, 1.49 * bridge, 2.51 * bridge, 0 * right],
        }
        for name, points in places.items():
            found = locate(torch.stack(points))._asdict()
            assert found == {kind: float(kind == name) for kind in found}, name
        assert locate(torch.stack([*places["good"], *places["elsewhere"][:2]])) == (0.5, 0.0, 0.0)

    def test_good_is_what_the_modes_count_and_near_is_what_a_gaussian_leaves(self) -> None:
        points = sample_toy("ring", 20_000, seeded())
        found = locate(points)
        assert found.good == count_modes(points).good
        assert found.near == pytest.approx(math.exp(-4.5) - math.exp(-12.5), abs=0.003)
        assert found.bridges < 0.001

    def test_the_bumps_have_the_stated_mixture(self) -> None:
        points = sample_toy("two-bumps", 50_000, seeded()).squeeze(1)
        assert (points < -0.4).float().mean().item() == pytest.approx(0.4, abs=0.01)
        assert points.mean().item() == pytest.approx(0.4 * -1.5 + 0.6 * 1.0, abs=0.02)

    def test_the_spiral_grows_as_it_turns(self) -> None:
        points = sample_toy("spiral", 5000, seeded())
        # one and a half turns: the radius is 2.2 at angle 3 pi, on the left
        edge = points[points.norm(dim=1) > 2.15]
        assert (edge[:, 0] < 0).all()
        radius = points.norm(dim=1)
        assert (radius < 1.1).float().mean().item() == pytest.approx(0.25, abs=0.03)

    def test_the_moons_are_two_half_circles(self) -> None:
        x, y = (sample_toy("two-moons", 5000, seeded()) / 1.5).unbind(1)
        upper = torch.hypot(x + 0.5, y + 0.25)  # distances to the two circles' centres
        lower = torch.hypot(x - 0.5, y - 0.25)
        off = torch.minimum((upper - 1).abs(), (lower - 1).abs())
        assert off.max() < 0.3
        assert off.mean() < 0.08

    def test_an_unknown_toy_is_named(self) -> None:
        with pytest.raises(ValueError, match="no toy called 'cube'; choose from two-bumps"):
            sample_toy("cube", 5, seeded())
