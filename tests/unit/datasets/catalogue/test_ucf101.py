"""The official lists of UCF101, as made here."""

import pytest

from tests.support.official_lists import CLASSES, write_ucf101_lists
from vgan_tutorial.datasets import CATALOGUE, group_of, read_ucf101_lists
from vgan_tutorial.errors import DataError


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("test_labels", [False, True])
def test_ucf101_lists_whatever_their_line_endings_and_labels(tmp_path, ending, test_labels):
    write_ucf101_lists(tmp_path / "lists", 6, ending, test_labels)
    for split in (1, 2, 3):
        lists = read_ucf101_lists(tmp_path / "lists", split)
        assert lists.classes == list(CLASSES)
        assert (len(lists.train), len(lists.test)) == (12, 6)
        assert {group_of(name) for name in lists.test} == {
            f"g{group:02d}" for group in range(1, 7) if group % 3 + 1 == split
        }
        assert "HandstandPushups/v_HandStandPushups_g01_c01.avi" in lists.names


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("trainlist01.txt", "Archery/v_Archery_g01_c01.avi 1\n", "contradicts classInd.txt"),
        ("trainlist01.txt", "Fishing/v_Fishing_g01_c01.avi 1\n", "contradicts classInd.txt"),
        ("trainlist01.txt", "<html>404</html>\n", "cannot be read, '<html>404</html>'"),
        (
            "testlist01.txt",
            "Archery/v_Archery_g01_c01.avi\n",
            "its lists name Archery/v_Archery.* twice",
        ),
        ("classInd.txt", "1 HandstandPushups\n3 Archery\n", "does not count its classes"),
    ],
)
def test_damaged_ucf101_lists(tmp_path, name, text, message):
    write_ucf101_lists(tmp_path / "lists")
    (tmp_path / "lists" / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_ucf101_lists(tmp_path / "lists")


def test_missing_lists_and_splits_that_do_not_exist(tmp_path):
    with pytest.raises(DataError, match="there is no such list"):
        read_ucf101_lists(tmp_path)
    with pytest.raises(ValueError, match="1, 2 and 3, got 0"):
        read_ucf101_lists(tmp_path, 0)


def test_its_names_are_taken_for_those_of_no_other_data_set():
    name = "Archery/v_Archery_g07_c02.avi"
    groups = {n: entry.group_of(name) for n, entry in CATALOGUE.items() if entry.group_of}
    assert [n for n, group in groups.items() if group] == ["ucf101"]
    assert groups["ucf101"] == "g07"
