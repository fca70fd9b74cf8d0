"""The files of a pack."""

import io
import os

import numpy as np
import pytest

from vgan_tutorial.datasets.pack import format as pack_format
from vgan_tutorial.datasets.pack.format import (
    COLUMNS,
    Problem,
    array_header,
    foreign_files,
    is_pack,
    partial_of,
    read_clips,
    read_problems,
    read_rows,
    read_settings,
    write_problems,
    write_rows,
    write_settings,
)
from vgan_tutorial.files import draft_of


def test_a_pack_is_a_folder_with_a_table(tmp_path):
    assert not is_pack(tmp_path)
    assert not is_pack(tmp_path / "nowhere")
    write_rows(tmp_path, [])
    assert is_pack(tmp_path)
    assert is_pack(str(tmp_path))
    assert not is_pack(tmp_path / pack_format.TABLE)
    assert partial_of(tmp_path / "a.b") == tmp_path / "a.b.partial"


@pytest.mark.parametrize("frames", [0, 1, 10**9])
def test_numpy_reads_the_header_whose_length_never_changes(frames):
    header = array_header(frames, 64)
    assert len(header) == len(array_header(0, 64))
    file = io.BytesIO(header)
    assert np.lib.format.read_magic(file) == (1, 0)
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    assert (shape, fortran, dtype) == ((frames, 64, 64, 3), False, np.dtype(np.uint8))


@pytest.mark.parametrize(
    "name", [b'Run/v_\xff, "quoted"\xc3\xa9.avi', b"Run/Icon\r", b'Run/a\r"b,\n.avi', b"Run/\r\n"]
)
def test_tables_carry_any_name(tmp_path, name):
    strange = os.fsdecode(name)
    row = dict.fromkeys(COLUMNS, "") | {"name": strange, "class": "Run", "start": 3, "frames": 9}
    write_rows(tmp_path, [row])
    assert read_rows(tmp_path) == [{key: str(value) for key, value in row.items()}]
    (clip,) = read_clips(tmp_path)
    assert (clip.name, clip.label, clip.start, clip.frames) == (strange, "Run", 3, 9)
    assert clip.fps is None
    problems = [Problem(strange, "bad", "is empty"), Problem("Run/0.avi", "skipped", "a folder")]
    write_problems(tmp_path, problems)
    assert read_problems(tmp_path) == sorted(problems, key=lambda problem: problem.name)


def test_ordinary_names_are_written_without_quotes(tmp_path):
    """Packs of before are the same to the byte."""
    write_problems(tmp_path, [Problem("Run/a.avi", "bad", "is empty"), Problem("b\r", "bad", "x")])
    written = (tmp_path / pack_format.PROBLEMS).read_bytes()
    assert written == b'name,kind,reason\nRun/a.avi,bad,is empty\n"b\r","bad","x"\n'


def test_settings_are_none_where_there_are_none(tmp_path):
    assert read_settings(tmp_path) is None
    (tmp_path / pack_format.SETTINGS).write_text("{")
    assert read_settings(tmp_path) is None
    write_settings(tmp_path, {"size": 16})
    assert read_settings(tmp_path) == {"size": 16}


def test_what_a_killed_run_leaves_behind_is_no_stranger(tmp_path):
    for name in (pack_format.ARRAY, pack_format.TABLE, pack_format.JOURNAL):
        (tmp_path / name).touch()
        draft_of(tmp_path / name).touch()
    assert foreign_files(tmp_path) == set()
    (tmp_path / "thesis.txt").touch()
    assert foreign_files(tmp_path) == {"thesis.txt"}
