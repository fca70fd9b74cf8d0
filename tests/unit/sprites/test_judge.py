import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial.oracle import damaged
from vgan_tutorial.sprites import (
    SpritesJudge,
    draw_acts,
    every_character,
    sample_acts,
    summarise_acts,
)

COUNT = 12


@pytest.fixture(scope="module")
def judge(sheets):
    return SpritesJudge(sheets)


@pytest.fixture(scope="module", params=[32, 64])
def real(request, sheets, judge):
    acts = sample_acts(every_character(sheets.counts), COUNT, seeded(3))
    clips = draw_acts(sheets, acts, frames=8, size=request.param)
    return acts, clips, judge(clips)


def test_real_clips_read_back(real):
    acts, _, verdict = real
    assert torch.equal(verdict.acts.parts, acts.parts)
    assert torch.equal(verdict.acts.cell, acts.cell)
    assert torch.equal(verdict.acts.start, acts.start)
    assert torch.equal(verdict.poses, acts.poses(8))


def test_real_clips_are_valid_with_room_to_spare(real):
    _, _, verdict = real
    assert verdict.residual.max() < 0.001
    assert verdict.doubts.max() < 0.01
    assert verdict.excess.max() < 0.01
    assert verdict.motion_valid.all()
    assert verdict.consistency.min() == 1


EXPECTED = {  # largest share of clips that may be called valid, and with valid action
    "noise": (0.0, 0.0),
    "shuffled frames": (1.0, 0.05),
    "frozen": (1.0, 0.0),
    "changed colour": (0.0, 0.0),
    "two objects": (0.0, 0.0),
    "blank": (0.0, 0.0),
}


def test_damages_are_told(real, judge):
    _, clips, _ = real
    found = {name: judge(bad) for name, bad in damaged(clips)}
    for name, (valid, motion_valid) in EXPECTED.items():
        assert found[name].valid.float().mean() <= valid, name
        assert found[name].motion_valid.float().mean() <= motion_valid, name
    assert found.keys() == EXPECTED.keys()


def test_other_hair_in_half_of_the_frames_is_told(real, sheets, judge):
    acts, clips, _ = real
    other = acts[:]
    other.parts = acts.parts.clone()
    other.parts[:, 4] = (acts.parts[:, 4] + 1) % sheets.counts[4]
    changed = draw_acts(sheets, other, 8, clips.shape[-1])
    changed[:, :, :4] = clips[:, :, :4]
    verdict = judge(changed)
    assert not verdict.readable[:, 4].any()
    assert verdict.consistency[:, 4].max() == 0.5
    assert verdict.readable[:, :4].float().mean() > 0.9


def test_clothes_half_way_between_two_are_told(real, sheets, judge):
    acts, clips, _ = real
    other = acts[:]
    other.parts = acts.parts.clone()
    other.parts[:, 3] = (acts.parts[:, 3] + 1) % sheets.counts[3]
    mixed = (clips + draw_acts(sheets, other, 8, clips.shape[-1])) / 2
    assert not judge(mixed).readable[:, 3].any()


def test_acts_played_backwards_are_told(real, judge):
    _, clips, _ = real
    verdict = judge(clips.flip(2))
    assert verdict.valid.all()
    assert not verdict.motion_valid.any()


def test_figures_of_a_set(real, sheets, judge):
    acts, clips, verdict = real
    summary = summarise_acts(verdict, sheets)
    assert (summary.clips, summary.validity, summary.motion_validity) == (COUNT, 1, 1)
    assert summary.cells_found == len(acts.cell.unique())
    assert (summary.cells, summary.sheets_found, summary.sheets) == (16, 12, 12)
    assert "100% valid, 100% with valid action" in str(summary)
    none = summarise_acts(judge(torch.zeros_like(clips[:2])), sheets)
    assert (none.validity, none.cells_found, none.histogram_distance) == (0, 0, 1)


def test_what_cannot_be_read_is_named(judge):
    with pytest.raises(ValueError, match="side divides 64; these are 24 high and 24 wide"):
        judge(torch.zeros(1, 3, 4, 24, 24))
    with pytest.raises(ValueError, match="no clips"):
        judge(torch.zeros(0, 3, 4, 32, 32))
    with pytest.raises(ValueError, match=r"clips \[1\] hold NaN"):
        judge(torch.stack([torch.zeros(3, 2, 32, 32), torch.full((3, 2, 32, 32), torch.nan)]))
