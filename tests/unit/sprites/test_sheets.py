import pytest
import torch
from PIL import Image

from tests.support.sheets import COUNTS, draw_sheet, write_sheets
from vgan_tutorial.errors import DataError
from vgan_tutorial.sprites import ACT_NAMES, ACTIONS, DIRECTIONS, PARTS, has_sheets, read_sheets
from vgan_tutorial.sprites.sheets import FIRST_POSES, POSES


def test_cells_are_those_of_the_picture(sheets):
    """The third pose of slashing to the left: row 13, column 2."""
    picture = torch.from_numpy(draw_sheet("hair", 1))
    cell = picture[13 * 64 : 14 * 64, 2 * 64 : 3 * 64].permute(2, 0, 1)
    place = FIRST_POSES[list(ACTIONS).index("slash")] + list(DIRECTIONS).index("left") * 6 + 2
    assert torch.equal(sheets.cells["hair"][1, place], cell)


def test_walking_leaves_out_the_pose_that_stands(sheets):
    picture = torch.from_numpy(draw_sheet("body", 0))
    place = FIRST_POSES[list(ACTIONS).index("walk")] + list(DIRECTIONS).index("up") * 8
    assert torch.equal(
        sheets.cells["body"][0, place], picture[8 * 64 : 9 * 64, 64:128].permute(2, 0, 1)
    )


def test_counts_and_names(sheets):
    assert sheets.counts == tuple(COUNTS[part] for part in PARTS)
    assert POSES == 4 * (7 + 6 + 8 + 8)
    assert list(ACT_NAMES) == sorted(ACT_NAMES)
    assert len(set(ACT_NAMES)) == 16


def test_layers_are_averages_of_what_is_opaque(sheets):
    layer = sheets.layers(32)[0]
    whole = sheets.cells["body"][2, 5].float() / 255
    weighted = torch.cat([whole[:3] * whole[3:], whole[3:]])
    wanted = weighted.unflatten(2, (32, 2)).unflatten(1, (32, 2)).mean((2, 4))
    torch.testing.assert_close(layer[2, 5], wanted)
    with pytest.raises(ValueError, match="24 does not divide 64"):
        sheets.layers(24)


def test_faults_in_a_folder_are_named(tmp_path):
    folder = write_sheets(tmp_path / "sheets", dict.fromkeys(PARTS, 1))
    assert has_sheets(folder)
    Image.new("RGBA", (64, 64)).save(folder / "hair" / "0.png")
    with pytest.raises(DataError, match="has 64 by 64 pixels where a sheet has 832 by 1344"):
        read_sheets(folder)
    (folder / "hair" / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="cannot be read as a picture"):
        read_sheets(folder)
    (folder / "hair" / "0.png").unlink()
    assert not has_sheets(folder)
    with pytest.raises(DataError, match=r"hair: holds no sheets"):
        read_sheets(folder)
