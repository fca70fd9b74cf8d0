"""Every data set of the catalogue says everything that a user must know and a command needs."""

import re
from pathlib import Path
from pkgutil import iter_modules

import pytest

from vgan_tutorial.datasets import CATALOGUE, catalogue
from vgan_tutorial.recipes import RECIPES, get_recipe
from vgan_tutorial.shapes import PRESETS

ROOT = Path(__file__).parents[4]
REFERENCES = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
ENTRIES = pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
OFFICIAL = pytest.mark.parametrize(
    "official",
    [entry.official for entry in CATALOGUE.values() if entry.official],
    ids=[name for name, entry in CATALOGUE.items() if entry.official],
)


def test_every_module_is_an_entry_by_its_name():
    assert list(CATALOGUE) == sorted(module.name for module in iter_modules(catalogue.__path__))
    assert all(name == entry.name for name, entry in CATALOGUE.items())
    assert CATALOGUE.keys().isdisjoint(PRESETS)  # `vgan train --data` takes either


@ENTRIES
def test_it_says_whose_it_is_and_on_what_terms(entry):
    assert entry.title in entry.terms
    assert re.search(r"https://\S+", entry.terms)
    assert entry.licence
    assert entry.licence == "none stated" or entry.licence in entry.terms
    assert re.search(rf"^@\w+{{{entry.citation},$", REFERENCES, re.MULTILINE)
    assert entry.about
    assert "\n" not in entry.about


@ENTRIES
def test_what_is_fetched_can_be_trusted(entry):
    """By a digest that is known, or by the server's certificate."""
    assert entry.files
    for downloads in entry.files.values():
        assert downloads
        for download in downloads:
            assert download.sha256 or download.url.startswith("https://")
            assert download.url.startswith(("https://", "http://"))
            assert download.sha256 is None or re.fullmatch("[0-9a-f]{64}", download.sha256)
            assert download.size is None or download.size > 0
            assert re.fullmatch(r"[\w.-]+", download.name)


@ENTRIES
def test_no_two_files_are_kept_under_one_name(entry):
    names = [download.name for downloads in entry.files.values() for download in downloads]
    assert len(names) == len({name.casefold() for name in names})


@OFFICIAL
def test_every_split_divides_all_clips(official):
    for train, test in official.counts.values():
        assert train > test > 0
        assert train + test + official.unused == official.clips


@OFFICIAL
def test_official_lists_are_unpacked_beside_the_videos(official):
    assert official.videos != official.lists


@ENTRIES
def test_a_recipe_trains_on_it(entry):
    assert any(get_recipe(name).data == entry.name for name in RECIPES)


def test_recipes_train_on_what_there_is():
    assert {get_recipe(name).data for name in RECIPES} <= CATALOGUE.keys() | PRESETS.keys()
