"""Files that a command is to write, looked at before it works for them."""

from pathlib import Path

from vgan_tutorial.errors import printable


def check_output(path: Path, *suffixes: str) -> None:
    """Refuse a file that cannot be written.

    Args:
        path: file that was named.
        suffixes: those that it may have, the usual one first; any if none are given.

    Raises:
        ValueError: for another suffix, a folder that is not there, or a path that is a folder.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        some = " or ".join(suffixes) if len(suffixes) < 4 else "another, such as .png"
        raise ValueError(f"{printable(path)} has the suffix {path.suffix!r}: give it {some}")
    if not path.parent.is_dir():
        raise ValueError(
            f"{printable(path)} cannot be written: there is no folder {printable(path.parent)}"
        )
    if path.is_dir():
        raise ValueError(f"{printable(path)} is a folder: name a file")
