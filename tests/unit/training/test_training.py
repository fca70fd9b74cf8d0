"""Whole runs: they go on as the same run, they stop when they should, they write what they say."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.support.mini import CONFIG, PRESET, change, run
from tests.support.seeds import seeded
from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.oracle import judge
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import (
    TrainingConfig,
    load_checkpoint,
    load_generator,
    load_stages,
    read_log,
    sample,
    sample_batches,
    sampling,
    save_checkpoint,
    save_generator,
    shapes_judge,
    shapes_source,
    start,
    train,
    watching,
)


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def assert_same_state(one, other) -> None:
    """Bit for bit: weights, averages, optimisers, random numbers."""
    for name in ("generator", "discriminator", "averaged"):
        assert same(weights(getattr(one, name)), weights(getattr(other, name))), name
    for name in ("generator_optimiser", "discriminator_optimiser"):
        mine, theirs = (getattr(state, name).state_dict()["state"] for state in (one, other))
        for key in mine:
            assert all(torch.equal(mine[key][part], theirs[key][part]) for part in mine[key])
    assert torch.equal(one.randomness.get_state(), other.randomness.get_state())
    assert one.step == other.step


def timeless(log) -> list[dict]:
    return [line | {"seconds": 0} for line in log]


# Going on ---------------------------------------------------------------------------------------

# Networks with everything that a checkpoint could forget: statistics of batches, directions of
# spectral normalisation, recurrent weights.
PAIRS = [("vgan", "tgan"), ("mocogan", "mocogan"), ("residual", "residual"), ("tgan", "patch")]
LARGER = {"frames": 4, "size": 16, "batch": 2}  # the least that these networks can build
WAYS = {
    "as it is": {},
    "rates that change": {"warm_up": 3, "decay_after": 2, "half_life": 2},
    "several turns": {"discriminator_steps": 2, "accumulate": 2},
    "disturbed clips": {"augmentation": ("colour", "cutout"), "noise": 0.3, "noise_steps": 5},
    "blurred clips": {"blur": 1.5, "blur_steps": 5},
    "bfloat16": {"precision": "bf16"},
    "fused": {"fused": True},
}


@pytest.mark.parametrize(
    "fields",
    [
        *({"loss": loss} for loss in ADVERSARIAL_LOSSES),
        *WAYS.values(),
        *(
            {"generator": g, "discriminator": d, "frames": 4, "size": 16, "batch": 2}
            for g, d in PAIRS
        ),
    ],
    ids=lambda fields: "-".join(map(str, fields.values())) or "default",
)
def test_a_run_that_stops_and_goes_on_is_the_same_run(tmp_path, fields, narrow):
    """2N steps equal N, a stop, and N more, bit for bit."""
    large = "size" in fields
    config = change(steps=2 if large else 6, **fields)
    source = shapes_source(dataclasses.replace(PRESET, frames=config.frames, size=config.size))
    half = dataclasses.replace(config, steps=config.steps // 2)
    whole, log = train(config, source, progress=False)
    train(half, source, tmp_path, progress=False)
    parts, parts_log = train(config, source, tmp_path, progress=False)
    assert_same_state(whole, parts)
    assert timeless(log) == timeless(parts_log) == timeless(read_log(tmp_path))
    assert [line["step"] for line in log] == list(range(1, config.steps + 1))


@pytest.fixture
def narrow(monkeypatch):
    """The large networks with few channels."""
    for table, names in (
        (GENERATORS, ("vgan", "residual")),
        (DISCRIMINATORS, ("tgan", "residual")),
    ):
        for name in names:
            whole = table[name]
            extra = {"attention": 0} if (table, name) == (GENERATORS, "residual") else {}
            monkeypatch.setitem(table, name, lambda w=whole, e=extra, **f: w(channels=4, **e, **f))


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


# Stopping ---------------------------------------------------------------------------------------


def test_a_time_budget_ends_the_run_with_a_log_line_and_a_checkpoint(tmp_path):
    config = change(steps=10_000, log_every=5000, checkpoint_every=5000)
    state, log = run(config, tmp_path, seconds=0.3)
    assert 0 < state.step < 10_000
    assert log[-1]["step"] == state.step
    assert load_checkpoint(tmp_path / "checkpoint.pt")[0].step == state.step


@pytest.fixture
def listening():
    """Ctrl-C does what it does in a program; a shell's background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
