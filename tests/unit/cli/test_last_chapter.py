"""The commands of chapter 8, as the page prints them: own films, what was set aside, sprites."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.support.sheets import write_sheets
from tests.support.videos import moving_clip
from tests.unit.cli.test_commands import vgan
from vgan_tutorial.datasets import PackedClips, make_shapes_pack
from vgan_tutorial.video_io import write_video

CHAPTER = Path(__file__).parents[3] / "book" / "08_full_training.ipynb"
SHORT = {"--batch": "2", "--steps": "1", "--count": "8"}


def commands() -> list[list[str]]:
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    (page,) = ["".join(cell["source"]) for cell in cells if "## Your own" in str(cell["source"])]
    own = page[page.index("## Your own") : page.index("## Several GPUs")]
    return [shlex.split(line) for line in re.findall(r"^vgan .+$", own, re.MULTILINE)]


def test_a_flat_folder_becomes_a_pack_and_a_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("cats").mkdir()
    for number in range(20):
        clip = moving_clip(frames=36, seed=number)
        write_video(Path("cats", f"cat{number:02}.avi"), clip, 25.0, "MJPG")
    given = commands()
    assert [words[1] for words in given] == ["inspect", "pack", "estimate", "train", "evaluate"]
    for words in given:
        shorter = [
            SHORT.get(before, word) for before, word in zip(["", *words], words, strict=False)
        ]
        vgan(*shorter[1:])
    assert Path("cats.png").stat().st_size > 0
    pack = PackedClips("data/cats", frames=16)
    assert (len(pack), pack.size, pack.classes) == (20, 32, ["cats"])
    assert pack.clips[0].fps == 12.5
    assert json.loads(Path("runs/cats/data.json").read_text())["split"] == "train"
    assert Path("runs/cats/generator.safetensors").exists()
    said = capsys.readouterr().out
    assert "step 1" in said
    assert "copying share" in said


def test_what_was_set_aside_shows_whether_clips_are_copied(tmp_path, capsys):
    """Of the run's own data, without being named again."""
    pack = make_shapes_pack(tmp_path, "tiny", actors=12, clips=1)
    told = ("--data", pack, "--split", "train", "--steps", 1, "--batch", 4)
    vgan("train", tmp_path / "run", *told)
    capsys.readouterr()
    vgan("evaluate", tmp_path / "run", "--metrics", "copies", "--count", 16)
    assert "copying share" in capsys.readouterr().out
    for part in ("all", "test"):  # nothing is set aside from these
        with pytest.raises(SystemExit, match="the metric copies needs"):
            vgan("evaluate", tmp_path / "run", "--metrics", "copies", "--split", part)


def test_sprites_from_sheets_to_figures(tmp_path, capsys, monkeypatch):
    """The recipe's own command, with sheets where `vgan fetch` puts them."""
    monkeypatch.chdir(tmp_path)
    write_sheets(Path("data/sprites/sheets"))
    less = ("--steps", 1, "--batch", 2, "--judge-clips", 2)
    vgan("train", "runs/s", "--recipe", "sprites-32", *less)
    written = json.loads(Path("runs/s/data.json").read_text())
    assert written["split"] == "train"
    capsys.readouterr()
    vgan("evaluate", "runs/s", "--count", 5, "--out", "figures.json")
    assert "residual" in capsys.readouterr().out
    figures = json.loads(Path("figures.json").read_text())
    assert (figures["clips"], figures["validity"], figures["cells_found"]) == (5, 0, 0)
    assert figures["residual"] > 0.12
