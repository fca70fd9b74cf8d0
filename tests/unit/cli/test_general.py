"""What every command takes, and output that takes any text."""

import io
import os
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
import torch
from accelerate import PartialState

from tests.support.videos import write_lossless
from tests.unit.cli.test_commands import vgan
from vgan_tutorial.cli import general
from vgan_tutorial.cli.general import CHOICES, device_is_chosen, use_device
from vgan_tutorial.training.processes import processes


@pytest.fixture
def unchosen(monkeypatch):
    """Nobody has chosen a device, neither before nor after."""
    for variable in (*CHOICES, "LOCAL_RANK"):
        monkeypatch.setenv(variable, "")  # so that it is put back whatever the test does
        monkeypatch.delenv(variable)
    yield
    for variable in CHOICES:
        os.environ.pop(variable, None)
    PartialState._reset_state()
    processes.cache_clear()


def test_the_version(capsys):
    with pytest.raises(SystemExit) as done:
        vgan("--version")
    assert done.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"vgan {version('vgan-tutorial')} ")
    assert version("torch") in said


def test_the_help_names_what_all_commands_take(capsys):
    with pytest.raises(SystemExit):
        vgan("--help")
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--device NAME" in said
    assert "vgan --version" in said
    assert "runs" in said


@pytest.mark.usefixtures("unchosen")
@pytest.mark.parametrize("told", [("--device", "cpu"), ("--device=cpu",)])
def test_a_device_is_taken_out_of_the_arguments_and_used(told):
    assert not device_is_chosen()
    assert general.take_general(["train", *told, "run"]) == ["train", "run"]
    assert device_is_chosen()
    assert processes().device.type == "cpu"


@pytest.mark.usefixtures("unchosen")
def test_an_accelerator_is_used_where_there_is_one(monkeypatch):
    found = torch.device("meta")  # stands for a GPU
    moved: list[Any] = []
    module = type("", (), {"set_device": staticmethod(moved.append)})
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: found)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    use_device("meta:1")
    assert os.environ[CHOICES[1]] == "meta:1"
    assert moved == [torch.device("meta:1")]
    assert processes().device == torch.device("meta:1")
    use_device("cpu")
    assert CHOICES[1] not in os.environ
    assert processes().device.type == "cpu"
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(ValueError, match="each process of a launched run has a device of its own"):
        use_device("meta:1")


@pytest.mark.usefixtures("unchosen")
def test_a_device_that_is_not_there_is_named(tmp_path):
    for wrong in ("gpu", "cuda:99", "meta"):
        with pytest.raises(SystemExit, match=f"device is '{wrong}'; choose one of cpu"):
            vgan("train", tmp_path / "run", "--device", wrong)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("unchosen")
def test_an_estimate_is_for_the_device_that_was_chosen(monkeypatch, capsys):
    measured = []
    monkeypatch.setattr("vgan_tutorial.cli.runs.devices", lambda: ["a", "b"])
    monkeypatch.setattr("vgan_tutorial.cli.runs.measure_run", lambda _, at: measured.append(at))
    vgan("estimate")
    assert measured == ["a", "b"]
    vgan("estimate", "--device", "cpu")
    assert measured[2:] == [torch.device("cpu")]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_a_report_is_printed_whatever_the_output_takes(encoding, tmp_path, monkeypatch):
    write_lossless(tmp_path / "v" / "ジャンプ" / "視.avi", frames=4)
    (tmp_path / "v" / "ジャンプ" / "…é.mp4").write_text("x")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    vgan("inspect", tmp_path / "v")
    said = written.getvalue().decode(encoding)
    assert r"\u30b8\u30e3\u30f3\u30d7" in said  # the class
    assert "holds plain text, not a video" in said
    assert ("é" in said) == (encoding != "ascii")
    with pytest.raises(SystemExit) as done:
        vgan("train", "--help")
    assert done.value.code == 0


def test_names_give_no_orders_to_the_terminal(tmp_path, capsys):
    write_lossless(tmp_path / "v" / "A\x1b[2J" / "a.avi", frames=4)
    (tmp_path / "v" / "A\x1b[2J" / "b\rc\n.mp4").write_text("x")
    vgan("inspect", tmp_path / "v", "--sheet", tmp_path / "sheet.png")
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\r" not in said
    assert r"A\x1b[2J" in said
    assert r"b\rc\n.mp4: holds plain text" in said


def test_seeds_that_no_generator_takes_are_refused(tmp_path):
    """And a refused run leaves nothing behind."""
    for told in (("train", "run"), ("sample", "run", "a.webp"), ("evaluate", "run")):
        with pytest.raises(SystemExit, match=r"seed is 10+; it must be a whole"):
            vgan(told[0], *(tmp_path / each for each in told[1:]), "--seed", 10**23)
    with pytest.raises(SystemExit, match="no pack at 'nowhere'"):
        vgan("train", tmp_path / "run", "--data", "nowhere")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_package_is_the_command():
    told = [sys.executable, "-m", "vgan_tutorial", "--version"]
    assert subprocess.run(told, capture_output=True, text=True).stdout.startswith("vgan ")
