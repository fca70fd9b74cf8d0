"""``python -m vgan_tutorial.toys``: make the record of modes hit that chapter 2 shows."""

from vgan_tutorial.records import run_command
from vgan_tutorial.toys.record import write_record

if __name__ == "__main__":
    run_command(write_record)
