import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.training import (
    TrainingConfig,
    load_checkpoint,
    load_generator,
    sample,
    save_checkpoint,
    save_generator,
    shapes_source,
    start,
    train,
)

SMALL = TrainingConfig(steps=6, batch=4, log_every=1, checkpoint_every=3)


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def run(config: TrainingConfig, folder=None, **options):
    return train(config, shapes_source("tiny"), folder, progress=False, **options)


# Runs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_run_that_stops_and_goes_on_is_the_same_run(tmp_path, generator):
    """2N steps equal N, a stop, and N more, bit for bit, for weights, optimisers and log."""
    config = dataclasses.replace(SMALL, generator=generator)
    whole, log = run(config, tmp_path / "whole")
    run(dataclasses.replace(config, steps=3), tmp_path / "parts")
    parts, parts_log = run(config, tmp_path / "parts")
    assert parts.step == 6
    for name in ("generator", "discriminator", "averaged"):
        assert same(weights(getattr(whole, name)), weights(getattr(parts, name))), name
    for name in ("generator_optimiser", "discriminator_optimiser"):
        one, other = (getattr(state, name).state_dict()["state"] for state in (whole, parts))
        for key in one:
            assert torch.equal(one[key]["exp_avg_sq"], other[key]["exp_avg_sq"])
    assert torch.equal(whole.randomness.get_state(), parts.randomness.get_state())
    for one, other in zip(log, parts_log, strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}
    assert [line["step"] for line in parts_log] == list(range(1, 7))


def test_the_run_folder_holds_configuration_log_and_checkpoint(tmp_path):
    run(SMALL, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert TrainingConfig.from_dict(json.loads((tmp_path / "config.json").read_text())) == SMALL
    state, config = load_checkpoint(tmp_path / "checkpoint.pt")
    assert (state.step, config) == (6, SMALL)


def test_lines_after_the_checkpoint_and_half_lines_are_written_again(tmp_path):
    run(dataclasses.replace(SMALL, steps=3), tmp_path)
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"step": 4, "seconds": 1.0}\n{"step": 5, "sec')
    _, log = run(SMALL, tmp_path)
    assert [line["step"] for line in log] == [1, 2, 3, 4, 5, 6]
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 6


def test_a_run_with_another_configuration_is_refused(tmp_path):
    run(dataclasses.replace(SMALL, steps=3), tmp_path)
    with pytest.raises(ValueError, match="batch was 4 and is 5"):
        run(dataclasses.replace(SMALL, batch=5), tmp_path)


def test_a_kill_during_a_checkpoint_leaves_the_last_good_file(tmp_path):
    """A child process does nothing but save checkpoints; it is killed at random moments."""
    script = (
        "import sys; from vgan_tutorial.training import *\n"
        "config = TrainingConfig(); state = start(config)\n"
        "while True:\n"
        "    state.step += 1; save_checkpoint(sys.argv[1], state, config)\n"
    )
    path = tmp_path / "checkpoint.pt"
    for wait in (0.0, 0.013, 0.031, 0.058):
        path.unlink(missing_ok=True)
        child = subprocess.Popen([sys.executable, "-c", script, str(path)])
        while not path.exists():
            assert child.poll() is None
            time.sleep(0.01)
        time.sleep(wait)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        state, _ = load_checkpoint(path)
        assert state.step >= 1


def test_a_time_budget_ends_the_run_with_a_log_line_and_a_checkpoint(tmp_path):
    config = dataclasses.replace(SMALL, steps=10_000, log_every=5000, checkpoint_every=5000)
    state, log = run(config, tmp_path, seconds=0.5)
    assert 0 < state.step < 10_000
    assert log[-1]["step"] == state.step
    assert load_checkpoint(tmp_path / "checkpoint.pt")[0].step == state.step


def test_a_loss_that_is_not_finite_stops_the_run():
    config = dataclasses.replace(SMALL, learning_rate=1e30)
    with pytest.raises(FloatingPointError, match=r"at step \d+; lower the learning rate"):
        run(config)


def test_clips_of_the_wrong_size_are_named():
    with pytest.raises(ValueError, match=r"\(3, 16, 32, 32\).*\(3, 8, 16, 16\)"):
        train(SMALL, shapes_source("small"), progress=False)


# Files ------------------------------------------------------------------------------------------


def test_a_saved_generator_gives_the_same_clips(tmp_path):
    state = start(SMALL)
    save_generator(tmp_path, state, SMALL)
    network, config = load_generator(tmp_path)
    assert config == SMALL
    assert torch.equal(sample(network, 3, seed=5), sample(state.averaged, 3, seed=5))


def test_weights_of_another_architecture_get_a_clear_error(tmp_path):
    save_generator(tmp_path, start(SMALL), dataclasses.replace(SMALL, generator="vgan"))
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
    with pytest.raises(ValueError, match="is not a checkpoint"):
        load_checkpoint(path)
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_that_was_cut_short_is_named(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, start(SMALL), SMALL)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="is not a checkpoint"):
        load_checkpoint(path)


def test_sampling_is_seeded_and_leaves_the_mode_as_it_was():
    state = start(dataclasses.replace(SMALL, generator="vgan"))
    state.averaged.train()
    first, again = (sample(state.averaged, 5, seed=1, batch=2) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, sample(state.averaged, 5, seed=2))
    assert state.averaged.training
    assert first.abs().max() <= 1