def test_an_interrupt_saves_after_the_step_and_then_does_what_it_always_does(tmp_path, capsys):
    before = signal.getsignal(signal.SIGINT)

    def interrupt(state):
        if state.step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(CONFIG, tmp_path, on_step=interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    assert "stopped by SIGINT after step 3" in capsys.readouterr().out
    assert load_checkpoint(tmp_path / "checkpoint.pt")[0].step == 3
    state, _ = run(CONFIG, tmp_path)
    assert_same_state(state, run(CONFIG)[0])


@pytest.mark.usefixtures("listening")
def test_a_second_interrupt_is_obeyed_at_once(tmp_path):
    def interrupt(state):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(change(checkpoint_every=100), tmp_path, on_step=interrupt)
    assert not (tmp_path / "checkpoint.pt").exists()


def broken_after(batches: int):
    """A source whose clips are not numbers from then on."""

    def source(batch, randomness):
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


def test_a_source_that_ends_or_has_no_labels_is_named():
    with pytest.raises(ValueError, match="has ended"):
        train(CONFIG, lambda batch, randomness: iter(()), progress=False)
    config = change(generator="mocogan", discriminator="residual", classes=3, size=16)
    source = shapes_source(dataclasses.replace(PRESET, size=16))
    with pytest.raises(ValueError, match="gives no labels: open it with labelled=True"):
        train(config, source, progress=False)


def test_clips_of_the_wrong_size_are_named():
    with pytest.raises(ValueError, match=r"\(4, 3, 8, 16, 16\).*\(4, 3, 2, 8, 8\)"):
        train(CONFIG, shapes_source("tiny"), progress=False)


def test_labels_of_shapes_are_places_in_the_alphabet():
    clips, labels = next(shapes_source(labelled=True)(24, seeded(0)))
    seen = judge(clips, PRESETS["tiny"]).factors
    names = [seen.names(PRESETS["tiny"], clip)["motion"] for clip in range(24)]
    assert names == [["circular", "horizontal", "vertical"][label] for label in labels]


# What is written --------------------------------------------------------------------------------


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


def test_stages_are_kept_as_they_were_at_their_steps(tmp_path):
    """Also by a run that was stopped: a later state must not stand in for an earlier one."""
    wanted = {"stages": (0, 2, 5)}
    run(change(steps=3, **wanted), tmp_path)
    run(change(steps=6, **wanted), tmp_path)
    stages = load_stages(tmp_path)
    assert [label for label, _ in stages] == ["step 0", "step 2", "step 5", "the end"]
    latent = sample_latent(stages[0][1], 2, seeded(1))
    for step, (_, stage) in zip((2, 5), stages[1:], strict=False):
        state, _ = run(change(steps=step))
        expected = state.averaged.eval()(latent)
        # the weights are rounded to 16 bits
        torch.testing.assert_close(stage(latent), expected, atol=5e-3, rtol=0)
    assert (stages[0][1](latent) - stages[2][1](latent)).abs().max() > 0.02


def test_a_run_without_stages_says_how_to_get_them(tmp_path):
    run(change(steps=1), tmp_path)
    with pytest.raises(FileNotFoundError, match="kept no stages: train with --stages"):
        load_stages(tmp_path)


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


def test_strips_show_clips_as_rows():
    clips = next(shapes_source("tiny")(3, seeded(0)))
    picture = torch.from_numpy(np.array(watching.strips(clips))).view(3, 16, 8, 16, 3)
    shown = picture[1, :, 5].permute(2, 0, 1) / 127.5 - 1  # the second clip's sixth frame
    torch.testing.assert_close(shown, clips[1, :, 5], rtol=0, atol=0.01)


def test_tensorboard_gets_the_log(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run(change(steps=3, tensorboard=True), tmp_path)
    _, log = run(change(tensorboard=True), tmp_path)
    found = events.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    curve = found.Scalars("generator_loss")
    assert [(point.step, pytest.approx(point.value)) for point in curve] == [
        (line["step"], line["generator_loss"]) for line in log
    ]


def test_tensorboard_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"pip install 'vgan-tutorial\[tensorboard\]'"):
        run(change(tensorboard=True), tmp_path)


# Files ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_kills_at_every_kind_of_moment_lose_no_more_than_the_work_since_a_checkpoint(tmp_path):
    """Twenty kills in one run, then its end: the same weights and log as without kills."""
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "tests.support.killed_runs", str(folder)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=root)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert len(report["kills"]) == 20
    saved = [kill["saved"] for kill in report["kills"]]
    assert saved == sorted(saved)
    assert saved[-1] > 20
    for kill in report["kills"]:
        assert kill["seen"] - kill["saved"] <= report["every"], kill
    config = change(steps=report["steps"], checkpoint_every=report["every"], keep=2, batch=2)
    whole, log = run(config)
    assert_same_state(load_checkpoint(folder / "checkpoint.pt")[0], whole)
    assert timeless(read_log(folder)) == timeless(log)


