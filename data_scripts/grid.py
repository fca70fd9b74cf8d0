"""Fetch, unpack, check and pack GRID: `python data_scripts/grid.py --help`."""

import sys
from pathlib import Path

from vgan_tutorial import cli

if __name__ == "__main__":
    cli.main(["fetch", Path(__file__).stem, *sys.argv[1:]])
