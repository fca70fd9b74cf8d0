"""A name leads to clips, their classes and their judge."""

import pytest
import torch

from tests.support.mini import change
from tests.support.seeds import seeded
from tests.support.sheets import COUNTS, write_sheets
from vgan_tutorial.datasets import PackedClips, make_shapes_pack
from vgan_tutorial.latents import read_labels
from vgan_tutorial.sprites import ACT_NAMES, FACTORS, PARTS, SpritesJudge, split_characters
from vgan_tutorial.training import find_data
from vgan_tutorial.training.data import SpritesData, part_of


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return make_shapes_pack(tmp_path_factory.mktemp("pack"), "tiny", actors=12, clips=1)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def test_a_preset_decides_the_shape_and_has_a_judge():
    data = find_data("tiny")
    shaped = data.shaped(change(frames=2, size=8))
    assert (data.name, shaped.frames, shaped.size) == ("tiny", 8, 16)
    assert list(data.class_names) == ["circular", "horizontal", "vertical"]
    judge = data.judge()
    assert judge is not None
    assert judge(next(data.source(shaped)(4, seeded(0))))["validity"] == 1


def test_sprites_are_found_where_fetch_puts_them(home):
    write_sheets(home / "sprites" / "sheets")
    data = find_data("sprites", "train", 32)
    assert isinstance(data, SpritesData)
    assert data.name == str((home / "sprites" / "sheets").resolve())
    assert tuple(data.class_names) == ACT_NAMES
    config = data.shaped(change(frames=3, size=32, classes=16))
    clips, labels = next(data.source(config)(6, seeded(0)))
    assert clips.shape == (6, 3, 3, 32, 32)
    figures = data.judge()(clips)
    assert (figures["validity"], figures["readable"]) == (1, 1)
    assert torch.equal(SpritesJudge(data.sheets)(clips).acts.cell, labels)
    with pytest.raises(ValueError, match="24 does not divide 64"):
        data.shaped(change(size=24))


def test_a_class_of_sprites_can_say_what_they_wear(home):
    write_sheets(home / "sprites" / "sheets")
    data = find_data("sprites", "train", 32)
    assert isinstance(data, SpritesData)
    assert data.factors[0] == FACTORS[0]
    assert [factor.name for factor in data.factors] == ["act", *PARTS]
    assert [factor.values for factor in data.factors[1:3]] == [("1", "2", "3"), ("1", "2")]
    counts = tuple(len(factor.values) for factor in data.factors)
    clips, labels = next(data.source(change(frames=8, size=32, classes=counts))(6, seeded(0)))
    acts = SpritesJudge(data.sheets)(clips).acts
    assert torch.equal(torch.stack(read_labels(labels, counts)[1:], dim=1), acts.parts)
    assert torch.equal(read_labels(labels, counts)[0], acts.cell)


def test_the_sheets_of_sprites_have_names():
    assert tuple(len(factor.values) for factor in FACTORS[1:]) == tuple(PARTS.values())
    assert [factor.moves for factor in FACTORS] == [True] + 5 * [False]
    assert all(len(set(factor.values)) == len(factor.values) for factor in FACTORS)


def test_only_characters_of_the_part_are_drawn(home):
    write_sheets(home / "sprites" / "sheets")
    held_out = split_characters([COUNTS[part] for part in PARTS], "test").tolist()
    data = find_data("sprites", "test", 32)
    assert isinstance(data, SpritesData)
    clips = next(data.source(change(frames=2, size=32))(16, seeded(0)))
    seen = SpritesJudge(data.sheets)(clips).acts.parts.tolist()
    assert all(parts in held_out for parts in seen)


def test_a_pack_decides_the_size_and_has_no_judge(pack):
    data = find_data(str(pack))
    assert data.shaped(change(frames=8, size=8)).size == 16
    assert list(data.class_names) == ["Circular", "Horizontal", "Vertical"]
    assert data.judge() is None


def test_parts_of_a_pack_share_no_group(pack):
    packed = PackedClips(pack, frames=1)
    parts = [part_of(pack, name) for name in ("train", "validation", "test")]
    groups = [{packed.groups[row] for row in rows} for rows in parts]
    assert sorted(row for rows in parts for row in rows) == list(range(len(packed.clips)))
    assert sum(map(len, groups)) == len(set.union(*groups)) == 12
    assert part_of(pack, "all") == list(range(len(packed)))
    data = find_data(str(pack), "validation")
    clips = next(data.source(change(frames=8, size=16))(4, seeded(0)))
    assert clips.shape == (4, 3, 8, 16, 16)


def test_official_lists_beside_a_pack_decide(pack, tmp_path):
    """Training data must not hold what is tested."""
    (tmp_path / "ucf101-16").symlink_to(pack)
    clips = PackedClips(pack, frames=1).clips
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "classInd.txt").write_text("1 Circular\n2 Horizontal\n3 Vertical\n")
    tested = {"g01", "g02"}
    for part in ("train", "test"):
        names = [clip.name for clip in clips if (clip.group in tested) == (part == "test")]
        (lists / f"{part}list01.txt").write_text("".join(f"{name}\n" for name in names))
    parts = [part_of(tmp_path / "ucf101-16", name) for name in ("train", "validation", "test")]
    assert {clips[row].group for row in parts[2]} == tested
    assert parts[1]
    assert sorted(row for rows in parts for row in rows) == list(range(len(clips)))


def test_too_few_groups_are_named(tmp_path):
    pack = make_shapes_pack(tmp_path, "tiny", actors=2, clips=1)
    with pytest.raises(ValueError, match=r"2 groups are too few.*take all of its clips"):
        find_data(str(pack), "train").source(change(frames=8, size=16))


@pytest.mark.parametrize(
    ("name", "part", "message"),
    [
        ("tiny", "tset", "no part is called 'tset'"),
        ("ucf101", "all", "ucf101 is not here yet: get it with `vgan fetch ucf101 --size 64`"),
        ("nothing", "all", r"no pack at 'nothing'.*choose one of tiny, .*ucf101"),
    ],
)
def test_what_is_not_there_is_named(home, name, part, message):
    with pytest.raises(ValueError, match=message):
        find_data(name, part, 64)
