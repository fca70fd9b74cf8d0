"""The sheets go where training finds them, and a pack is drawn from them."""

import shutil

import pytest
import torch

from tests.support.sheets import write_sheets
from vgan_tutorial.datasets import PackedClips
from vgan_tutorial.datasets.catalogue import sprites
from vgan_tutorial.datasets.data_set import Job
from vgan_tutorial.pixels import to_model_range
from vgan_tutorial.sprites import ACT_NAMES, SpritesJudge, read_sheets


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A request with sheets of our own in place of those on the web."""
    made = write_sheets(tmp_path / "downloads", dict.fromkeys(("body", "hair"), 3) | FEW)
    monkeypatch.setattr(sprites, "PACKED", 12)
    keys = [path.relative_to(made).with_suffix("").as_posix() for path in made.glob("*/*.png")]
    entry = type(sprites.SPRITES)(**{**vars(sprites.SPRITES), "files": dict.fromkeys(keys, ())})
    said: list[str] = []
    request = Job(
        root=tmp_path / "root",
        pack=tmp_path / "root" / "sprites-32",
        size=32,
        frames=9,
        fetch=lambda key: made / f"{key}.png",
        fetch_all=lambda keys: [made / f"{key}.png" for key in keys],
        progress=False,
        say=said.append,
    )
    return entry, request, said


FEW = {"shoes": 2, "bottomwear": 2, "topwear": 2}


def test_sheets_are_put_in_order_and_a_pack_is_drawn(job):
    entry, request, said = job
    pack = PackedClips(entry.prepare(entry, request), frames=9)
    sheets = read_sheets(request.root / "sheets")
    assert sheets.counts == (3, 2, 2, 2, 3)
    assert said == [f"{request.root / 'sheets'}: 12 sheets are there"]
    assert (len(pack), pack.size) == (12, 32)
    assert set(pack.classes) <= set(ACT_NAMES)
    judge = SpritesJudge(sheets)
    for index in range(3):
        window, label = pack[index]
        verdict = judge(to_model_range(torch.from_numpy(window[None].copy())))
        assert verdict.motion_valid
        assert ACT_NAMES[int(verdict.acts.cell)] == pack.classes[label]
        letters = zip("bswth", verdict.acts.parts[0].tolist(), strict=True)
        assert pack.groups[index] == "-".join(f"{letter}{number}" for letter, number in letters)


def test_what_is_there_is_not_drawn_again(job, monkeypatch):
    entry, request, _ = job
    first = entry.prepare(entry, request)
    before = (first / "clips.npy").stat().st_mtime_ns
    monkeypatch.setattr(sprites, "draw_acts", None)
    assert entry.prepare(entry, request) == first
    assert (first / "clips.npy").stat().st_mtime_ns == before


def test_a_drawing_that_was_interrupted_goes_on(job, monkeypatch, tmp_path):
    """It ends at the same bytes, and draws into the journal only what was not there."""
    entry, request, _ = job
    whole = {path.name: path.read_bytes() for path in entry.prepare(entry, request).iterdir()}
    shutil.rmtree(request.pack)
    monkeypatch.setattr(sprites, "TOGETHER", 4)
    draw, calls = sprites.draw_acts, []

    def stop_at_the_third(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(sprites, "draw_acts", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        entry.prepare(entry, request)
    assert not request.pack.exists()
    (journal,) = request.root.glob("*.partial/journal.jsonl")
    assert len(journal.read_text().splitlines()) == 8
    monkeypatch.setattr(sprites, "draw_acts", draw)
    again = {path.name: path.read_bytes() for path in entry.prepare(entry, request).iterdir()}
    assert again == whole


def test_a_character_is_its_own_group():
    assert sprites.group_of("walk-left/b3-s0-w1-t6-h9") == "b3-s0-w1-t6-h9"
    assert sprites.group_of("walk-left/v_Walk_g01_c02.avi") is None


def test_the_addresses_are_pinned_and_checked():
    files = sprites.SPRITES.files
    assert len(files) == 34
    (download,) = files["hair/9"]
    assert download.url.endswith(f"{sprites.COMMIT}/hair/9.png")
    assert all(bool(each.sha256 and each.size) for (each,) in files.values())
    assert sum(each.size or 0 for (each,) in files.values()) < 0.7e6
