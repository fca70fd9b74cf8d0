import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from tests.support.sheets import write_sheets
from vgan_tutorial import cli
from vgan_tutorial.datasets import make_shapes_pack
from vgan_tutorial.training import read_log


def vgan(*arguments) -> None:
    cli.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of four steps on the tiny preset."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    vgan("train", folder, "--steps", 4, "--batch", 4, "--log-every", 2)
    return folder


def test_train_writes_everything_that_sampling_and_going_on_need(run):
    names = {path.name for path in run.iterdir()}
    assert {"config.json", "log.jsonl", "checkpoint.pt", "generator.safetensors"} <= names
    assert json.loads((run / "config.json").read_text())["size"] == 16


def test_the_same_command_goes_on(run, capsys):
    vgan("train", run, "--steps", 6, "--batch", 4, "--log-every", 2)
    steps = [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6]
    assert "step 6" in capsys.readouterr().out


def test_train_reads_a_pack(tmp_path, capsys):
    pack = make_shapes_pack(tmp_path, "tiny", actors=2, clips=1)
    vgan("train", tmp_path / "run", "--data", pack, "--steps", 2, "--batch", 2)
    assert "step 2" in capsys.readouterr().out


def test_sample_draws_an_animated_picture(run, tmp_path):
    vgan("sample", run, tmp_path / "clips.webp", "--count", 6, "--columns", 3, "--scale", 2)
    with Image.open(tmp_path / "clips.webp") as picture:
        assert len(list(ImageSequence.Iterator(picture))) == 8
        assert picture.width > picture.height > 2 * 16


