"""The commands of chapter 8 for a folder of one's own films, as the page prints them."""

import json
import re
import shlex
from pathlib import Path

from tests.support.videos import moving_clip
from tests.unit.cli.test_commands import vgan
from vgan_tutorial.datasets import PackedClips
from vgan_tutorial.video_io import write_video

CHAPTER = Path(__file__).parents[3] / "book" / "08_full_training.ipynb"
SHORT = {"--batch": "2", "--steps": "1"}


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
    assert [words[1] for words in given] == ["inspect", "pack", "estimate", "train"]
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
    assert "step 1" in capsys.readouterr().out
