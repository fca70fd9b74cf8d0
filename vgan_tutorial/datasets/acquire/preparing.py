"""From an address on the web to a pack: fetch, unpack, check and pack a data set."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tqdm.auto import tqdm

from vgan_tutorial.datasets.acquire.checking import verify
from vgan_tutorial.datasets.acquire.fetching import fetch_any
from vgan_tutorial.datasets.data_set import DataSet, Job
from vgan_tutorial.datasets.pack.cutting import Cut
from vgan_tutorial.datasets.pack.format import is_pack
from vgan_tutorial.datasets.pack.write import PackReport, check_workers, pack_videos, read_report
from vgan_tutorial.errors import DataError

OPTIONS = {"videos": "--archive", "lists": "--lists"}  # of `vgan fetch`
MOST_NAMED = 4  # files in a message


def prepare(
    data_set: DataSet,
    root: str | os.PathLike[str],
    *,
    given: Mapping[str, str | os.PathLike[str]] | None = None,
    size: int = 64,
    frames: int = 16,
    pack: bool = True,
    workers: int = 1,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> PackReport | None:
    """Bring a data set from the web, an archive or an unpacked folder into the packed form.

    `root` gets `downloads`, what the data set's own step makes of them, and the pack. What is in
    `root` already is not fetched or made again.

    Args:
        data_set: entry of `CATALOGUE`.
        root: folder of the data set.
        given: files that are on disk already, by their keys in `DataSet.files`.
        size: side of the packed frames in pixels.
        frames: fewest frames of a clip that is packed.
        pack: False stops before a folder of videos is packed.
        workers: number of processes that decode while packing.
        progress: show bars.
        say: function that shows the terms of use and a line on each stage.

    Returns:
        The report of the packing, None if there was none.

    Raises:
        DataError: something cannot be fetched or unpacked, or is not complete in the end.
        ValueError: a setting is out of range.
    """
    Cut(size, frames)  # refuses what cannot be packed, before anything is fetched
    check_workers(workers)
    on_disk = {key: Path(path) for key, path in (given or {}).items()}
    for key, path in on_disk.items():
        _check_given(data_set, key, path)
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    say(data_set.terms)

    def get(key: str) -> Path:
        return _get(data_set, key, root / "downloads", on_disk.get(key), progress)

    def get_all(keys: Sequence[str]) -> list[Path]:
        bar = tqdm(keys, desc=data_set.name, unit="file", disable=not (progress and keys))
        return [_get(data_set, key, root / "downloads", on_disk.get(key), False) for key in bar]

    job = Job(root, root / f"{data_set.name}-{size}", size, frames, get, get_all, progress, say)
    made = data_set.prepare(data_set, job)
    if is_pack(made):
        return read_report(made)
    if not pack:
        return None
    return pack_videos(made, job.pack, size, frames, workers=workers, progress=progress)


def _check_given(data_set: DataSet, key: str, path: Path) -> None:
    if not path.is_file():
        raise DataError(path, "there is no such file", "Check the spelling")
    if key not in data_set.files:
        known = ", ".join(list(data_set.files)[:MOST_NAMED])
        more = len(data_set.files) - MOST_NAMED
        raise DataError(
            path,
            f"is given as {key!r}, and {data_set.title} has no file of that name",
            f"Its files are {known}" + (f" and {more} more" if more > 0 else ""),
        )


def _get(data_set: DataSet, key: str, folder: Path, given: Path | None, progress: bool) -> Path:
    """The file that was named, checked if it bears a name that we know, or a fetched one."""
    downloads = data_set.files[key]
    if given is None:
        return fetch_any(downloads, folder, option=OPTIONS.get(key), progress=progress)
    known = {download.name.casefold(): download for download in downloads}
    if match := known.get(given.name.casefold()):
        verify(given, match.size, match.sha256, progress=progress)
    return given
