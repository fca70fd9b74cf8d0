"""Fetch, unpack, check and pack Sprites: `python data_scripts/sprites.py --help`."""

import sys
from pathlib import Path

from vgan_tutorial import cli

if __name__ == "__main__":
    cli.main(["fetch", Path(__file__).stem, *sys.argv[1:]])
