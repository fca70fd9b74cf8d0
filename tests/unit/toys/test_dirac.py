"""The game of two numbers as a piece of code; its mathematics is in `tests/equations/`."""

import pytest
import torch

from vgan_tutorial.toys.dirac import DiracGame, averaged, growth, play_dirac, step_matrix
from vgan_tutorial.toys.figures import draw_dirac


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
        ({"rate": 0.0}, "above 0"),
        ({"ratio": -1.0}, "above 0"),
        ({"momentum": 1.0}, "between -1 and 1"),
    ],
)
def test_a_game_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        DiracGame(**change)


def test_near_the_solution_the_matrix_is_the_step():
    game = DiracGame(gamma=0.3, momentum=0.5)
    track = play_dirac(game, steps=20, start=(1e-5, 0.0))
    state = torch.tensor([1e-5, 0.0, 0.0, 0.0], dtype=torch.float64)
    for point in track[1:]:
        state = step_matrix(game) @ state
        torch.testing.assert_close(point, state[:2], rtol=1e-6, atol=1e-12)


def test_a_game_that_shrinks_ends_at_the_solution():
    game = DiracGame(gamma=1.0)
    assert growth(game) < 1
    assert play_dirac(game, steps=400)[-1].norm() < 1e-6


def test_an_average_stays_where_nothing_moves():
    still = torch.ones(10, 2, dtype=torch.float64)
    torch.testing.assert_close(averaged(still, 0.9), still)


def test_the_picture_shows_the_average_beside_the_players():
    figure = draw_dirac(DiracGame(), "circle", steps=5, decay=0.9)
    assert [len(axes.get_lines()) for axes in figure.axes] == [5, 2]
