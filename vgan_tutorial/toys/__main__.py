"""``python -m vgan_tutorial.toys``: make the record of modes hit that chapter 2 shows."""

import tyro

from vgan_tutorial.toys.record import write_record

if __name__ == "__main__":
    tyro.cli(write_record)
