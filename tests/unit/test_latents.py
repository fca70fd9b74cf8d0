"""Latents, and the classes in them."""

import pytest
import torch

from tests.support.generators import build
from tests.support.seeds import normal, seeded
from vgan_tutorial.latents import (
    choose,
    class_count,
    class_vector,
    labels_in_turn,
    one_label,
    one_per_clip,
    read_labels,
    sample_latent,
)


def test_latents_are_fixed_by_their_seed():
    network = build("content-motion")
    first, again, other = (sample_latent(network, 3, seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_choices_are_equally_likely_and_keep_the_rest():
    latent = torch.randn(20_000, 4, generator=seeded())
    chosen = choose(latent, 5)
    assert chosen.shape == (20_000, 8)
    assert torch.equal(chosen[:, 5:], latent[:, 1:])
    assert ((chosen[:, :5] > 0).sum(1) == 1).all()
    shares = (chosen[:, :5] > 0).float().mean(0)
    assert (shares - 1 / 5).abs().max() < 0.01
    assert chosen[:, :5].square().mean().item() == pytest.approx(1)


@pytest.mark.parametrize("extreme", [-40.0, 40.0])
def test_a_choice_is_made_even_far_out(extreme):
    chosen = choose(torch.tensor([[extreme]]), 7)[0] > 0
    assert chosen.nonzero().tolist() == [[0 if extreme < 0 else 6]]


def test_classes_are_equally_likely():
    vectors = class_vector(normal(30_000, 2), None, 3)
    assert (vectors.sum(1) == 1).all()
    assert (vectors.mean(0) - 1 / 3).abs().max() < 0.01


def test_a_class_of_several_factors_has_an_entry_for_each():
    counts = (3, 2, 4)
    labels = torch.arange(24)
    expected = [(act, hair, shoes) for act in range(3) for hair in range(2) for shoes in range(4)]
    assert torch.stack(read_labels(labels, counts), dim=1).tolist() == [list(e) for e in expected]
    assert [one_label(values, counts) for values in expected] == labels.tolist()
    rows = one_per_clip(labels, 24, counts)
    assert rows.unique(dim=0).shape == (24, 9)
    assert rows[23].tolist() == [0, 0, 1, 0, 1, 0, 0, 0, 1]
    assert torch.equal(class_vector(normal(24, 5), labels, counts), rows.float())


@pytest.mark.parametrize(("label", "classes"), [(3, 3), (-1, 3), (6, (3, 2)), (-1, (3, 2))])
def test_a_label_that_is_out_of_range_is_no_other_class(label, classes):
    with pytest.raises(RuntimeError, match="Class values must be"):
        one_per_clip(torch.tensor([label]), 1, classes)


def test_each_factor_is_chosen_by_a_number_of_its_own():
    latent = normal(30_000, 4)
    vectors = class_vector(latent, None, (3, 2))
    assert (vectors.sum(1) == 2).all()
    shares = vectors.T @ vectors / len(vectors)
    assert (shares[:3, 3:] - 1 / 6).abs().max() < 0.01  # independent of each other
    assert torch.equal(vectors[:, :3], class_vector(latent, None, 3))


@pytest.mark.parametrize(
    ("values", "classes", "message"),
    [
        ((3,), 3, "label is 3, and the generator has 3 classes, counted from 0"),
        ((0,), 0, "the generator has no classes"),
        ((1, 2), (2, 2), "a number for each of 2 factors with 2, 2 values"),
        ((1,), (2, 2), "label is 1, and the generator has a number for each of 2 factors"),
    ],
)
def test_a_label_out_of_range_is_named(values, classes, message):
    with pytest.raises(ValueError, match=message):
        one_label(values, classes)


def test_labels_are_spread_over_all_classes():
    assert labels_in_turn(3, 5, seeded(0)).tolist() == [0, 1, 2, 0, 1]
    drawn = labels_in_turn((3, 2), 6_000, seeded(0))
    assert (drawn.bincount() / 6_000 - 1 / class_count((3, 2))).abs().max() < 0.02


def test_several_numbers_choose_and_the_rest_follows():
    latent = torch.randn(200, 5, generator=seeded(0))
    chosen = choose(latent, 4, picks=3)
    assert chosen.shape == (200, 3 * 4 + 2)
    for pick in range(3):
        alone = choose(latent[:, pick : pick + 1], 4)
        assert torch.equal(chosen[:, 4 * pick : 4 * pick + 4], alone)
    assert torch.equal(chosen[:, 12:], latent[:, 3:])
