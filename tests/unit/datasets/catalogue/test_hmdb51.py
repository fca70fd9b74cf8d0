"""The official lists and the file names of HMDB51, as made here."""

from pathlib import Path

import pytest

from tests.support.official_lists import write_hmdb51_lists
from vgan_tutorial.datasets import CATALOGUE, group_of, read_hmdb51_lists
from vgan_tutorial.errors import DataError


def test_hmdb51_lists(tmp_path):
    write_hmdb51_lists(tmp_path / "lists")
    lists = read_hmdb51_lists(tmp_path / "lists", 2)
    assert lists.classes == ["shake_hands", "walk"]
    assert (len(lists.train), len(lists.test), len(lists.unused)) == (4, 8, 4)
    assert lists.test[0] == "shake_hands/Jaws_shake_hands_f_cm_np1_ba_med_0.avi"


def test_missing_lists_and_splits_that_do_not_exist(tmp_path):
    with pytest.raises(DataError, match=r"no list of HMDB51\. Expected .*wave_test_split3"):
        read_hmdb51_lists(tmp_path, 3)
    with pytest.raises(ValueError, match="1, 2 and 3, got 0"):
        read_hmdb51_lists(tmp_path, 0)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("walk/Walk_the_Line_walk_u_nm_np2_le_goo_11.avi", "Walk_the_Line"),
        ("walk/walk_walk_u_nm_np2_le_goo_11.avi", "walk"),
        ("fall_floor/A_(1)_fall_floor_f_cm_np1_ba_med_0.avi", "A_(1)"),
        ("run/Walk_the_Line_walk_u_nm_np2_le_goo_11.avi", None),
        ("c++/a_c++_u_nm_np2_le_goo_11.avi", "a"),
    ],
)
def test_group_of_hmdb51_names(name, group):
    assert group_of(name) == (group or Path(name).stem)


def test_its_names_are_taken_for_those_of_no_other_data_set():
    name = "wave/Film_wave_f_nm_np1_fr_med_3.avi"
    groups = {n: entry.group_of(name) for n, entry in CATALOGUE.items() if entry.group_of}
    assert [n for n, group in groups.items() if group] == ["hmdb51"]
    assert groups["hmdb51"] == "Film"
