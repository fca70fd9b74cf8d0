import pytest

from tests.support.sheets import write_sheets
from vgan_tutorial.sprites import read_sheets


@pytest.fixture(scope="session")
def sheets(tmp_path_factory):
    return read_sheets(write_sheets(tmp_path_factory.mktemp("sheets")))
