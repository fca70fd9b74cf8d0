"""`python -m vgan_tutorial.cli` is `vgan`, for launchers that want a module."""

from vgan_tutorial.cli import main

if __name__ == "__main__":
    main()
