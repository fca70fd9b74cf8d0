"""`python -m vgan_tutorial` is `vgan`, where the scripts of an environment are not on the path."""

from vgan_tutorial.cli import main

if __name__ == "__main__":
    main()
