"""Learning rates."""

import pytest

from tests.support.states import same, weights
from tests.support.steps import SMALL, change, clips, stepped
from vgan_tutorial.training import rate_factor, start, train_step


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
