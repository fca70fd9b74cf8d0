"""Fetch, unpack, check and pack UCF101: `python data_scripts/ucf101.py --help`."""

import sys

from vgan_tutorial import cli

if __name__ == "__main__":
    cli.main(["fetch", "ucf101", *sys.argv[1:]])
