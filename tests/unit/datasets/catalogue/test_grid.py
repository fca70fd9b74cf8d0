"""The sentences of GRID, and its way from an archive to a pack, with films drawn here."""

import hashlib
import itertools
import zipfile
from dataclasses import replace

import pytest

from tests.support.archives import serve
from tests.support.heads import SPEAKER, head_clip, write_head
from vgan_tutorial import cli
from vgan_tutorial.datasets import CATALOGUE, Download, group_of
from vgan_tutorial.datasets.acquire import fetching
from vgan_tutorial.datasets.acquire.preparing import prepare
from vgan_tutorial.datasets.catalogue.grid import (
    GRAMMAR,
    GRID,
    S1,
    Recordings,
    prepare_mouths,
    sentence,
)
from vgan_tutorial.errors import DataError, FetchError

NAMES = ("bbaf2n", "lwbs1s", "pgizza", "srwa9p")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bbaf2n", "bin blue at f two now"),
        ("lwbs1s", "lay white by s one soon"),
        ("pgizza", "place green in z zero again"),
        ("srwa9p", "set red with a nine please"),
    ],
)
def test_a_name_spells_its_sentence(name, words):
    assert " ".join(sentence(name)) == words


def test_the_grammar_is_that_of_the_paper():
    """4 commands, 4 colours, 4 prepositions, 25 letters, 10 digits, 4 adverbs."""
    assert [len(words) for words in GRAMMAR] == [4, 4, 4, 25, 10, 4]
    names = map("".join, itertools.product(*GRAMMAR))
    assert len({tuple(sentence(name)) for name in names}) == 64_000


@pytest.mark.parametrize("name", ["bbaw2n", "abaf2n", "bbaf2", "bbaf2nn", "bbaf0n", "BBAF2N", ""])
def test_what_is_no_sentence_is_refused(name):
    with pytest.raises(ValueError, match="does not spell a sentence of GRID"):
        sentence(name)


def test_every_film_is_a_group_of_its_own():
    films = [f"{sentence(name)[0]}/s1_{name}.avi" for name in S1.digests]
    assert len({group_of(film) for film in films}) == len(films)


def test_the_mouth_lies_in_the_reference_and_its_digest_is_known():
    assert S1.speaker.reference in S1.digests
    assert S1.speaker.mouth.height == S1.speaker.mouth.width == 96
    assert all(sentence(name) for name in S1.digests)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Films in a folder, with what a Mac adds, and the alignments, which nobody needs."""
    root = tmp_path_factory.mktemp("made")
    with zipfile.ZipFile(root / "mine.zip", "w") as made:
        for number, name in enumerate(NAMES):
            clip = head_clip(2 * number, -3 * number)
            write_head(root / f"{name}.mpg", clip if number < 3 else clip[:5])
            made.write(root / f"{name}.mpg", f"s1/{name}.mpg")
            made.writestr(f"__MACOSX/s1/._{name}.mpg", b"no film")
            made.writestr(f"s1/align/{name}.align", b"0 23750 sil")
    return root / "mine.zip"


def small(archive, **changes):
    """The real entry, but for where the face is, and what the films are."""
    with zipfile.ZipFile(archive) as made:
        digest = hashlib.sha256(made.read("s1/lwbs1s.mpg")).hexdigest()
    known = {"lwbs1s": digest, "bgia2n": S1.digests["bgia2n"]}
    recordings = replace(Recordings("s1", len(NAMES), known, SPEAKER), **changes)
    return replace(GRID, prepare=lambda _, job: prepare_mouths(job, recordings))


def run(data_set, root, **settings):
    said: list[str] = []
    report = prepare(data_set, root, size=16, frames=4, progress=False, say=said.append, **settings)
    return report, said


def test_from_an_archive_to_the_pack_and_nothing_twice(archive, tmp_path):
    report, said = run(small(archive), tmp_path, given={"videos": archive})
    assert report is not None
    assert (report.clips, report.problems) == (3, [])
    assert said[0] == GRID.terms
    assert "3 of 4 films are there; 1 could not be used, mouth-dropped.csv says why" in said[-1]
    made = {path.relative_to(tmp_path / "mouth").as_posix() for path in tmp_path.rglob("*.avi")}
    assert made == {"bin/s1_bbaf2n.avi", "lay/s1_lwbs1s.avi", "place/s1_pgizza.avi"}
    assert "srwa9p,only 5 of 14" in (tmp_path / "mouth-dropped.csv").read_text(encoding="utf-8")
    assert {path.name for path in (tmp_path / "s1").iterdir()} == {f"{n}.mpg" for n in NAMES}
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    assert run(small(archive), tmp_path)[0] == report  # without the archive
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before


def test_an_archive_of_other_films_is_refused(archive, tmp_path):
    given = {"videos": archive}
    wrong = {"lwbs1s": S1.digests["swwj1a"]}
    other = replace(SPEAKER, reference="bbaf3n")
    with pytest.raises(DataError, match=r"s1: holds 4 films where 1000 are expected, bbaf2n\.mpg"):
        run(small(archive, films=1_000), tmp_path / "a", given=given)
    with pytest.raises(FetchError, match=r"lwbs1s\.mpg: has the SHA-256 \w+ where acb8\w+ is"):
        run(small(archive, digests=wrong), tmp_path / "b", given=given)
    with pytest.raises(DataError, match=r"where 4 are expected, bbaf3n\.mpg among them"):
        run(small(archive, speaker=other), tmp_path / "c", given=given)
    assert not list(tmp_path.rglob("*.avi"))


def test_the_command(archive, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(CATALOGUE, "grid", small(archive))
    folder = ("--root", str(tmp_path / "grid"), "--size", "16", "--frames", "4")
    cli.main(["fetch", "grid", *folder, "--archive", str(archive)])
    out = capsys.readouterr().out
    assert out.index("cite its makers") < out.index("unpacked mine.zip") < out.index("3 clips")


def test_what_cannot_be_fetched_is_said(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    with serve() as server:
        files = {"videos": (Download("s1.zip", f"{server.url}/s1.zip"),)}
        with pytest.raises(
            FetchError, match=r"(?s)404 .* put it there as s1\.zip, or name it with --"
        ):
            run(replace(small(archive), files=files), tmp_path)
        server.files["/s1.zip"] = archive.read_bytes()
        assert run(replace(small(archive), files=files), tmp_path)[0]
