"""The numbers of the Weizmann strips, and what they say."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vgan_tutorial.datasets import CATALOGUE, group_of, split_by_group
from vgan_tutorial.datasets.acquire.preparing import prepare
from vgan_tutorial.datasets.catalogue import weizmann
from vgan_tutorial.datasets.catalogue.weizmann import STRIPS, WEIZMANN

FILMS = [strip.film for strip in STRIPS]


def test_every_person_does_every_action_once_and_once_mirrored():
    cells = Counter((group_of(film), film.split("/")[0]) for film in FILMS)
    assert len(set(FILMS)) == 72
    assert len({person for person, _ in cells}) == 9
    assert {action for _, action in cells} == {"bend", "jack", "wave1", "wave2"}
    assert set(cells.values()) == {2}
    assert len(cells) == 36


def test_a_recording_and_its_mirror_image_are_alike():
    for number in range(0, 72, 2):
        one, other = STRIPS[number : number + 2]
        assert one.frames == other.frames
        assert group_of(one.film) == group_of(other.film)
        assert one.film.split("/")[0] == other.film.split("/")[0]


def test_the_lengths_are_those_that_are_known_of_the_whole():
    lengths = [strip.frames for strip in STRIPS]
    assert (min(lengths), max(lengths), sum(lengths)) == (51, 146, 5290)


@pytest.mark.parametrize("seed", range(5))
def test_a_split_parts_no_person(seed):
    split = split_by_group([group_of(film) for film in FILMS], seed=seed)
    parts = [
        {group_of(FILMS[index]) for index in part}
        for part in (split.train, split.validation, split.test)
    ]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 9


def test_every_picture_has_its_address_under_one_commit():
    urls = [WEIZMANN.files[strip.key][0].url for strip in STRIPS]
    assert len(set(urls)) == 72
    assert all("/c68950b5943d47cbb7a94c0031bd3d21d19fff33/data/actions/" in url for url in urls)
    found = {
        (film.split("/")[0], url.split("/")[-2]) for film, url in zip(FILMS, urls, strict=True)
    }
    assert found == {("wave1", "0"), ("wave2", "1"), ("jack", "3"), ("bend", "4")}
    assert urls[70].endswith("/4/00000070.jpg")


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("bend/v_bend_014.avi", "person1"),
        ("wave2/v_wave2_065.avi", "person8"),
        ("jack/v_bend_014.avi", None),  # in another folder
        ("bend/v_bend_012.avi", None),  # a number of the jumping jack
        ("bend/v_bend_078.avi", None),  # of nobody
        ("bend/v_bend_14.avi", None),
    ],
)
def test_group_of_names(name, group):
    assert WEIZMANN.group_of is not None
    assert WEIZMANN.group_of(name) == group


def test_its_names_are_taken_for_those_of_no_other_data_set():
    groups = {n: entry.group_of(FILMS[0]) for n, entry in CATALOGUE.items() if entry.group_of}
    assert [n for n, group in groups.items() if group] == ["weizmann"]


def test_pictures_in_downloads_become_films_without_a_network(tmp_path, monkeypatch):
    few = STRIPS[2:6]
    monkeypatch.setattr(weizmann, "STRIPS", few)
    (tmp_path / "downloads").mkdir()
    for strip in few:
        grey = np.full((64, 64 * strip.frames, 3), 10 * int(strip.key), np.uint8)
        Image.fromarray(grey).save(tmp_path / "downloads" / f"{strip.key}.jpg")
    entry = replace(WEIZMANN, files={strip.key: WEIZMANN.files[strip.key] for strip in few})
    report = prepare(entry, tmp_path, size=16, progress=False, say=lambda _: None)
    assert report is not None
    assert (report.clips, report.frames) == (4, sum(strip.frames for strip in few))
    films = {path.relative_to(tmp_path / "actions").as_posix() for path in tmp_path.rglob("*.avi")}
    assert films == {strip.film for strip in few}
