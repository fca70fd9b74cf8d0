"""The commands that make data ready: fetch, pack, inspect."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from PIL import Image

from vgan_tutorial.cli.outputs import check_output
from vgan_tutorial.datasets import CATALOGUE, PackReport, contact_sheet, pack_videos
from vgan_tutorial.datasets import inspect as inspect_videos
from vgan_tutorial.datasets.inspecting import CHANGED
from vgan_tutorial.errors import printable

if TYPE_CHECKING:
    Name = str
else:
    Name = Literal[tuple(CATALOGUE)]
ABOUT = "; ".join(f"{name}: {data_set.about}" for name, data_set in CATALOGUE.items())


def pack(
    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")],
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    size: int = 64,
    frames: int = 16,
    stride: int = 1,
    fps: float | None = None,
    crop: Literal["centre", "motion"] = "centre",
    shots: bool = False,
    strict: bool = False,
    overwrite: bool = False,
    workers: int = 1,
) -> None:
    """Decode a folder of videos once and keep it as one array that training reads quickly.

    Every video is cut to a square and shrunk. Files that cannot be used are listed in
    OUT/problems.csv, and the others are packed; it is an error only if none can be. A run that
    was interrupted carries on where it stopped: give the same command again.

    Args:
        source: Folder of videos, which are one class, or of one such folder for each class.
        out: Folder to make, with clips.npy, clips.csv, problems.csv and pack.json.
        size: Side of the packed frames, in pixels.
        frames: Fewest frames of a clip that is packed.
        stride: Keep every n-th frame.
        fps: Frames a second to keep, by time and not by stride; slower videos are left out.
        crop: Square that is kept: the one in the middle, or the one that holds most of what moves.
        shots: Cut videos where one shot ends and the next begins, and make each a clip of its own.
        strict: Stop at the first file that is bad or cut short.
        overwrite: Replace another pack of that name.
        workers: Number of processes that decode; the pack is the same whatever their number.
    """
    report = pack_videos(
        source,
        out,
        size,
        frames,
        stride,
        fps=fps,
        crop=crop,
        shots=shots,
        strict=strict,
        overwrite=overwrite,
        workers=workers,
    )
    _print_report(report)


def fetch(
    dataset: Annotated[Name, tyro.conf.Positional, tyro.conf.arg(help=f"Data set. {ABOUT}.")],
    /,
    root: Path | None = None,
    archive: Path | None = None,
    lists: Path | None = None,
    size: int = 64,
    frames: int = 16,
    no_pack: bool = False,
    workers: int = 1,
) -> None:
    """Fetch a data set such as UCF101, unpack it, check that it is complete, and pack it.

    Unpacked videos need as much room again as what is fetched. Give the same command again after an
    interruption: what is done is not done twice. Where the archive or the unpacked videos are on
    disk already, nothing is fetched.

    Args:
        dataset: Name of the data set.
        root: Folder of the data set, data/NAME by default. Unpacked videos belong in a folder of
            it, such as UCF-101, hmdb51_org or s1.
        archive: Archive of the videos, if there is one and you have it already.
        lists: Archive of the official lists, if you have it already.
        size: Side of the packed frames, in pixels.
        frames: Fewest frames of a clip that is packed.
        no_pack: Stop before packing.
        workers: Number of processes that decode while packing.
    """
    try:
        from vgan_tutorial.datasets.acquire.preparing import prepare
    except ImportError as error:
        raise ValueError(
            f"fetching needs the package {error.name}: pip install 'vgan-tutorial[data]'"
        ) from error
    given = {"videos": archive, "lists": lists}
    report = prepare(
        CATALOGUE[dataset],
        root or Path("data") / dataset,
        given={key: path for key, path in given.items() if path is not None},
        size=size,
        frames=frames,
        pack=not no_pack,
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
    that is bad, truncated, there twice or passed over, and why. Headers are believed unless
    --thorough. The exit code is 1 if the frames of a pack are not those that were packed.

    Args:
        path: Folder of videos, or of one such folder for each class, or a pack.
        sheet: Also write a contact sheet to this picture, such as sheet.png.
        count: Number of pictures on the sheet.
        columns: Number of pictures in a row.
        size: Side of a picture, in pixels.
        thorough: Decode every file and count its frames; compare a pack with its checksums.
    """
    if sheet:
        check_output(sheet, *Image.registered_extensions())
    found = inspect_videos(path, thorough=thorough)
    print(found)
    if sheet:
        Image.fromarray(contact_sheet(path, count, columns, size)).save(sheet)
        print(f"contact sheet: {printable(sheet)}")
    if any(problem.kind == CHANGED for problem in found.problems):
        sys.exit(1)


def _print_report(report: PackReport) -> None:
    print(report)
    for problem in report.bad + report.truncated:
        print(f"{problem.kind:>10}  {printable(problem.name)}: {problem.reason}")
