"""Checkpoints and generators to share: whole, safe to read, with clear errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.support.mini import CONFIG, change, run
from tests.support.seeds import seeded
from tests.support.states import assert_same_state, timeless
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.training import (
    load_checkpoint,
    load_generator,
    load_stages,
    read_log,
    sample,
    save_checkpoint,
    save_generator,
    start,
)


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