def test_a_saved_generator_gives_the_same_clips(tmp_path):
    state = start(CONFIG)
    save_generator(tmp_path, state, CONFIG)
    network, config = load_generator(tmp_path)
    assert config == CONFIG
    assert torch.equal(sample(network, 3, seed=5), sample(state.averaged, 3, seed=5))


def test_weights_of_another_architecture_get_a_clear_error(tmp_path):
    save_generator(tmp_path, start(CONFIG), change(generator="vgan"))
    with pytest.raises(ValueError, match="not those of a 'vgan' generator"):
        load_generator(tmp_path)
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, start(CONFIG), change(discriminator="video"))
    with pytest.raises(ValueError, match=r"does not fit .* a 'video' discriminator for 2 frames"):
        load_checkpoint(path)
    (tmp_path / "generator.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="not those of a 'vgan' generator"):
        load_generator(tmp_path)


def test_a_missing_generator_or_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no generator\.safetensors"):
        load_generator(tmp_path)
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_checkpoint(tmp_path / "checkpoint.pt")


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / "checkpoint.pt"
    torch.save({"config": Evil()}, path)
    for use in (load_checkpoint, lambda path: run(CONFIG, path.parent)):
        with pytest.raises(ValueError, match="is not a checkpoint"):
            use(path)
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_that_was_cut_short_is_named(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, start(CONFIG), CONFIG)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="is not a checkpoint"):
        load_checkpoint(path)


def test_sampling_is_seeded_streamed_and_leaves_the_mode_as_it_was():
    state = start(change(generator="dcgan"))
    state.averaged.train()
    first, again = (sample(state.averaged, 5, seed=1, batch=2) for _ in range(2))
    assert torch.equal(first, again)
    parts = list(sample_batches(state.averaged, 5, seed=1, batch=2))
    assert [len(part) for part in parts] == [2, 2, 1]
    assert torch.equal(torch.cat(parts), first)
    assert not torch.equal(first, sample(state.averaged, 5, seed=2))
    assert state.averaged.training
    assert first.abs().max() <= 1


def test_latents_are_drawn_a_few_batches_at_a_time_and_do_not_depend_on_the_batch(monkeypatch):
    state, draw = start(change()), Mock(side_effect=sampling.sample_latent)
    whole = sample(state.averaged, 40, batch=64)
    monkeypatch.setattr(sampling, "sample_latent", draw)
    torch.testing.assert_close(sample(state.averaged, 40, batch=1), whole)
    assert [call.args[1] for call in draw.call_args_list] == [16, 16, 8]
    with pytest.raises(ValueError, match="at least 1"):
        sample(state.averaged, 0)
