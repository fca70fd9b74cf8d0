"""The commands that use a trained generator: sample, evaluate, export."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from torch import Tensor, nn

from vgan_tutorial import live
from vgan_tutorial.cli.folders import DATA, read_trained
from vgan_tutorial.cli.outputs import check_output
from vgan_tutorial.cli.pictures import (
    check_name,
    check_size,
    draw,
    with_between,
    write_clips,
    write_each,
)
from vgan_tutorial.cli.runs import Run
from vgan_tutorial.errors import printable
from vgan_tutorial.latents import Factor, labels_in_turn, one_label, sample_latent
from vgan_tutorial.metrics import METRICS, I3DFeatures
from vgan_tutorial.metrics import evaluate as measure
from vgan_tutorial.metrics.evaluation import COMPARING, first
from vgan_tutorial.shapes import PRESETS, Preset
from vgan_tutorial.sprites import SpritesJudge, judged_acts
from vgan_tutorial.training import (
    TrainingConfig,
    find_data,
    load_checkpoint,
    load_generator,
    sample_batches,
)
from vgan_tutorial.training import sample as draw_samples
from vgan_tutorial.training.data import SpritesData
from vgan_tutorial.training.processes import processes

BATCH = 64  # clips made and measured together


def sample(
    run: Run,
    picture: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PICTURE")],
    /,
    count: int = 24,
    columns: int = 8,
    fps: float = 8.0,
    seed: int = 0,
    scale: int = 4,
    label: tuple[int, ...] = (),
    between: int = 0,
    each: bool = False,
    checkpoint: str | None = None,
) -> None:
    """Draw clips from a trained generator: a moving picture, a film, or frames.

    Args:
        run: Folder of the run.
        picture: File to write: .webp or .gif moves in a page, .mp4 is a film for a player of films
            (MPEG-4 Part 2, which browsers do not show), .png is a picture of each frame, whose
            names get numbers.
        count: Number of clips.
        columns: Number of clips in a row.
        fps: Frames a second.
        seed: Seed of the latents; the same one gives the same clips.
        scale: Width on the picture of one pixel of a clip.
        label: Class of all clips, counted from 0, if the generator was told classes; of several
            factors a number for each.
        between: Number of clips drawn besides between each clip and the next, from latents on the
            way from one to the other.
        each: Write one file for each clip, with its number in its name, and not one for all.
        checkpoint: Name of one of the run's checkpoints, such as best.pt, instead of its last
            state.
    """
    if min(count, columns, scale) < 1 or not fps > 0:
        raise ValueError(
            f"count, columns, fps and scale must be positive: {count}, {columns}, {fps:g}, {scale}"
        )
    if fps > 1000 or fps < 0.01:
        raise ValueError(f"fps is {fps:g}; it must be from 0.01 to 1000")
    _check_seed(seed)
    if between < 0:
        raise ValueError(f"between is {between}; it must be at least 0")
    check_name(picture)
    network, config = _open_generator(run, checkpoint)
    drawn = count + (count - 1) * between
    together = (1, 1) if each else (drawn, columns)
    check_size(config.frames, config.size, *together, scale)
    labels = torch.full((drawn,), one_label(label, config.classes)) if label else None
    if between:
        latents = sample_latent(network, count, torch.Generator().manual_seed(seed))
        clips = draw(network, with_between(latents, between), labels)
    else:
        clips = draw_samples(network, count, seed, labels=labels)
    if each:
        files = write_each(clips, picture, scale, fps)
    else:
        files = write_clips(clips, picture, columns, scale, fps)
    more = f" to {printable(files[-1].name)}" if len(files) > 1 else ""
    print(f"{printable(files[0])}{more}: {drawn} clips")


def evaluate(
    run: Run,
    /,
    metrics: tuple[str, ...] | None = None,
    count: int = 1000,
    seed: int = 0,
    data: str | None = None,
    split: str | None = None,
    held_out: str | None = None,
    i3d: Path | None = None,
    pairwise: int = 5000,
    checkpoint: str | None = None,
    out: Path | None = None,
) -> None:
    """Measure a generator: is what it makes valid, varied, and new?

    judge: the exact judge counts valid Moving Shapes, with bands of 95 %, or valid sprites; the
    first thing to look at. frechet, kernel: distance to real clips on the features of the package's
    own classifier; numbers that compare with each other and with no published ones. neighbours:
    precision and density (fidelity), recall and coverage (variety). content: does an object keep
    its colour (MoCoGAN's ACD)? motion: is the motion the one asked for (MoCoGAN's MCS)? Needs
    --classes in training. copies: share of clips that are nearer to a training clip than to a
    held-out one; 0.5 is right, 1 is copying. fvd: the published distance; needs --i3d.

    Clips are made, measured and let go, so 50,000 need no more memory than 1,000. Distances fall
    as clips grow more: compare only figures from equal counts.

    Args:
        run: Folder of the run.
        metrics: Any of judge, frechet, kernel, neighbours, content, motion, copies, fvd, or all
            (everything whose needs are met). By default judge where there is an exact one, and for
            videos frechet and neighbours.
        count: How many clips to generate, and how many real ones to put beside them.
        seed: Of the latents.
        data: Real clips, as for `vgan train`. The run's own data by default.
        split: Part of these clips: all, train, validation or test. That which the run was trained
            on by default.
        held_out: A preset or pack of clips that the generator was not trained on, for copies. The
            part test of a run's own data by default, if the run was trained on the part train.
        i3d: I3D as TorchScript, for fvd; not shipped. A program: load only one that you trust.
        pairwise: How many clips the figures that compare all pairs look at.
        checkpoint: One of the run's checkpoints, such as best.pt, instead of its last state.
        out: File to write all figures to as well, in JSON.
    """
    if metrics == ():
        raise ValueError(f"--metrics names none: choose from {', '.join(METRICS)}, all")
    _check_seed(seed)
    if min(count, pairwise) < 1:
        raise ValueError(f"count and pairwise must be positive: {count}, {pairwise}")
    if out is not None and not out.parent.is_dir():  # said now, and not when all is measured
        raise ValueError(f"{out} cannot be written: there is no folder {out.parent}")
    network, config = _open_generator(run, checkpoint)
    data, part = (data, "all") if data else _data_of(run, config)
    part, preset = split or part, PRESETS.get(data)
    others = (held_out, "all") if held_out else (data, "test") if part == "train" else None
    if preset is not None:
        _check_shape(data, (preset.frames, preset.size), config)
    chosen = metrics or _default(data, config)
    if "all" in chosen:
        chosen = _possible(data, config, others is not None, i3d)
    judged: dict[str, int | float] = {}
    if preset is None and "judge" in chosen:
        judged = _judged_acts(data, _fakes(network, config, None, count, seed), config)
        chosen = tuple(name for name in chosen if name != "judge")
    real = COMPARING & set(chosen)
    figures, summary = measure(
        chosen,
        _fakes(network, config, preset, count, seed),
        _real_clips(data, part, config, count, seed) if real else None,
        _real_clips(*others, config, count, seed + 1) if others else None,
        preset=preset,
        i3d=I3DFeatures(i3d, processes().device) if i3d else None,
        pairwise=pairwise,
    )
    figures |= judged
    if summary is not None:
        print(summary.summary)
        print(summary)
    for name, value in figures.items():
        if summary is None or not hasattr(summary.summary, name):
            print(f"{name.replace('_', ' '):34}{value:.4g}")
    if out is not None:
        content: dict[str, Any] = {"preset": data if preset else None, "seed": seed}
        content |= {name: round(value, 4) for name, value in figures.items()}
        out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def export(
    run: Run,
    /,
    web: Path | None = None,
    onnx: Path | None = None,
    title: str = "A live generator",
    alt: str = "Clips drawn by the generator.",
    class_names: tuple[str, ...] = (),
) -> None:
    """Write a trained generator for other programs: a page that runs it, or ONNX.

    Args:
        run: Folder of the run.
        web: Page to write; it opens from disk, and the generator runs in it.
        onnx: ONNX file to write; it is checked against PyTorch.
        title: Of the page.
        alt: What the clips show, in a sentence, for readers who do not see them.
        class_names: On the page's buttons, if the generator was told classes; by default those of
            the data that the run names, if it is still there.
    """
    if web is None and onnx is None:
        raise ValueError("nothing to write: give --web FILE.html, --onnx FILE.onnx, or both")
    for file in (web, onnx):
        if file is not None:
            check_output(file)
    network, config = load_generator(run)
    if web:
        names = class_names or _class_names(run, config)
        page = live.page(live.player(network, alt, class_names=names), title)
        web.write_text(page, encoding="utf-8")
        print(f"{web}: {web.stat().st_size:,} bytes")
    if onnx:
        difference = live.export_onnx(network, onnx)
        print(f"{onnx}: at most {difference:.1e} away from PyTorch")


def _check_seed(seed: int) -> None:
    """Refuse a seed that PyTorch cannot hold; others are derived from it by adding."""
    if not -(2**63) <= seed < 2**63:
        raise ValueError(f"seed is {seed}; it must be a whole number of at most 63 bits")


def _open_generator(run: Path, checkpoint: str | None) -> tuple[nn.Module, TrainingConfig]:
    """A run's averaged generator, where a run would train."""
    if checkpoint is None:
        return load_generator(run, processes().device)
    state, config = load_checkpoint(run / checkpoint)
    return state.averaged.eval(), config


