"""Recipes: configurations that were chosen with care, to train with or to start from.

A recipe is a JSON file beside this one. It says what it trains, on which data, the fields of
`TrainingConfig` that differ from their defaults, and those that change where there is an
accelerator. `vgan train RUN --recipe small` trains one, and `vgan recipes` lists them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from vgan_tutorial.devices import best_precision
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training.config import TrainingConfig

FOLDER = Path(__file__).parent
RECIPES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


@dataclass(frozen=True)
class Recipe:
    """A configuration with its data.

    Attributes:
        name: of the file.
        about: what it trains, and how far it has been tried.
        data: a preset of Moving Shapes, or the name of a data set that has to be fetched first.
        split: part of the data to train on.
        config: the configuration on a CPU.
        on_accelerator: fields that differ where there is a GPU or the like.
    """

    name: str
    about: str
    data: str
    config: TrainingConfig
    split: str = "all"
    on_accelerator: dict[str, Any] = field(default_factory=dict)

    @property
    def needs_fetching(self) -> bool:
        """Whether the data is somebody else's, which has to be fetched."""
        return self.data not in PRESETS

    def config_on(self, device: torch.device) -> TrainingConfig:
        """The configuration on a device; in 16 bits only where the device has such a format."""
        if device.type == "cpu":
            return self.config
        config = replace(self.config, **self.on_accelerator)
        if config.precision == "no":
            return config
        return replace(config, precision=best_precision(device))


def get_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in RECIPES:
        raise ValueError(f"no recipe is called {name!r}; choose one of {', '.join(RECIPES)}")
    content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    config = TrainingConfig.from_dict(content.pop("config"))
    return Recipe(name, config=config, **content)
