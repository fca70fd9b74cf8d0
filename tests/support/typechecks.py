"""What checks annotations at run time while the tests run."""

from beartype import BeartypeConf, beartype

# A whole number is a float wherever one is expected, as PEP 484 and mypy have it.
check = beartype(conf=BeartypeConf(is_pep484_tower=True))
