"""Know a file by its size and digest, and remember that it was checked.

A small `<name>.done` beside a file says that its digest was right, so that the next run need not
read gigabytes again.
"""

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from vgan_tutorial.errors import FetchError
from vgan_tutorial.files import replace_file

logger = logging.getLogger(__name__)

CHUNK = 2**20
REFETCH = "It is damaged or another file: remove it if it is there, and fetch it again"


def verify(
    path: str | os.PathLike[str],
    size: int | None = None,
    sha256: str | None = None,
    *,
    progress: bool = True,
) -> str:
    """Check a file's size and digest, and return the digest.

    The result is kept in `<name>.done`: as long as the file's size and time stay what they were,
    it is not read again.

    Raises:
        FetchError: the file is missing or not what it should be. It is not deleted.
    """
    path = Path(path)
    if not path.is_file():
        raise FetchError(path, "there is no such file", "Check the spelling")
    known = _read_mark(path)
    if known and (sha256 is None or known == sha256) and size in (None, path.stat().st_size):
        logger.info("%s: is there and verified", path)
        return known
    digest = digest_of(path, size, sha256, progress)
    remember(path, digest)
    return digest


def digest_of(path: Path, size: int | None, sha256: str | None, progress: bool = False) -> str:
    """The digest of a file that has the size and the digest that are expected, if any are.

    Raises:
        FetchError: it has others.
    """
    found = path.stat().st_size
    if size is not None and found != size:
        raise FetchError(path, f"has {found} bytes where {size} are expected", REFETCH)
    digest = file_sha256(path, progress)
    if sha256 is not None and digest != sha256:
        raise FetchError(path, f"has the SHA-256 {digest} where {sha256} is expected", REFETCH)
    return digest


def file_sha256(path: Path, progress: bool = False) -> str:
    """The hexadecimal SHA-256 digest of a file, read piece by piece."""
    digest = hashlib.sha256()
    total = path.stat().st_size
    with path.open("rb") as file, byte_bar(f"checking {path.name}", total, 0, progress) as bar:
        while piece := file.read(CHUNK):
            digest.update(piece)
            bar.update(len(piece))
    return digest.hexdigest()


def require_room(folder: Path, bytes_needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        FetchError: there is too little room.
    """
    free = shutil.disk_usage(folder).free
    if bytes_needed > free:
        raise FetchError(
            folder,
            f"has {free / 1e9:.2f} GB free, and {bytes_needed / 1e9:.2f} GB are needed",
            "Make room, or choose a folder on another disk",
        )


def remember(path: Path, digest: str) -> None:
    """Note that a file was checked, as it is now."""
    state = path.stat()
    mark = {"size": state.st_size, "mtime_ns": state.st_mtime_ns, "sha256": digest}
    try:
        replace_file(path.with_name(path.name + ".done"), json.dumps(mark) + "\n")
    except OSError as error:  # an archive on a disk that cannot be written is no less good
        logger.info("%s: the result of the check is not kept (%s)", path, error)


def _read_mark(path: Path) -> str | None:
    try:
        mark: Any = json.loads(path.with_name(path.name + ".done").read_text(encoding="utf-8"))
        state = path.stat()
        same = mark["size"] == state.st_size and mark["mtime_ns"] == state.st_mtime_ns
        return str(mark["sha256"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def byte_bar(name: str, total: int | None, start: int, show: bool) -> "tqdm[Any]":
    """A progress bar that counts bytes."""
    return tqdm(desc=name, total=total, initial=start, unit="B", unit_scale=True, disable=not show)
