import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial.latents import read_labels
from vgan_tutorial.sprites import (
    ACT_NAMES,
    Acts,
    draw_acts,
    draw_poses,
    every_character,
    sample_acts,
    split_characters,
)


def act(name, start=0, parts=(0, 0, 0, 0, 0)):
    cell = ACT_NAMES.index(name)
    return Acts(
        torch.tensor([parts]),
        torch.tensor([cell // 4]),
        torch.tensor([cell % 4]),
        torch.tensor([start]),
    )


def test_poses_follow_each_other_and_go_round():
    first = act("slash-down").poses(1).item()
    assert (act("slash-down", start=4).poses(4)[0] - first).tolist() == [4, 5, 0, 1]
    assert act("slash-left").poses(1).item() == first + 6
    assert act("walk-up", start=7).poses(1).item() == 4 * (7 + 6 + 8 + 8) - 1


def test_layers_are_laid_over_each_other(sheets):
    """By hand, from the lowest to the topmost, on grey."""
    parts, pose = torch.tensor([[1, 0, 1, 0, 2]]), torch.tensor([9])
    picture = torch.full((3, 64, 64), 128 / 255)
    for number, cells in zip(parts[0], sheets.cells.values(), strict=True):
        cell = cells[number, 9].float() / 255
        picture = torch.where(cell[3] == 1, cell[:3], picture)
    torch.testing.assert_close(draw_poses(sheets, parts, pose)[0], picture)


def test_clips_have_a_pose_a_frame_in_model_range(sheets):
    acts = sample_acts(every_character(sheets.counts), 3, seeded(0))
    clips = draw_acts(sheets, acts, frames=5, size=32)
    assert clips.shape == (3, 3, 5, 32, 32)
    assert clips.min() >= -1
    assert clips.max() <= 1
    alone = draw_poses(sheets, acts.parts, acts.poses(5)[:, 3], 32)
    torch.testing.assert_close(clips[:, :, 3], alone * 2 - 1)


def test_a_label_says_the_act_and_every_part(sheets):
    acts = sample_acts(every_character(sheets.counts), 40, seeded(0))
    act, *worn = read_labels(acts.labels(sheets.counts), (len(ACT_NAMES), *sheets.counts))
    assert torch.equal(act, acts.cell)
    assert torch.equal(torch.stack(worn, dim=1), acts.parts)


def test_no_character_is_in_two_parts(sheets):
    whole = {tuple(row) for row in every_character(sheets.counts).tolist()}
    parts = [
        {tuple(row) for row in split_characters(sheets.counts, part).tolist()}
        for part in ("train", "validation", "test")
    ]
    assert len(whole) == 3 * 2 * 2 * 2 * 3
    assert set.union(*parts) == whole
    assert sum(map(len, parts)) == len(whole)
    assert len(parts[0]) == len(whole) * 8 // 10
    with pytest.raises(ValueError, match="no part is called 'tset'; choose one of all, train"):
        split_characters(sheets.counts, "tset")