def test_evaluate_prints_the_judges_figures(run, capsys, tmp_path):
    vgan("evaluate", run, "--count", 8, "--out", tmp_path / "judged.json")
    assert "of 24 cells" in capsys.readouterr().out
    figures = json.loads((tmp_path / "judged.json").read_text())
    assert figures["clips"] == 8
    assert 0 <= figures["motion_validity"] <= figures["validity"] <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "out", "--data", "nowhere"), "no pack at 'nowhere'"),
        (("sample", "nowhere", "clips.webp"), "not a trained generator"),
        (("sample", "nowhere", "clips.bmp"), "cannot be animated"),
        (("evaluate", "nowhere"), "not a trained generator"),
        (("sample", "run", "clips.gif", "--columns", 0), "columns, fps and scale must be positive"),
        (("sample", "run", "clips.gif", "--fps", 0), "columns, fps and scale must be positive"),
        (("sample", "run", "nowhere/clips.gif"), "there is no folder nowhere"),
        (("sample", "run", "clips.gif", "--checkpoint", "text.pt"), "or is damaged: take another"),
        (("evaluate", "run", "--metrics", "kernel", "--pairwise", 0), "must be positive"),
        (("evaluate", "run", "--out", "nowhere/a.json"), "there is no folder nowhere"),
        (("evaluate", "run", "--metrics", "fvd", "--i3d", "run/text.pt"), "is not TorchScript"),
        (("evaluate", "strange"), "data.json is damaged: name the preset or pack with --data"),
        (("inspect", "run/text.pt"), "is a file, not a folder"),
        (("fetch", "ucf101", "--archive", "nowhere.rar"), "nowhere.rar: there is no such file"),
        (("train", "new", "--batch", "0"), "vgan: batch is 0; it must be at least 1"),
        (("train", "new", "--loss", "hing"), "loss is 'hing'; choose one of minimax"),
        (("train", "new", "--discriminator", "x"), "discriminator is 'x'; choose one of article"),
        (("estimate", "--recipe", "small", "--blur", "-1"), "blur is -1.0; it must be at least 0"),
    ],
)
def test_bad_input_ends_in_one_line(arguments, message, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("run", "strange"):
        shutil.copytree(run, name)
    Path("run/text.pt").write_text("not a checkpoint")
    Path("strange/data.json").write_text('{"no": "data"}')
    with pytest.raises(SystemExit) as failure:
        vgan(*arguments)
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="pipes break in another way there")
def test_a_reader_that_has_had_enough_is_no_error():
    command = [sys.executable, "-m", "vgan_tutorial.cli", "train", "--help"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.communicate()[1] == b""
    assert process.returncode == 1


@pytest.mark.parametrize("command", ["pack", "train", "resume", "sample", "evaluate"])
def test_help_teaches(command, capsys):
    with pytest.raises(SystemExit) as done:
        vgan(command, "--help")
    assert done.value.code == 0
    assert len(capsys.readouterr().out) > 300


# Resuming and measuring ---------------------------------------------------------------------------


def test_resume_goes_on_from_the_folder_alone(tmp_path, capsys, monkeypatch):
    pack = make_shapes_pack(tmp_path, "tiny", actors=2, clips=1)
    monkeypatch.chdir(tmp_path)
    vgan("train", "run", "--data", pack.name, "--steps", 2, "--batch", 2, "--log-every", 1)
    monkeypatch.chdir("/")  # the pack's place is remembered
    vgan("resume", tmp_path / "run", "--steps", 3)
    assert "step 3" in capsys.readouterr().out
    assert [line["step"] for line in read_log(tmp_path / "run")] == [1, 2, 3]
    (tmp_path / "run" / "data.json").unlink()
    with pytest.raises(SystemExit, match="name the preset or pack with --data"):
        vgan("resume", tmp_path / "run")
    with pytest.raises(SystemExit, match="there is no run to go on with"):
        vgan("resume", tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match=r"holds no checkpoint\.pt, so there is nothing"):
        vgan("resume", tmp_path / "empty")


def test_a_run_is_judged_and_its_best_checkpoint_can_be_used(tmp_path, capsys):
    run = tmp_path / "run"
    options = ("--judge-every", 2, "--judge-clips", 4, "--best", "validity", "--batch", 2)
    vgan("train", run, "--steps", 2, *options)
    assert {"validity", "cells_found"} <= set(read_log(run)[-1])
    vgan("sample", run, tmp_path / "best.gif", "--count", 2, "--checkpoint", "best.pt")
    assert (tmp_path / "best.gif").stat().st_size > 0


def test_classes_are_those_of_the_data(tmp_path):
    with pytest.raises(SystemExit, match=r"tiny has 3: give --classes 3"):
        vgan("train", tmp_path / "run", "--classes", 5)
    sheets = write_sheets(tmp_path / "sheets")
    with pytest.raises(SystemExit, match=r"has 16: give --classes 16 .*, 16 3 2 2 2 3 to tell"):
        vgan("train", tmp_path / "run", "--data", sheets, "--classes", 16, 3, "--size", 32)
    with pytest.raises(SystemExit, match="cannot be told classes; choose one of"):
        vgan("train", tmp_path / "run", "--classes", 3, "--generator", "vgan")


@pytest.mark.slow
def test_a_generator_that_is_told_factors_is_asked_for_them(tmp_path, capsys):
    run, sheets = tmp_path / "run", write_sheets(tmp_path / "sheets")
    told = ("--data", sheets, "--size", 32, "--frames", 4, "--classes", 16, 3, 2, 2, 2, 3)
    vgan("train", run, *told, "--steps", 1, "--batch", 2)
    for name, label in (("cast", (0, 2, 1, 0, 0, 2)), ("walk", (13, 0, 1, 0, 0, 2))):
        vgan("sample", run, tmp_path / f"{name}.gif", "--count", 1, "--label", *label)
    assert (tmp_path / "cast.gif").read_bytes() != (tmp_path / "walk.gif").read_bytes()
    with pytest.raises(SystemExit, match="a number for each of 6 factors with 16, 3, 2, 2, 2, 3"):
        vgan("sample", run, tmp_path / "no.gif", "--label", 0, 3, 0, 0, 0, 0)
    vgan("evaluate", run, "--count", 4)
    vgan("export", run, "--web", tmp_path / "page.html")
    assert '"name":"hair","values":["1","2","3"]' in (tmp_path / "page.html").read_text()


def test_every_metric_whose_needs_are_met_is_measured(run, tmp_path):
    out = tmp_path / "all.json"
    wanted = ("--metrics", "all", "--count", 12, "--pairwise", 10, "--held-out", "tiny")
    vgan("evaluate", run, *wanted, "--out", out)
    figures = json.loads(out.read_text())
    assert figures["compared_in_pairs"] == 10
    for name in ("validity", "frechet_distance", "kernel_distance", "precision", "coverage"):
        assert name in figures
    for name in ("content_distance", "content_distance_of_real", "copying_share"):
        assert name in figures
    assert "fvd" not in figures
    assert "motion_score" not in figures  # nobody told the generator what to draw


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("fvd", "the metric fvd needs real clips, and the I3D network"),
        ("copies", "the metric copies needs the clips that .* and held-out ones"),
        ("motion", "the metric motion needs .* told each clip's motion"),
        ("beauty", "no metric is called 'beauty'; choose from judge, motion"),
    ],
)
def test_a_metric_that_lacks_something_says_what(run, metric, message):
    with pytest.raises(SystemExit, match=message):
        vgan("evaluate", run, "--metrics", metric, "--count", 8)


def test_a_refused_command_leaves_the_run_as_it_was(run):
    before = (run / "data.json").read_bytes()
    with pytest.raises(SystemExit, match="was trained on tiny, and this is small"):
        vgan("train", run, "--data", "small", "--steps", 8, "--batch", 4, "--log-every", 2)
    assert (run / "data.json").read_bytes() == before


def test_a_trained_generator_is_not_overwritten(run, tmp_path):
    """A record that somebody shared has no checkpoint, and is easily named by mistake."""
    for name in ("config.json", "generator.safetensors"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    with pytest.raises(SystemExit, match="no checkpoint to go on from"):
        vgan("train", tmp_path, "--steps", 2, "--batch", 4)
    assert (tmp_path / "generator.safetensors").read_bytes() == (
        run / "generator.safetensors"
    ).read_bytes()


def test_a_run_that_is_a_file_and_damaged_data_are_named(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="is a file, and a run needs a folder"):
        vgan("train", tmp_path / "file", "--steps", 2)
    for damage in ("", "{}", "[1]"):
        shutil.copytree(run, tmp_path / "copy", dirs_exist_ok=True)
        (tmp_path / "copy" / "data.json").write_text(damage)
        with pytest.raises(SystemExit, match=r"data\.json is damaged: name the preset or pack"):
            vgan("resume", tmp_path / "copy")
