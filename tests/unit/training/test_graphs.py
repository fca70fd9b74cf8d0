"""Recorded steps: when they may be used, and on a GPU that they are the same steps."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from tests.support.mini import CONFIG, PRESET, change
from tests.support.states import weights
from vgan_tutorial import devices
from vgan_tutorial.training import (
    TrainingConfig,
    load_checkpoint,
    save_checkpoint,
    shapes_source,
    start,
    train,
    train_step,
)
from vgan_tutorial.training import graphs as recorded
from vgan_tutorial.training.graphs import GraphedSteps, can_record, make_capturable, put, stepper
from vgan_tutorial.training.microbatches import Microbatch
from vgan_tutorial.training.saving import read_checkpoint, restore

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
PAINTED = TrainingConfig(batch=8, steps=20, penalty_every=4, fused=True, log_every=1)
FIGURES = ("discriminator_loss", "generator_loss", "real_logit", "fake_logit")


def take_steps(config, count, device, graphs):
    """A state after some steps, and the figures of each."""
    state = start(config, device)
    step = stepper(state, replace(config, graphs=graphs))
    source = shapes_source("tiny", device, config.classes > 0)
    clips = source(config.batch * config.discriminator_steps, state.randomness)
    figures = []
    for _ in range(count):
        batch = next(clips)
        real, labels = batch if isinstance(batch, tuple) else (batch, None)
        taken = step(real, labels)
        figures.append({name: taken[name].item() for name in FIGURES})
    if isinstance(step, GraphedSteps):
        assert step.recordings.keys() == {True, False}
    return state, figures


def test_without_cuda_a_run_that_asks_for_graphs_takes_the_usual_steps():
    config = replace(PAINTED, batch=2)
    assert not can_record(replace(config, graphs=True), CPU)
    state, figures = take_steps(config, 2, CPU, graphs=True)
    assert figures == take_steps(config, 2, CPU, graphs=False)[1]
    assert state.step == 2


@pytest.mark.parametrize(
    "changes", [{"singular_values_every": 5}, {"compile": True}, {"precision": "fp16"}]
)
def test_steps_that_change_or_wait_are_never_recorded(changes):
    assert can_record(PAINTED, CUDA)
    assert not can_record(replace(PAINTED, **changes), CUDA)


def test_nor_are_those_of_several_processes(monkeypatch):
    monkeypatch.setattr(recorded, "process_count", lambda: 2)
    assert not can_record(PAINTED, CUDA)


def test_adam_counts_on_the_device_and_a_checkpoint_counts_as_always(tmp_path):
    """A run may be gone on with where there is no GPU: the file says nothing of graphs."""
    source = shapes_source(PRESET)
    whole, _ = train(change(steps=4), source, progress=False)
    state, _ = train(change(steps=2), source, tmp_path, progress=False)
    for optimiser in state.optimisers:
        make_capturable(optimiser, CPU)
        assert all(isinstance(group["lr"], torch.Tensor) for group in optimiser.param_groups)
    save_checkpoint(tmp_path / "checkpoint.pt", state, change(steps=2))
    again, _ = load_checkpoint(tmp_path / "checkpoint.pt")
    for optimiser in again.optimisers:
        (group,) = optimiser.param_groups
        assert isinstance(group["lr"], float)
        assert not group["capturable"]
    went_on, _ = train(change(steps=4), source, tmp_path, progress=False)
    for name, value in weights(whole.generator).items():
        torch.testing.assert_close(weights(went_on.generator)[name], value, rtol=1e-4, atol=1e-6)


def test_a_step_finds_its_clips_latents_and_labels_where_the_recorded_one_reads():
    clips = torch.ones(2, 3, 1, 4, 4)
    new = Microbatch(clips, torch.tensor([1, 0]), torch.full((2, 4), 3.0))
    old = recorded.copy_of(new)
    new.real.zero_()
    new.labels = torch.tensor([0, 1])
    assert old.real.eq(1).all()  # a place of its own
    put([[new]], [[old]])
    assert old.real.eq(0).all()
    assert old.labels is not None
    assert old.labels.tolist() == [0, 1]


def test_half_precision_is_scaled_and_a_checkpoint_keeps_the_scale(tmp_path):
    config = change(precision="fp16", steps=2)
    state, _ = train(config, shapes_source(PRESET), tmp_path, progress=False)
    assert state.scaler.is_enabled()
    assert not start(CONFIG).scaler.is_enabled()
    state.scaler.update(1024.0)
    save_checkpoint(tmp_path / "checkpoint.pt", state, config)
    again, _ = load_checkpoint(tmp_path / "checkpoint.pt")
    assert again.scaler.get_scale() == 1024.0


def test_a_gpu_that_only_imitates_bfloat16_is_said_so(monkeypatch):
    fake = SimpleNamespace(
        is_available=lambda: True,
        is_bf16_supported=lambda including_emulation: including_emulation,
        get_device_capability=lambda device: (7, 5),
        get_device_name=lambda device: "Tesla T4",
    )
    monkeypatch.setattr(devices.torch, "cuda", fake)
    assert devices.best_precision(CUDA) == "fp16"
    with pytest.raises(ValueError, match=r"Tesla T4 has no bfloat16 of its own: .* fp16"):
        devices.check_precision("bf16", CUDA)
    fake.get_device_capability = lambda device: (6, 1)
    assert devices.best_precision(CUDA) == "no"


# On a GPU ---------------------------------------------------------------------------------------


@pytest.mark.accelerator
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"classes": 3, "accumulate": 2},
        {"discriminator_steps": 2, "augmentation": ("colour", "translation")},
        {"blur": 1.0, "blur_steps": 6},
    ],
    ids=["plain", "classes", "augmented", "blurred"],
)
def test_recorded_steps_are_the_same_steps(changes):
    """But for rounding, which no convolution on a GPU promises."""
    config = replace(PAINTED, learning_rate=1e-4, **changes)
    state, figures = take_steps(config, 16, CUDA, graphs=True)
    usual, expected = take_steps(config, 16, CUDA, graphs=False)
    assert state.step == usual.step == 16
    for mine, theirs in zip(figures, expected, strict=True):
        assert mine == pytest.approx(theirs, rel=0.05, abs=0.05)
    for name in ("generator", "averaged"):
        pairs = (getattr(each, name).parameters() for each in (state, usual))
        for one, other in zip(*pairs, strict=True):
            torch.testing.assert_close(one, other, rtol=0.02, atol=5e-4)


@pytest.mark.accelerator
def test_a_step_never_waits_for_the_gpu():
    config = replace(PAINTED, graphs=True, precision="bf16")
    state = start(config, CUDA)
    clips = shapes_source("tiny", CUDA)(config.batch, state.randomness)
    for step in (stepper(state, config), stepper(state, replace(config, graphs=False))):
        for _ in range(16):
            step(next(clips), None)
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(8):
                step(next(clips), None)
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.accelerator
def test_a_run_on_the_gpu_goes_on_there_and_on_the_cpu(tmp_path):
    config = replace(PAINTED, graphs=True, steps=14, checkpoint_every=7)
    source = shapes_source("tiny", CUDA)
    train(replace(config, steps=7), source, tmp_path, progress=False)
    state, _ = train(config, source, tmp_path, progress=False)
    assert state.step == 14
    again = start(config, CPU)
    content, saved = read_checkpoint(tmp_path / "checkpoint.pt")
    restore(tmp_path / "checkpoint.pt", again, content, saved)
    train_step(again, next(shapes_source("tiny")(config.batch, again.randomness)), config)
    assert again.step == 15


@pytest.mark.accelerator
@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_every_precision_trains(precision):
    config = replace(PAINTED, precision=precision)
    _, figures = take_steps(config, 16, CUDA, graphs=True)
    assert all(0 <= line["discriminator_loss"] < 100 for line in figures)
    assert all(0 <= line["generator_loss"] < 100 for line in figures)
