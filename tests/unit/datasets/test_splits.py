"""Divisions into train, validation and test."""

from collections import Counter
from itertools import chain, combinations

import pytest

from vgan_tutorial.datasets import split_by_clip, split_by_group

GROUPS = [f"g{group:02d}" for group in range(20) for _ in range(group % 4 + 1)] * 3


def test_split_by_group_keeps_groups_whole_and_every_clip_once():
    split = split_by_group(GROUPS)
    parts = split.train, split.validation, split.test
    assert sorted(chain(*parts)) == list(range(len(GROUPS)))
    groups = [{GROUPS[index] for index in part} for part in parts]
    assert all(groups)
    assert all(a.isdisjoint(b) for a, b in combinations(groups, 2))
    assert len(split.train) / len(GROUPS) == pytest.approx(0.7, abs=0.1)


def test_split_by_clip_leaks():
    split = split_by_clip(GROUPS)
    assert sorted(split.train + split.validation + split.test) == list(range(len(GROUPS)))
    train = {GROUPS[index] for index in split.train}
    leaked = [index for index in split.test if GROUPS[index] in train]
    assert len(leaked) > 0.9 * len(split.test)


def test_split_follows_the_seed_and_not_the_order_of_the_clips():
    assert split_by_group(GROUPS, seed=3) == split_by_group(GROUPS, seed=3)
    assert split_by_group(GROUPS, seed=3) != split_by_group(GROUPS, seed=4)
    back_to_front = GROUPS[::-1]

    def test_groups(groups):
        return {groups[index] for index in split_by_group(groups).test}

    counts = Counter(GROUPS)
    assert sum(counts[group] for group in test_groups(GROUPS)) == len(split_by_group(GROUPS).test)
    assert test_groups(GROUPS) == test_groups(back_to_front)


def test_split_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="2 groups are too few"):
        split_by_group(["a", "a", "b"])
    with pytest.raises(ValueError, match="add up to 1"):
        split_by_group(GROUPS, shares=(0.7, 0.2, 0.2))
    assert split_by_group(["a", "a", "b"], shares=(0.5, 0.0, 0.5)).validation == []
