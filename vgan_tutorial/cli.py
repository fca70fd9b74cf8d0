"""The `vgan` command."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from PIL import Image

from vgan_tutorial import display
from vgan_tutorial.datasets import PackedClips, PackReport, contact_sheet, pack_videos
from vgan_tutorial.datasets import inspect as inspect_videos
from vgan_tutorial.oracle import judge, summarise
from vgan_tutorial.shapes import PRESETS, get_preset
from vgan_tutorial.training import (
    TrainingConfig,
    load_generator,
    pack_source,
    save_generator,
    shapes_source,
)
from vgan_tutorial.training import sample as draw_samples
from vgan_tutorial.training import train as run_training
from vgan_tutorial.video_io import VideoError, printable
from vgan_tutorial.web import export_onnx


def pack(
    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")],
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    size: int = 64,
    frames: int = 16,
    stride: int = 1,
    strict: bool = False,
    overwrite: bool = False,
    workers: int = 1,
) -> None:
    """Decode a folder of videos once and keep it as one array that training reads quickly.

    Every video is cut to its central square and shrunk. Files that cannot be used are listed in
    OUT/problems.csv, and the others are packed; it is an error only if none can be. A run that
    was interrupted carries on where it stopped: give the same command again.

    Args:
        source: Folder that holds one folder of videos for each class.
        out: Folder to make, with clips.npy, clips.csv, problems.csv and pack.json.
        size: Side of the packed frames, in pixels.
        frames: Leave out clips with fewer frames than this.
        stride: Keep every n-th frame.
        strict: Stop at the first file that is bad or cut short.
        overwrite: Replace another pack of that name.
        workers: Processes that decode; the pack is the same whatever their number.
    """
    report = pack_videos(
        source, out, size, frames, stride, strict=strict, overwrite=overwrite, workers=workers
    )
    _print_report(report)


def fetch(
    dataset: Annotated[Literal["ucf101", "hmdb51"], tyro.conf.Positional],
    /,
    root: Path | None = None,
    archive: Path | None = None,
    lists: Path | None = None,
    size: int = 64,
    frames: int = 16,
    pack: bool = True,
    workers: int = 1,
) -> None:
    """Fetch UCF101 or HMDB51, unpack it, check it against its official lists, and pack it.

    About 7 GB are fetched for UCF101 and 2 GB for HMDB51; unpacked they need as much again. Give
    the same command again after an interruption: what is done is not done twice. Where the
    archive or the unpacked videos are on disk already, nothing is fetched.

    Args:
        dataset: Which data set.
        root: The data set's folder; data/ucf101 or data/hmdb51 by default. Unpacked videos belong
            in its folder UCF-101 or hmdb51_org.
        archive: The archive of videos, if you have it already.
        lists: The archive of the official lists, if you have it already.
        size: Side of the packed frames, in pixels.
        frames: Leave clips with fewer frames than this out of the pack.
        pack: Stop before packing.
        workers: Processes that decode while packing.
    """
    try:
        from vgan_tutorial.datasets.preparing import SOURCES, prepare
    except ImportError as error:
        raise ValueError(
            f"fetching needs the package {error.name}: pip install 'vgan-tutorial[data]'"
        ) from error
    root = root or Path("data") / dataset
    report = prepare(
        SOURCES[dataset],
        root,
        archive=archive,
        lists_archive=lists,
        size=size,
        frames=frames,
        pack=pack,
        workers=workers,
    )
    if report:
        _print_report(report)


def inspect(
    path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PATH")],
    /,
    sheet: Path | None = None,
    count: int = 24,
    columns: int = 6,
    size: int = 96,
    thorough: bool = False,
) -> None:
    """Show what a folder of videos or a pack holds, and what is wrong with it.

    Prints a table of the classes (clips, groups, frames, frame rates, sizes), then every file
    that is bad, truncated or passed over, and why. Headers are believed unless --thorough.

    Args:
        path: Folder that holds one folder of videos for each class, or a pack.
        sheet: Also write a contact sheet to this picture, such as sheet.png.
        count: Pictures on the sheet.
        columns: Pictures in a row.
        size: Side of a picture, in pixels.
        thorough: Decode every file and count its frames; compare a pack with its checksums.
    """
    print(inspect_videos(path, thorough=thorough))
    if sheet:
        Image.fromarray(contact_sheet(path, count, columns, size)).save(sheet)
        print(f"contact sheet: {sheet}")


def _print_report(report: PackReport) -> None:
    print(report)
    for problem in report.bad + report.truncated:
        print(f"{problem.kind:>10}  {printable(problem.name)}: {problem.reason}")


def train(
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    data: str = "tiny",
    seconds: float | None = None,
    config: tyro.conf.OmitArgPrefixes[TrainingConfig] = TrainingConfig(),  # noqa: B008
) -> None:
    """Train a video GAN, or go on where the run in OUT left off.

    OUT gets config.json, log.jsonl (a line of figures every few steps), checkpoint.pt (everything
    that is needed to go on) and, at the end, generator.safetensors (the averaged generator, to
    sample from). To go on after an interruption give the same command again; more --steps
    lengthen a finished run.

    Args:
        out: Folder of the run.
        data: A preset of Moving Shapes (tiny, small, full), or a pack made by `vgan pack`. With a
            preset, its frames and size replace --frames and --size.
        seconds: Stop after this long even if steps are left.
        config: Everything else that decides the run.
    """
    if data in PRESETS:
        preset = PRESETS[data]
        config = replace(config, frames=preset.frames, size=preset.size)
        source = shapes_source(data)
    elif (Path(data) / "clips.csv").exists():
        packed = PackedClips(data, frames=config.frames)
        config = replace(config, size=packed.size)
        source = pack_source(packed)
    else:
        raise ValueError(
            f"there is no pack at {data!r}, and no preset of that name; make a pack with "
            f"`vgan pack`, or choose one of {', '.join(PRESETS)}"
        )
    state, log = run_training(config, source, out, seconds=seconds)
    save_generator(out, state, config)
    print(f"{out}: step {state.step}, {log[-1]['seconds']:.0f} s")


def sample(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    picture: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PICTURE")],
    /,
    count: int = 24,
    columns: int = 8,
    fps: float = 8.0,
    seed: int = 0,
    scale: int = 4,
) -> None:
    """Draw clips from a trained generator into one animated picture.

    Args:
        run: Folder of the run.
        picture: File to write; .webp or .gif.
        count: How many clips.
        columns: Clips in a row.
        fps: Frames a second.
        seed: The same seed gives the same clips.
        scale: Width on the picture of one pixel of a clip.
    """
    if picture.suffix not in (".webp", ".gif"):
        raise ValueError(f"{picture.name} cannot be animated: name a .webp or a .gif")
    network, _ = load_generator(run)
    clips = display.as_stored(draw_samples(network, count, seed))
    frames = [
        Image.fromarray(sheet).resize((sheet.shape[1] * scale, sheet.shape[0] * scale), 0)
        for sheet in display.grid(clips, columns)
    ]
    frames[0].save(
        picture, save_all=True, append_images=frames[1:], duration=1000 / fps, loop=0, lossless=True
    )
    print(f"{picture}: {count} clips")


def evaluate(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    /,
    preset: str = "tiny",
    count: int = 1000,
    seed: int = 0,
    out: Path | None = None,
) -> None:
    """Let the exact judge count how many of a generator's clips are valid Moving Shapes.

    Args:
        run: Folder of the run.
        preset: The preset that the generator was trained on.
        count: How many clips to judge.
        seed: Of their latents.
        out: File to write all figures to as well, in JSON.
    """
    network, _ = load_generator(run)
    chosen = get_preset(preset)
    found = summarise(judge(draw_samples(network, count, seed), chosen), chosen)
    print(found)
    if out is not None:
        figures: dict[str, Any] = {"preset": preset, "seed": seed}
        figures |= {name: round(value, 4) for name, value in asdict(found).items()}
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def export(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    /,
    web: Path | None = None,
    onnx: Path | None = None,
    title: str = "A live generator",
    alt: str = "Clips drawn by the generator.",
) -> None:
    """Write a trained generator for other programs: a page that runs it, or ONNX.

    Args:
        run: Folder of the run.
        web: Page to write; it opens from disk, and the generator runs in it.
        onnx: ONNX file to write; it is checked against PyTorch.
        title: Of the page.
        alt: What the clips show, in a sentence, for readers who do not see them.
    """
    if web is None and onnx is None:
        raise ValueError("nothing to write: give --web FILE.html, --onnx FILE.onnx, or both")
    network, _ = load_generator(run)
    if web:
        web.write_text(display.live_page(network, alt, title), encoding="utf-8")
        print(f"{web}: {web.stat().st_size:,} bytes")
    if onnx:
        difference = export_onnx(network, onnx)
        print(f"{onnx}: at most {difference:.1e} away from PyTorch")


COMMANDS: dict[str, Callable[..., Any]] = {
    "fetch": fetch,
    "pack": pack,
    "inspect": inspect,
    "train": train,
    "sample": sample,
    "evaluate": evaluate,
    "export": export,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `vgan`: bad input ends in one line on the error stream and exit code 1."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s: %(message)s")
    try:
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="vgan",
            description="Generative adversarial networks for video: the book's commands.",
            args=arguments,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
    except (VideoError, ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"vgan: {error}")
