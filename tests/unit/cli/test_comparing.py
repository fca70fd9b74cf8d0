"""Runs side by side: the table, its figures, the curves."""

import json
import re
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from tests.unit.cli.test_commands import vgan
from vgan_tutorial.cli.comparing import MOST, chosen_figures, draw_curves
from vgan_tutorial.training import TrainingConfig

LOG = [
    {"step": 50, "seconds": 4.0, "generator_loss": 2.0, "discriminator_loss": 0.5},
    {"step": 100, "seconds": 80.0, "generator_loss": 1.25, "validity": 0.75},
]


def write_run(folder, log, **settings):
    folder.mkdir(parents=True)
    config = asdict(TrainingConfig(**settings))
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    (folder / "data.json").write_text(json.dumps({"data": "/far/away/cats"}))


@pytest.fixture
def folder(tmp_path):
    write_run(tmp_path / "runs" / "first", LOG, steps=200, seed=7)
    write_run(tmp_path / "runs" / "more" / "second", LOG[:1], loss="hinge")
    write_run(tmp_path / "runs" / "empty", [])
    return tmp_path / "runs"


def test_the_table_has_a_line_for_each_run(folder, capsys):
    vgan("runs", folder)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == [
        *("run", "step", "of", "time", "data", "generator", "loss", "batch", "seed"),
        *("validity", "discriminator_loss", "generator_loss"),
    ]
    told = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
    assert told == {
        # the newest value of each, though the last line of the log lacks one
        "first": "100 200 80 s cats painter relativistic 32 7 0.75 0.5 1.25",
        "more/second": "50 3,000 4 s cats painter hinge 32 0 0.5 2",
        "empty": "0 3,000 0 s cats painter relativistic 32 0",
    }


def test_one_run_and_named_figures(folder, capsys):
    vgan("runs", folder / "first", "--figures", "generator_loss")
    head, line = capsys.readouterr().out.splitlines()
    assert (head.split()[0], head.split()[-1]) == ("run", "generator_loss")
    assert (line.split()[0], line.split()[-1]) == ("first", "1.25")
    with pytest.raises(SystemExit, match="no log holds 'beauty'; choose from generator_loss, disc"):
        vgan("runs", folder, "--figures", "beauty")


def test_a_damaged_run_does_not_hide_the_others(folder, capsys):
    (folder / "empty" / "config.json").write_text("{")
    vgan("runs", folder)
    said = capsys.readouterr().out
    assert re.search(r"^empty: .*config\.json is not a configuration", said, re.MULTILINE)
    assert "more/second" in said


def test_curves_are_drawn(folder, tmp_path, capsys):
    vgan("runs", folder, "--plot", tmp_path / "curves.png")
    assert "curves of validity, discriminator_loss, generator_loss" in capsys.readouterr().out
    with Image.open(tmp_path / "curves.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5


def test_a_panel_for_each_figure_and_a_curve_for_each_run_that_has_it():
    drawing = draw_curves({"_a": LOG, "b": LOG[:1]}, ["generator_loss", "validity"])
    upper, lower = drawing.axes
    assert [np.asarray(line.get_xydata()).tolist() for line in upper.lines] == [
        [[50, 2], [100, 1.25]],
        [[50, 2]],
    ]
    assert [np.asarray(line.get_xydata()).tolist() for line in lower.lines] == [[[100, 0.75]]]
    legend = upper.get_legend()
    assert legend is not None
    assert [text.get_text().strip() for text in legend.get_texts()] == ["_a", "b"]
    many = draw_curves({str(number): LOG for number in range(MOST)}, ["validity"])
    looks = {(line.get_color(), line.get_linestyle()) for line in many.axes[0].lines}
    assert len(looks) == MOST
    with pytest.raises(ValueError, match="cannot be told apart"):
        draw_curves({str(number): LOG for number in range(MOST + 1)}, ["validity"])


def test_the_figures_that_say_most_come_first():
    assert chosen_figures([LOG], ()) == ["validity", "discriminator_loss", "generator_loss"]
    assert chosen_figures([[{"step": 1, "seconds": 1, "odd": 2}]], ()) == ["odd"]
    assert chosen_figures([], ()) == []


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (("nowhere",), "nowhere: there is no such folder"),
        ((".",), r"holds no run, that is no folder with a config\.json"),
        (
            (".", "--plot", "a.bmp"),
            r"a\.bmp has the suffix .\.bmp.: give it \.png or \.svg or \.pdf",
        ),
        ((".", "--plot", "nowhere/a.png"), "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_said(told, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=message):
        vgan("runs", *told)


def test_curves_of_runs_without_a_log_are_no_picture(tmp_path):
    write_run(tmp_path / "runs" / "a", [])
    with pytest.raises(SystemExit, match="no run in it has a line in its log yet"):
        vgan("runs", tmp_path / "runs", "--plot", tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