def _class_names(run: Path, config: TrainingConfig) -> list[str] | list[Factor] | None:
    """Names of a run's classes in the order of their labels; None if its data is unknown."""
    if not config.classes or not (run / DATA).exists():
        return None
    try:
        data = find_data(_data_of(run, config)[0], size=config.size)
        if isinstance(config.classes, int):
            return list(data.class_names)
        return list(data.factors)
    except ValueError:
        return None


def _data_of(run: Path, config: TrainingConfig) -> tuple[str, str]:
    """Data and its part that a run was trained on: what it says, or the preset of that shape."""
    if (run / DATA).exists():
        trained = read_trained(run)
        return trained.data, trained.split
    for name, preset in PRESETS.items():
        if (preset.frames, preset.size) == (config.frames, config.size):
            return name, "all"
    raise ValueError(f"{run} does not say what it was trained on: name the data with --data")


def _judged_acts(
    data: str, fakes: Iterator[tuple[Tensor, Tensor | None]], config: TrainingConfig
) -> dict[str, int | float]:
    """The figures of the judge of sprites, batch by batch."""
    opened = find_data(data, size=config.size)
    if not isinstance(opened, SpritesData):
        raise ValueError(
            f"the judge reads Moving Shapes and sprites, and this run's data is {data}: choose "
            "other --metrics"
        )
    read = SpritesJudge(opened.sheets)
    return judged_acts((read(clips) for clips, _ in fakes), opened.sheets)


