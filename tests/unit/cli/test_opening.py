"""What a run says before it starts."""

from dataclasses import replace
from pathlib import Path

import torch

from vgan_tutorial.cli.opening import opening
from vgan_tutorial.datasets import make_shapes_pack
from vgan_tutorial.training import TrainingConfig, find_data, start

CONFIG = TrainingConfig(
    frames=8, size=16, steps=12_000, batch=6, generator_options={"channels": 8, "widest": 8}
)


def told(text: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in text.splitlines())


def test_it_names_device_data_networks_and_files():
    state = start(CONFIG)
    parameters = {
        player: f"{sum(each.numel() for each in network.parameters()):,} parameters"
        for player, network in (
            ("generator", state.generator),
            ("discriminator", state.discriminator),
        )
    }
    said = told(opening(Path("runs/a"), find_data("tiny"), "all", CONFIG))
    assert said["device"].startswith(state.randomness.device.type)
    assert said["data"] == "tiny; clips of 8 frames of 16 x 16"
    assert said["generator"] == f"painter, {parameters['generator']}"
    assert said["discriminator"] == f"dual, {parameters['discriminator']}"
    assert said["steps"] == "12,000 of 6 clips"
    assert said["checkpoint"] == "every 500 steps, in runs/a"
    assert "curves" not in said


def test_it_counts_the_clips_of_a_part(tmp_path):
    pack = make_shapes_pack(tmp_path, "tiny", actors=12, clips=1)
    data = find_data(str(pack))
    everything = told(opening(Path("a"), data, "all", CONFIG))["data"]
    part = told(opening(Path("a"), data, "train", CONFIG))["data"]
    count = int(everything.split()[0])
    assert count == len((pack / "clips.csv").read_text().splitlines()) - 1
    assert 0 < int(part.split()[0]) < count
    assert "part train" in part


def test_it_prints_the_command_for_the_curves():
    config = replace(CONFIG, tensorboard=True)
    said = told(opening(Path("my runs/a"), find_data("tiny"), "all", config))
    assert said["curves"] == 'tensorboard --logdir "my runs/a/tensorboard"'


def test_it_leaves_the_global_state_of_chance_alone():
    before = torch.get_rng_state()
    opening(Path("a"), find_data("tiny"), "all", CONFIG)
    assert torch.equal(torch.get_rng_state(), before)
