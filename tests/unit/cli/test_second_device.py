"""Every command that has to do with networks, where these are not on the CPU."""

import json

import pytest

from tests.support.second_device import second_device
from tests.support.sheets import write_sheets
from tests.unit.cli.test_commands import vgan
from vgan_tutorial.cli import runs
from vgan_tutorial.datasets import make_shapes_pack

SHORT = ("--steps", 2, "--batch", 4, "--judge-clips", 4)
WATCHED = ("--judge-every", 1, "--best", "validity", "--sample-every", 1, "--stages", 0, 1)


@pytest.mark.slow
def test_the_commands_of_a_run(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    told = ("--classes", 3, "--frames", 8, "--size", 16)
    with second_device() as device:
        monkeypatch.setattr(runs, "devices", lambda: [device])
        vgan("estimate", *SHORT)
        vgan("train", run, *SHORT, *WATCHED, *told)
        vgan("resume", run, "--steps", 3)
        vgan("sample", run, tmp_path / "clips.webp", "--count", 4, "--label", 1)
        vgan("sample", run, tmp_path / "best.webp", "--count", 4, "--checkpoint", "best.pt")
        vgan("evaluate", run, "--metrics", "all", "--count", 8, "--out", tmp_path / "found.json")
        vgan("export", run, "--web", tmp_path / "page.html")
    assert "a second device" in capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())
    assert {"validity", "motion_score", "frechet_distance", "kernel_distance"} <= found.keys()
    assert (tmp_path / "page.html").stat().st_size > (tmp_path / "clips.webp").stat().st_size > 0


@pytest.mark.slow
def test_the_commands_of_a_run_on_sprites_and_on_a_pack(tmp_path, capsys):
    sheets = write_sheets(tmp_path / "sheets")
    pack = make_shapes_pack(tmp_path, "tiny", actors=3, clips=1)
    with second_device():
        vgan("train", tmp_path / "one", "--data", sheets, *SHORT, *WATCHED, "--classes", 16)
        vgan("evaluate", tmp_path / "one", "--count", 4)
        vgan("train", tmp_path / "other", "--data", pack, *SHORT)
        vgan("evaluate", tmp_path / "other", "--metrics", "neighbours", "--count", 8)
    assert "consistency" in capsys.readouterr().out