def _check_shape(data: str, shape: tuple[int, int], config: TrainingConfig) -> None:
    if shape != (config.frames, config.size):
        raise ValueError(
            f"clips of {data} have {shape[0]} frames of {shape[1]} pixels; the generator's "
            f"have {config.frames} of {config.size}"
        )


def _default(data: str, config: TrainingConfig) -> tuple[str, ...]:
    """What is measured if nobody says."""
    exact = data in PRESETS or isinstance(find_data(data, size=config.size), SpritesData)
    return ("judge",) if exact else ("frechet", "neighbours")


def _possible(
    data: str, config: TrainingConfig, held_out: bool, i3d: Path | None
) -> tuple[str, ...]:
    """All metrics but those whose needs are not met."""
    shapes, missing = data in PRESETS, set()
    if not shapes and not isinstance(find_data(data, size=config.size), SpritesData):
        missing.add("judge")
    missing |= set() if shapes and config.classes else {"motion"}
    missing |= set() if held_out else {"copies"}
    missing |= set() if i3d else {"fvd"}
    return tuple(name for name in METRICS if name not in missing)


def _fakes(
    network: nn.Module, config: TrainingConfig, preset: Preset | None, count: int, seed: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Generated clips, all classes in turn if there are any, and the motions asked for."""
    here = processes().device
    if not config.classes:
        for clips in sample_batches(network, count, seed, BATCH, device=here):
            yield clips, None
        return
    labels = labels_in_turn(config.classes, count, torch.Generator().manual_seed(seed))
    wanted = labels
    if preset is not None:  # a label is a place in the alphabet, a motion one in the preset's list
        order = [preset.motions.index(name) for name in sorted(preset.motions)]
        wanted = torch.tensor(order)[labels]
    made = sample_batches(network, count, seed, BATCH, labels, here)
    yield from zip(made, wanted.split(BATCH), strict=True)


def _real_clips(
    data: str, split: str, config: TrainingConfig, count: int, seed: int
) -> Iterator[Tensor]:
    opened = find_data(data, split, config.size)
    told = replace(config, classes=0)
    shape = opened.shaped(told)
    stream = opened.source(shape, processes().device)(
        BATCH, torch.Generator().manual_seed(seed + 1000)
    )
    _check_shape(data, (shape.frames, shape.size), config)
    yield from first(stream, count)
