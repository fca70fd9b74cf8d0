"""Configurations: a mistake is named, an old one is completed."""

import dataclasses
import json

import pytest

from tests.support.steps import change
from vgan_tutorial.training import TrainingConfig


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"loss": "hing"}, "loss is 'hing'; choose one of .*hinge"),
        ({"generator": "gpt"}, "generator is 'gpt'; choose one of article"),
        ({"precision": "fp8"}, "precision is 'fp8'; choose one of no, bf16"),
        ({"augmentation": ("blur",)}, "augmentation is 'blur'; choose one of colour"),
        ({"batch": 0}, "batch is 0; it must be at least 1"),
        ({"warm_up": -1}, "warm_up is -1; it must be at least 0"),
        ({"ema": 1.0}, "ema is 1.0"),
        ({"penalty": -1.0}, "penalty is -1.0; it must be at least 0"),
        ({"accumulate": 3}, "a batch of 4 cannot be cut into 3 parts"),
        ({"classes": -1}, "classes is -1; it must be at least 0"),
        ({"classes": (3, 0)}, r"classes is \(3, 0\); every factor needs at least one value"),
        ({"best": "validity"}, "nothing is judged: set judge_every too"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(fields, message):
    with pytest.raises(ValueError, match=message):
        change(**fields)


def test_an_older_configuration_is_completed_and_a_newer_one_refused():
    old = {"frames": 4, "betas": [0.5, 0.9], "seed": 7}
    assert TrainingConfig.from_dict(old) == TrainingConfig(frames=4, betas=(0.5, 0.9), seed=7)
    whole = dataclasses.asdict(change(augmentation=("cutout",)))
    assert TrainingConfig.from_dict(whole).augmentation == ("cutout",)
    told = json.loads(json.dumps(dataclasses.asdict(change(classes=(2, 3)))))
    assert TrainingConfig.from_dict(told).classes == (2, 3)
    with pytest.raises(ValueError, match="does not know: tempo"):
        TrainingConfig.from_dict({**old, "tempo": 3})
