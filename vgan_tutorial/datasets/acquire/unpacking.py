"""Unpack zip and rar archives, archives within archives too, without leaving the folder.

Files are written under a temporary name and renamed when they are whole and their checksum is
right. A run that was killed is repeated: what is there already is passed over.

UnRAR's own library reads rar files where pip has it; elsewhere `rars` does, which takes the memory
of a whole file of the archive at a time.
"""

import importlib.util
import logging
import lzma
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from tqdm.auto import tqdm

from vgan_tutorial.datasets.acquire.checking import require_room
from vgan_tutorial.errors import UnpackError
from vgan_tutorial.files import replacing

logger = logging.getLogger(__name__)

SUFFIXES = (".rar", ".zip")
DEEPEST = 3  # archives within archives; HMDB51's are one deep
DAMAGED = "Fetch it again: it is incomplete or damaged"
# What is raised for a member that is damaged, encrypted, or packed in a way that is not known.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
Place = Callable[[str], str | None]


@dataclass(frozen=True)
class Member:
    """A file within an archive.

    Attributes:
        name: its path there, with forward slashes.
        size: bytes once unpacked.
        copy: writes it into an open file; raises if it is damaged.
    """

    name: str
    size: int
    copy: Callable[[BinaryIO], None]


def unpack(
    archive: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    place: Place = str,
    *,
    progress: bool = True,
    depth: int = 0,
) -> list[str]:
    """Unpack an archive into a folder, and archives that it holds as well.

    All paths are looked at before the first file is written.

    Args:
        archive: a .rar or .zip file.
        folder: folder for the files; made if need be.
        place: function from a file's path in the archive to its path within `folder`; None leaves
            the file out. The paths that it sees are safe, those that it gives must be too.
        progress: show a bar.
        depth: number of archives that this one lies within.

    Returns:
        The paths of the files within `folder`, with forward slashes, sorted.

    Raises:
        UnpackError: the archive is damaged or of another kind, or holds a path that leads out of
            the folder.
        FetchError: there is too little room.
    """
    archive, folder = Path(archive), Path(folder)
    if depth > DEEPEST:  # there are archives that hold themselves
        problem = f"lies within {depth} archives, and may go on so for ever"
        raise UnpackError(archive, problem, "Do not trust the outermost one")
    folder.mkdir(parents=True, exist_ok=True)
    inner = folder / f".{archive.name}{'.within' * depth}.archives"
    sizes = _look(archive)
    require_room(folder, sum(sizes.values()))
    done = []
    bar = tqdm(desc=archive.name, total=len(sizes), unit="file", disable=not progress)
    with bar, closing(members(archive)) as files:
        for member in files:
            bar.update()
            name = safe_name(member.name, archive)
            if name.lower().endswith(SUFFIXES):
                _write(member, inner / name, archive)
            elif (where := place(name)) is not None:
                where = safe_name(where, archive)
                _write(member, folder / where, archive)
                done.append(where)
    for path in sorted(inner.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            done += unpack(path, folder, place, progress=progress, depth=depth + 1)
            path.unlink()
    shutil.rmtree(inner, ignore_errors=True)
    return sorted(done)


def safe_name(name: str, archive: Path) -> str:
    """The path of a file within an archive, with forward slashes, if it stays in its folder.

    Raises:
        UnpackError: the path is absolute, has a drive, climbs with "..", or is empty.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    hostile = not parts or parts[0].startswith("/") or ".." in parts or "\0" in name
    if hostile or re.match(r"[A-Za-z]:", name):
        raise UnpackError(
            archive,
            f"holds the path {name!r}, which leads out of the folder",
            "Do not trust this archive; nothing of it was unpacked",
        )
    return "/".join(parts)


def members(archive: Path) -> Generator[Member, None, None]:
    """The files of an archive, in its order; `copy` works until the next one is asked for.

    Raises:
        UnpackError: this is no archive, or none that can be read.
    """
    try:
        with archive.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        problem = f"cannot be opened ({error.strerror})"
        raise UnpackError(archive, problem, "Check its path and permissions") from error
    if head.startswith(b"PK"):
        yield from _zip_members(archive)
    elif head.startswith(b"Rar!\x1a\x07"):
        library = importlib.util.find_spec("unrar")
        yield from _unrar_members(archive) if library else _rars_members(archive)
    else:
        kind = "a web page" if head.lstrip().startswith(b"<") else "neither a rar nor a zip file"
        raise UnpackError(archive, f"is {kind}", "Fetch it again and look at what arrives")


def _look(archive: Path) -> dict[str, int]:
    """Sizes of all files; every path is checked."""
    with closing(members(archive)) as files:
        sizes = {safe_name(member.name, archive): member.size for member in files}
    if not sizes:
        raise UnpackError(archive, "holds no file that can be read", DAMAGED)
    return sizes


def _write(member: Member, path: Path, archive: Path) -> None:
    """Write a file whole or not at all; one of that size is there already, whole."""
    if path.is_file() and path.stat().st_size == member.size:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Its checksum has been compared, and a damaged film is noticed when it is packed: no sync.
    with replacing(path, sync=False) as draft:
        with draft.open("wb") as file:
            member.copy(file)
            written = file.tell()
        if written != member.size:
            problem = f"gives {written} bytes of the {member.size} of {member.name}"
            raise UnpackError(archive, problem, DAMAGED)


def _zip_members(path: Path) -> Generator[Member, None, None]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield Member(info.filename, info.file_size, _zip_copy(path, archive, info))
    except zipfile.BadZipFile as error:
        raise UnpackError(path, f"is damaged ({error})", DAMAGED) from error


def _zip_copy(
    path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo
) -> Callable[[BinaryIO], None]:
    def copy(file: BinaryIO) -> None:
        try:
            with archive.open(info) as source:
                shutil.copyfileobj(source, file)
        except OSError as error:
            if error.errno is not None:  # of the system; bz2 has its own without a number
                raise
            raise UnpackError(path, f"cannot give {info.filename} ({error})", DAMAGED) from error
        except UNREADABLE as error:
            raise UnpackError(path, f"cannot give {info.filename} ({error})", DAMAGED) from error

    return copy


def _unrar_members(path: Path) -> Generator[Member, None, None]:
    from unrar.cffi.unrarlib import FLAGS_RHDF_DIRECTORY, BadRarFile, RarArchive

    try:
        archive = RarArchive.open_for_processing(path)
    except BadRarFile as error:
        raise UnpackError(path, f"is damaged ({error})", DAMAGED) from error
    with archive:
        for header in archive.iterate_headers():
            copy = _Once(path, header)
            if not header.Flags & FLAGS_RHDF_DIRECTORY:
                size = header.UnpSize + (header.UnpSizeHigh << 32)
                try:
                    yield Member(header.FileNameW, size, copy)
                except GeneratorExit:
                    copy.used = True
                    raise
            if not copy.used:
                header.skip()
            copy.used = True  # from here on the library would read freed memory


class _Once:
    """Writes the file that an archive has come to. The library moves on as it does so."""

    def __init__(self, path: Path, header: Any) -> None:
        self.path = path
        self.header = header
        self.used = False

    def __call__(self, file: BinaryIO) -> None:
        from unrar.cffi.unrarlib import BadRarFile

        if self.used:
            raise RuntimeError("a member is copied once, before the next one is asked for")
        self.used = True
        failures: list[OSError] = []

        def write(piece: bytes) -> None:
            # An exception must not fly through the library, which would lose it.
            try:
                if not failures:
                    file.write(piece)
            except OSError as error:
                failures.append(error)

        try:
            self.header.test(write)
        except BadRarFile as error:
            problem = f"cannot give {self.header.FileNameW} ({error})"
            raise UnpackError(self.path, problem, DAMAGED) from error
        if failures:
            raise failures[0]


def _rars_members(path: Path) -> Generator[Member, None, None]:
    import rars

    try:
        with rars.RarFile(str(path)) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield Member(info.filename, info.file_size, _rars_copy(path, archive, info))
    except rars.Error as error:
        raise UnpackError(path, f"is damaged ({error})", DAMAGED) from error


def _rars_copy(path: Path, archive: Any, info: Any) -> Callable[[BinaryIO], None]:
    def copy(file: BinaryIO) -> None:
        import rars

        try:
            file.write(archive.read(info))
        except rars.Error as error:
            raise UnpackError(path, f"cannot give {info.filename} ({error})", DAMAGED) from error

    return copy
