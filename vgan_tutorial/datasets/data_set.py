"""What the catalogue says of a data set: one `DataSet` in each of its modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vgan_tutorial.datasets.lists import Official


@dataclass(frozen=True)
class Download:
    """A file on the web.

    Attributes:
        name: name on disk.
        url: address.
        size: bytes, if known.
        sha256: hexadecimal digest, if known.
    """

    name: str
    url: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Job:
    """A request to make a data set ready: the second argument of `DataSet.prepare`.

    Attributes:
        root: folder of the data set; it is there.
        pack: path for the pack.
        size: side of the packed frames in pixels.
        frames: fewest frames of a clip that is packed.
        fetch: function from a key of `DataSet.files` to the path of that file, which is fetched or
            was named by the user, and is checked. A second call costs nothing.
        fetch_all: the same for many small files, under one bar that counts them.
        progress: True shows bars.
        say: function that shows the user a line on each stage.
    """

    root: Path
    pack: Path
    size: int
    frames: int
    fetch: Callable[[str], Path]
    fetch_all: Callable[[Sequence[str]], list[Path]]
    progress: bool
    say: Callable[[str], None]


@dataclass(frozen=True)
class DataSet:
    """An entry of the catalogue: source, terms, contents, and the step that makes it ready.

    Attributes:
        name: short name, that of its module.
        title: name as its makers write it.
        about: contents and size of what is fetched, in a few words.
        terms: wishes of its makers; shown before anything is fetched.
        licence: name of the licence, or that none is stated.
        citation: key in the book's bibliography.
        files: copies of every file that is needed, the official one first. The archive of videos
            is called "videos" and that of official lists "lists": `vgan fetch` has options for
            these two. Other keys are free, and there may be many.
        prepare: step that turns the fetched files into a folder of videos, one folder a class, or
            straight into a pack at `Job.pack`, and returns the path of either. It leaves what is
            there already and right as it is.
        official: divisions that its makers published, if they did.
        group_of: function from a file's name, "class/file", to its group, or to None if the name is
            not of this data set's form. Files of one group share their source.
    """

    name: str
    title: str
    about: str
    terms: str
    licence: str
    citation: str
    files: Mapping[str, tuple[Download, ...]]
    prepare: Callable[[DataSet, Job], Path]
    official: Official | None = None
    group_of: Callable[[str], str | None] | None = None
