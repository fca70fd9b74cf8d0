"""The cells that train, judge and draw run on a device that is not the CPU, shortened.

No page is made on a GPU, so no page would show that a reader's GPU refuses a cell.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import nbformat
import pytest

from tests.book.notebooks import ROOT, code_cells
from tests.support.second_device import second_device
from vgan_tutorial.datasets import make_shapes_pack
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.recipes import get_recipe
from vgan_tutorial.training import TrainingState, sample, train
from vgan_tutorial.training.estimating import measure_run

FEW = 4  # clips
NETWORKS = re.compile(
    r"\b(TrainingConfig|start|train|train_step|steps_of|articles_step|sample|measure_run|get_recipe"
    r"|load_generator|load_stages|sample_latent|PackedClips|\w+_source)\("
    r"|live\.player\(\s+(state|stages|generator)\b"
)

OF_A_RECORD = re.compile(r"on_h200|records/gpu")  # tables and clips of a run on a GPU


def shortened() -> dict[str, Callable[..., Any]]:
    """What takes the place of the functions that take long."""

    def short(config):
        return replace(config, steps=min(config.steps, 6), batch=FEW, judge_every=0)

    def estimate(config, *args, **options):
        return measure_run(replace(short(config), penalty_every=1), *args, **options)

    def recipe(name):
        whole = get_recipe(name)
        stages = tuple(min(step, 6) for step in whole.config.stages)
        return replace(whole, config=replace(short(whole.config), stages=stages))

    def few(network, count, labels=None, **options):
        labels = None if labels is None else labels[:FEW]
        return sample(network, min(count, FEW), labels=labels, **options)

    return {
        "make_shapes_pack": partial(make_shapes_pack, actors=3, clips=1),
        "train": lambda config, *args, **options: train(short(config), *args, **options),
        "sample": few,
        "get_recipe": recipe,
        "measure_run": estimate,
        "sample_latent": lambda network, count, *args: sample_latent(network, FEW, *args),
    }


@pytest.mark.slow
@pytest.mark.parametrize("chapter", ["06_training", "08_full_training"])
def test_a_chapter_trains_judges_and_plays_on_a_second_device(chapter, tmp_path, monkeypatch):
    page = tmp_path / "book"
    page.mkdir()
    (page / "records").symlink_to(ROOT / "book" / "records")
    monkeypatch.chdir(page)
    first, *cells = code_cells(nbformat.read(ROOT / f"book/{chapter}.ipynb", as_version=4))
    names: dict[str, Any] = {}
    with second_device() as device:
        exec(first.source, names)
        names |= shortened()
        for cell in cells:
            if NETWORKS.search(cell.source) and not OF_A_RECORD.search(cell.source):
                exec(cell.source.replace("range(30)", "range(3)"), names)
        state = names["state"]
        assert isinstance(state, TrainingState)
        assert next(state.averaged.parameters()).device == device
    if chapter == "08_full_training":
        assert (tmp_path / "runs" / "full" / "generator.safetensors").exists()
