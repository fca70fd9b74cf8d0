"""The mouth is where the face is, and what cannot be used is named."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.support.heads import SPEAKER, blotches, head_clip, write_head
from tests.support.renames import stopped_at
from tests.support.videos import truncate
from vgan_tutorial.datasets.acquire import mouths
from vgan_tutorial.datasets.acquire.mouths import (
    NotUsableError,
    beginning,
    cut_mouth,
    cut_mouths,
    eyes_of,
    find,
    read_reasons,
)
from vgan_tutorial.errors import DataError
from vgan_tutorial.video_io import read_video

PLACES = [(0, 0), (7, -9), (-11, 12), (3, 20)]


def orange(clip):
    return (clip * (1.0, 0.6, 0.0)).astype(np.uint8)


def without_beginning(clip):
    return np.concatenate([np.full_like(clip[:5], 129), clip[5:]])


def other_face(clip):
    return head_clip(seed=99)


BAD = {
    "orange": (orange, r"tinted orange \(red exceeds blue by 1\d\d of 255\)"),
    "grey": (without_beginning, r"begins without a picture \(contrast 0\.0 of 255\)"),
    "other": (other_face, r"no face that is like the others \(-?0\.[0-5]\d of 1\)"),
    "short": (lambda clip: clip[:12], "only 12 of 14 frames decode"),
    "small": (lambda clip: clip[:, :20], r"no face .* \(-1\.00 of 1\)"),
    "low": (lambda clip: clip[:, :66], "mouth at the border"),
}


@pytest.fixture
def template(tmp_path):
    write_head(tmp_path / "bbaf2n.mpg", head_clip())
    return eyes_of(tmp_path / "bbaf2n.mpg", SPEAKER)


@pytest.mark.parametrize("seed", range(5))
def test_the_coefficient_is_that_of_the_pixels_and_the_greatest(seed):
    rng = np.random.default_rng(seed)
    picture = rng.uniform(0, 255, (12, 14)).astype(np.float32)
    template = rng.uniform(0, 255, (5, 6)).astype(np.float32)
    scores = {
        (top, left): np.corrcoef(picture[top : top + 5, left : left + 6].flat, template.flat)[0, 1]
        for top in range(8)
        for left in range(9)
    }
    top, left, score = find(template, picture)
    assert score == pytest.approx(scores[top, left], abs=1e-3)
    assert scores[top, left] == max(scores.values())


@pytest.mark.parametrize(("contrast", "brightness"), [(1, 0), (0.5, 60), (0.2, 10), (1.5, -90)])
def test_brightness_and_contrast_play_no_part(contrast, brightness):
    picture = beginning(blotches(48, 60, 3)[None])
    template = contrast * picture[13:29, 21:43] + brightness
    assert find(np.ascontiguousarray(template), picture) == (13, 21, pytest.approx(1, abs=1e-3))


@pytest.mark.parametrize(("down", "right"), PLACES)
def test_the_square_goes_with_the_face(tmp_path, template, down, right):
    write_head(tmp_path / "film.mpg", head_clip(down, right))
    cut = cut_mouth(tmp_path / "film.mpg", template, SPEAKER)
    box = SPEAKER.mouth
    assert cut.shape == (14, box.height, box.width, 3)
    wanted = box.moved(down, right)
    assert all(
        np.array_equal(mouth, wanted.of(frame))
        for mouth, frame in zip(cut, head_clip(down, right), strict=True)
    )


@pytest.mark.parametrize("kind", BAD)
def test_why_a_film_is_left_out(tmp_path, template, kind):
    change, reason = BAD[kind]
    write_head(tmp_path / "film.mpg", change(head_clip(2, 2)))
    with pytest.raises(NotUsableError, match=reason):
        cut_mouth(tmp_path / "film.mpg", template, SPEAKER)


def make_heads(folder: Path) -> dict[Path, Path]:
    """Four good films, and one of each bad kind, and two files that are no films."""
    clips = {f"good{n}": head_clip(*place) for n, place in enumerate(PLACES)}
    clips |= {kind: change(head_clip(2, 2)) for kind, (change, _) in BAD.items()}
    clips[SPEAKER.reference] = head_clip()
    for name, clip in clips.items():
        write_head(folder / "heads" / f"{name}.mpg", clip)
    (folder / "heads" / "empty.mpg").touch()
    heads = sorted((folder / "heads").glob("*.mpg"))
    return {head: folder / "mouth" / head.stem[0] / f"{head.stem}.avi" for head in heads}


def test_every_film_is_cut_or_named_and_none_is_tried_twice(tmp_path, monkeypatch):
    films = make_heads(tmp_path)
    table = tmp_path / "dropped.csv"
    reasons = cut_mouths(films, SPEAKER, table, progress=False)
    there = {head.stem for head, mouth in films.items() if mouth.exists()}
    assert reasons.keys() == {*BAD, "empty"}
    assert there == {head.stem for head in films} - reasons.keys()
    with table.open(newline="", encoding="utf-8") as file:
        assert {row["film"]: row["reason"] for row in csv.DictReader(file)} == reasons
    assert "0 bytes" in reasons["empty"]
    assert len(read_video(tmp_path / "mouth" / "g" / "good1.avi")) == SPEAKER.frames
    monkeypatch.setattr(mouths, "read_video", None)  # would raise
    assert cut_mouths(films, SPEAKER, table, progress=False) == reasons


@pytest.mark.parametrize("at", range(0, 20, 3))
def test_killed_at_any_rename_the_next_run_ends_the_same(tmp_path, monkeypatch, at):
    films = make_heads(tmp_path)
    table = tmp_path / "dropped.csv"
    stopped_at(monkeypatch, at, lambda: cut_mouths(films, SPEAKER, table, progress=False))
    reasons = cut_mouths(films, SPEAKER, table, progress=False)
    assert reasons.keys() == {*BAD, "empty"}
    assert read_reasons(table) == reasons
    assert sum(mouth.exists() for mouth in films.values()) == len(films) - len(reasons)
    assert not list(tmp_path.rglob("*.unfinished*"))


def test_without_the_film_of_reference_nothing_is_cut(tmp_path):
    films = make_heads(tmp_path)
    truncate(tmp_path / "heads" / f"{SPEAKER.reference}.mpg", 0.0)
    with pytest.raises(DataError, match=r"bbaf2n\.mpg: is empty"):
        cut_mouths(films, SPEAKER, tmp_path / "dropped.csv", progress=False)
    assert not (tmp_path / "mouth").exists()


def test_a_table_of_another_form_is_named(tmp_path):
    (tmp_path / "dropped.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"dropped\.csv: is not a table of films and reasons"):
        read_reasons(tmp_path / "dropped.csv")
