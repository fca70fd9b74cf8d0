"""What both generators can draw: films of a known kind, and fits that can be made again."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.experiments import generality
from vgan_tutorial.experiments.generality import NETWORKS, draw_films, fit, make_record, psnr
from vgan_tutorial.experiments.records import tensors_beside
from vgan_tutorial.generators import ContentMotionGenerator
from vgan_tutorial.pixels import to_model_range

STORED = Path(__file__).parents[3] / "book/records/generality/fits.json"


def test_films_move_everywhere_and_never_come_round():
    films = draw_films(16, seeded(0))
    assert films.shape == (16, 3, 8, 16, 16)
    assert films.abs().max() <= 1
    changes = films.diff(dim=2).abs().mean((1, 3, 4))  # films, pairs of frames
    assert changes.min() > 0
    corners = films[:, :, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners.std(2).amax((1, 2)) > 0.01).all()  # the camera moves: no corner is still
    home = (films[:, :, -1] - films[:, :, 0]).abs().mean((1, 2, 3))
    assert (home > changes.mean(1)).all()  # the last frame is not next to the first


def test_films_hold_more_than_one_colour_before_one_ground():
    films = draw_films(16, seeded(0))
    for frame in films[:, :, 0]:
        assert len(torch.unique((8 * frame).round().flatten(1), dim=1).T) > 100


def test_signal_to_noise_is_in_decibels():
    film = torch.zeros(3, 8, 16, 16)
    assert psnr(film + 2, film) == pytest.approx(0)  # as wrong as can be
    assert psnr(film + 0.2, film) == pytest.approx(20)


def chosen(latent, choices):
    return torch.unique((torch.special.ndtr(latent[:, 0]) * choices).long())


class ByHeart(nn.Module):
    """One bias for every film: it can copy whatever it is shown."""

    def __init__(self, films: torch.Tensor) -> None:
        super().__init__()
        self.latent_shape = (1,)
        self.copies = nn.Parameter(torch.zeros_like(films))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.copies + 0 * latents.sum()


def test_a_network_that_can_copy_does():
    films = draw_films(2, seeded(0))
    _, latents, curve = fit(ByHeart(films), films, steps=600, every=100)
    assert [step for step, _ in curve] == [0, 100, 200, 300, 400, 500, 600]
    assert curve[-1][1] > 40 > curve[0][1]
    assert not latents.requires_grad


def test_latents_are_fitted_too():
    films = draw_films(2, seeded(0))
    network, latents, _ = fit(NETWORKS["painter"](), films, steps=3, every=3)
    fresh = torch.Generator().manual_seed(0)
    network = NETWORKS["painter"]()
    generality.initialise(network, fresh)
    assert not torch.equal(latents, generality.sample_latent(network, 2, fresh))


def test_every_film_has_a_figure_and_a_move_of_its_own():
    network = NETWORKS["tile"]()
    assert isinstance(network, ContentMotionGenerator)
    latents = generality.spread(network, torch.zeros(16, network.content + network.motion))
    content, motion = latents.split([network.content, network.motion], 1)
    assert len(chosen(content, network.kinds)) == 16
    assert len(chosen(motion, network.moves)) == 16


def test_the_record_can_be_made_again_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(generality, "FILMS", 3)
    whole, path = tmp_path / "whole.json", tmp_path / "fits.json"
    make_record(whole, steps=4, every=2)
    with monkeypatch.context() as patch:
        patch.setattr(generality, "NETWORKS", {"painter": NETWORKS["painter"]})
        make_record(path, steps=4, every=2)
    make_record(path, steps=4, every=2)
    one, other = (json.loads(each.read_text(encoding="utf-8")) for each in (whole, path))
    assert one["fits"] == other["fits"]
    assert one["fits"]["tile"]["steps"] == [0, 2, 4]
    with pytest.raises(ValueError, match="was made with steps 4"):
        make_record(path, steps=5, every=2)


def test_the_stored_record_says_what_the_chapter_says():
    record = json.loads(STORED.read_text(encoding="utf-8"))
    painter, tile = (record["fits"][name]["psnr"] for name in ("painter", "tile"))
    assert record["films"] == 16
    assert painter[-1] >= 25
    assert tile[-1] < 15
    assert (round(painter[-1]), round(tile[-1])) == (30, 14)
    still = record["baselines"]["mean frame"]
    assert tile[-1] < still < painter[1]  # a photograph is nearer than the tile
    assert tile[-1] - tile[-5] < 0.1  # more steps would not help it
    parameters = [record["fits"][name]["parameters"] for name in ("painter", "tile")]
    assert parameters[0] / parameters[1] == pytest.approx(1.2, abs=0.05)


def test_the_stored_copies_are_as_near_as_the_record_says():
    record = json.loads(STORED.read_text(encoding="utf-8"))
    films = draw_films(record["films"], seeded(record["seed"]))
    copies = load_file(tensors_beside(STORED))
    assert copies.keys() == {"films", *record["fits"]}
    torch.testing.assert_close(to_model_range(copies.pop("films")), films[:3], atol=1 / 127, rtol=0)
    for name, clips in copies.items():
        for number in range(len(clips)):
            said = record["fits"][name]["psnr_of_films"][number]
            assert psnr(to_model_range(clips)[number], films[number]) == pytest.approx(
                said, abs=0.1
            )
