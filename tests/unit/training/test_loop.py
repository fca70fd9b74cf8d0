"""Whole runs: a run that stops and goes on is the same run."""

import dataclasses

import pytest

from tests.support.mini import PRESET, change
from tests.support.states import assert_same_state, timeless
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.training import read_log, shapes_source, train

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
