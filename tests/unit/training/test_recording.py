"""What is written of a run, and how it goes on from there."""

import dataclasses
import json

import pytest
import torch
from PIL import Image

from tests.support.mini import CONFIG, PRESET, change, run
from tests.support.states import assert_same_state
from vgan_tutorial.training import (
    TrainingConfig,
    load_checkpoint,
    load_generator,
    read_log,
    sample,
    shapes_judge,
    shapes_source,
    train,
)


def test_lines_after_the_checkpoint_and_half_lines_are_written_again(tmp_path):
    run(change(steps=3), tmp_path)
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"step": 4, "seconds": 1.0}\n{"step": 5, "sec')
    _, log = run(CONFIG, tmp_path)
    assert [line["step"] for line in log] == [1, 2, 3, 4, 5, 6]
    assert read_log(tmp_path) == log


def test_a_run_with_another_configuration_is_refused(tmp_path):
    run(change(steps=3), tmp_path)
    with pytest.raises(ValueError, match="batch was 4 and is 5"):
        run(change(batch=5), tmp_path)
    run(change(steps=4, log_every=2, keep=3, sample_every=2), tmp_path)  # these may change


def test_a_checkpoint_from_before_a_field_existed_goes_on(tmp_path):
    run(change(steps=3), tmp_path)
    path = tmp_path / "checkpoint.pt"
    content = torch.load(path, weights_only=True)
    for name in ("noise", "augmentation", "keep"):
        del content["config"][name]
    torch.save(content, path)
    assert run(CONFIG, tmp_path)[0].step == 6


def broken_after(batches: int):
    """A source whose clips are not numbers from then on."""

    def source(batch, randomness, step=0):
        for count, clips in enumerate(shapes_source(PRESET)(batch, randomness), start=1):
            yield clips * float("nan") if count > batches else clips

    return source


def test_a_loss_that_is_not_finite_stops_the_run_and_names_step_loss_and_checkpoint(tmp_path):
    """The step is the first bad one, though the log was to be written much later."""
    config = change(steps=100, log_every=50, checkpoint_every=4)
    expected = r"discriminator_loss is nan at step 7; .*checkpoint\.pt of step 4"
    with pytest.raises(FloatingPointError, match=expected):
        train(config, broken_after(6), tmp_path, progress=False)
    assert load_checkpoint(tmp_path / "checkpoint.pt")[0].step == 4
    with pytest.raises(FloatingPointError, match=r"step 2; lower .* begin again"):
        train(config, broken_after(1), progress=False)


def test_the_run_folder_holds_configuration_log_and_checkpoint(tmp_path):
    run(CONFIG, tmp_path)
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2, 3, 4, 5, 6]
    assert TrainingConfig.from_dict(json.loads((tmp_path / "config.json").read_text())) == CONFIG
    state, config = load_checkpoint(tmp_path / "checkpoint.pt")
    assert (state.step, config) == (6, CONFIG)
    assert torch.equal(sample(load_generator(tmp_path)[0], 2), sample(state.averaged, 2))


def test_the_newest_checkpoints_are_kept(tmp_path):
    run(change(checkpoint_every=1, keep=2), tmp_path)
    kept = sorted(path.name for path in tmp_path.glob("checkpoint-*"))
    assert kept == ["checkpoint-00000005.pt", "checkpoint-00000006.pt"]
    assert load_checkpoint(tmp_path / kept[0])[0].step == 5
    assert load_checkpoint(tmp_path / "checkpoint.pt")[0].step == 6


def judge_of(figures):
    """A judge whose figure is given for each judgement in turn."""
    left = iter(figures)
    return lambda clips: {"quality": next(left), "clips": len(clips)}


@pytest.mark.parametrize(("best", "step"), [("quality", 4), ("-quality", 6)])
def test_the_best_checkpoint_is_kept_and_remembered(tmp_path, best, step):
    config = change(judge_every=2, judge_clips=5, best=best, checkpoint_every=2)
    run(dataclasses.replace(config, steps=4), tmp_path, judge=judge_of([0.5, 0.9]))
    _, log = run(config, tmp_path, judge=judge_of([0.2]))
    assert [(line["step"], line["quality"]) for line in log if "quality" in line] == [
        (2, 0.5),
        (4, 0.9),
        (6, 0.2),
    ]
    assert log[1]["clips"] == 5
    assert load_checkpoint(tmp_path / "best.pt")[0].step == step


def test_a_best_figure_that_nobody_judges_is_named(tmp_path):
    config = change(judge_every=1, best="beauty")
    with pytest.raises(ValueError, match=r"best is 'beauty'.*choose one of .*quality"):
        run(config, tmp_path, judge=judge_of([1.0]))
    with pytest.raises(ValueError, match="no judge for this data"):
        run(config, tmp_path)


def test_judging_and_drawing_do_not_change_the_run(tmp_path):
    watched = change(judge_every=2, sample_every=2, judge_clips=4)
    state, log = run(watched, tmp_path, judge=shapes_judge(PRESET))
    assert_same_state(state, run(CONFIG)[0])
    assert 0 <= log[1]["motion_validity"] <= log[1]["validity"] <= 1
    pictures = sorted((tmp_path / "samples").iterdir())
    assert [path.name for path in pictures] == [f"step-0000000{step}.png" for step in (2, 4, 6)]
    with Image.open(pictures[0]) as picture:
        assert picture.size == (2 * 8, 8 * 8)  # two frames from left to right, a row a clip
