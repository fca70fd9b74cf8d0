"""GRID: one speaker says a thousand sentences of six words; we keep the mouth.

A file's name spells its sentence: `lwbs1s` is "lay white by s one soon". No sentence is said twice,
so every film is a group of its own, as any file is that no data set claims.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vgan_tutorial.datasets.acquire.checking import digest_of
from vgan_tutorial.datasets.acquire.mouths import Box, Speaker, cut_mouths
from vgan_tutorial.datasets.acquire.unpacking import unpack
from vgan_tutorial.datasets.data_set import DataSet, Download, Job
from vgan_tutorial.errors import DataError

COMMANDS = {"b": "bin", "l": "lay", "p": "place", "s": "set"}
COLOURS = {"b": "blue", "g": "green", "r": "red", "w": "white"}
PREPOSITIONS = {"a": "at", "b": "by", "i": "in", "w": "with"}
LETTERS = {letter: letter for letter in "abcdefghijklmnopqrstuvxyz"}  # all but w
DIGITS = dict(
    zip(
        "z123456789",
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
        strict=True,
    )
)
ADVERBS = {"a": "again", "n": "now", "p": "please", "s": "soon"}
GRAMMAR = (COMMANDS, COLOURS, PREPOSITIONS, LETTERS, DIGITS, ADVERBS)
FILE = re.compile("".join(f"[{''.join(words)}]" for words in GRAMMAR))


def sentence(name: str) -> list[str]:
    """The six words of a file's name: those of "lwbs1s" are lay white by s one soon.

    Raises:
        ValueError: the name is not of that form.
    """
    if not FILE.fullmatch(name):
        raise ValueError(f"{name!r} does not spell a sentence of GRID, as 'lwbs1s' does")
    return [words[letter] for words, letter in zip(GRAMMAR, name, strict=True)]


@dataclass(frozen=True)
class Recordings:
    """What there is of a speaker.

    Attributes:
        folder: name of the folder of films, and the beginning of the names that ours get.
        films: number of films.
        digests: SHA-256 of some of them, by name: the archive's own is not known.
        speaker: where the mouth is.
    """

    folder: str
    films: int
    digests: Mapping[str, str]
    speaker: Speaker


S1 = Recordings(
    folder="s1",
    films=1_000,
    digests={
        "bbaf2n": "e468120039e208b5ff9b9e269f8dc96bbddc45701f8dddcf2c0ae21abc0df546",
        "bgia2n": "8d0486ad0aa6b6879861baf6e125d402c419a0767b174009663638150b3c1258",
        "bwaa1s": "c6a89c928fb68c30a895469b39a8deb1c8116b0314421f47819f4209118b5dd1",
        "lbby4p": "4d287b233c7cf6330ac7f441891057c19bea627bb6dfbc482785ed07b6a6c6e8",
        "lgwt3a": "a5c619febed8322b4abd28e31055872a7a0b62c3e3196fe4d2e0220b97e3551e",
        "lwbs1s": "9b36c8983a0f62b6d730049e57e0c587b6ab9b115a1c04807cfe67f718f395e9",
        "pbwj2n": "7f8c62983740aadcf704d9fdf10fda46407c01bedac2aa25f21a9e2c351bd74d",
        "prax1a": "086045ef6da6b80d3b71962e2b5434739d431a1183d863e687fb3f01f26502e0",
        "pwip6n": "561cd92ab72376bd4f3472b58289065d6d428d09c2ac15973bf79d997dfa48ca",
        "sgac4p": "76601fb92c06b595d0248f583533d1c1f9adcf66f9526b2a0386fbd319b6e2f0",
        "srbu6n": "20d7da081e2e8f72198ff7e17ea476183d29b83e51eebb8a3954be94ced4925b",
        "swwj1a": "acb857b46b2b2453f51460d4921e4e1165dc6000f6fd13f83d7e96a748d4b470",
    },
    speaker=Speaker(
        reference="bbaf2n",
        eyes=Box(top=130, left=105, height=70, width=100),
        mouth=Box(top=168, left=107, height=96, width=96),
        frames=75,
    ),
)


def prepare(data_set: DataSet, job: Job) -> Path:
    """Unpack speaker 1 into `s1`, and cut the mouths into `mouth`; see `prepare_mouths`."""
    return prepare_mouths(job, S1)


def prepare_mouths(job: Job, recordings: Recordings) -> Path:
    """Unpack the films and cut the mouth out of each, into `mouth/<command>/`.

    `mouth-dropped.csv` names each film that is left out, and says why. A film that it names is not
    tried again; remove the table to try them all.

    Raises:
        DataError: the archive cannot be fetched or unpacked, or is not the one that was published.
    """
    heads = _unpacked(job, recordings)
    folder, table = job.root / "mouth", job.root / "mouth-dropped.csv"
    films = {
        head: folder / COMMANDS[head.stem[0]] / f"{recordings.folder}_{head.stem}.avi"
        for head in heads
    }
    dropped = cut_mouths(films, recordings.speaker, table, progress=job.progress)
    job.say(
        f"{folder}: {len(films) - len(dropped)} of {len(films)} films are there; {len(dropped)} "
        f"could not be used, {table.name} says why"
    )
    return folder


def _unpacked(job: Job, recordings: Recordings) -> list[Path]:
    """The films of the head, which are unpacked first if need be."""
    folder = job.root / recordings.folder
    if len(heads := _heads(folder)) != recordings.films:
        path = job.fetch("videos")
        unpack(path, folder, _place, progress=job.progress)
        heads = _heads(folder)
        job.say(f"{folder}: unpacked {path.name}")
    for head in heads:
        if head.stem in recordings.digests:
            digest_of(head, None, recordings.digests[head.stem])
    reference = recordings.speaker.reference
    if len(heads) != recordings.films or reference not in {head.stem for head in heads}:
        raise DataError(
            folder,
            f"holds {len(heads)} films where {recordings.films} are expected, {reference}.mpg "
            "among them",
            "The archive is not that of this speaker, or not the whole of it: fetch it again",
        )
    return heads


def _heads(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.mpg")) if FILE.fullmatch(path.stem)]


def _place(name: str) -> str | None:
    """The place of a film, whatever folders the archive has."""
    path = PurePosixPath(name)
    wanted = path.suffix.lower() == ".mpg" and FILE.fullmatch(path.stem)
    return f"{path.stem}.mpg" if wanted else None


GRID = DataSet(
    name="grid",
    title="GRID",
    about="1,000 sentences of GRID's speaker 1, his mouth in 96 x 96 pixels",
    terms=(
        "GRID was made by Martin Cooke, Jon Barker, Stuart Cunningham and Xu Shao (The\n"
        "Journal of the Acoustical Society of America, 2006). Its licence is\n"
        "CC BY 4.0 according to others: read the record's page, and cite its makers.\n"
        "See https://zenodo.org/records/3625687"
    ),
    licence="CC BY 4.0 according to others",
    citation="cooke2006grid",
    files={
        "videos": (
            Download("s1.zip", "https://zenodo.org/records/3625687/files/s1.zip?download=1"),
        ),
    },
    prepare=prepare,
)
DATA_SETS = {"grid": GRID}
