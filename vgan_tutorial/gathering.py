"""Tables that a package's modules fill together, so that one more entry is one more file."""

import pkgutil
from importlib import import_module
from typing import Any


def gather(package: str, table: str) -> dict[str, Any]:
    """The entries of the dictionaries called `table` in the modules of a package.

    Raises:
        ValueError: if two modules bring the same name.
    """
    found: dict[str, Any] = {}
    path = import_module(package).__path__
    for name in sorted(module.name for module in pkgutil.iter_modules(path)):
        entries = getattr(import_module(f"{package}.{name}"), table, {})
        if twice := found.keys() & entries:
            raise ValueError(f"{name} brings {', '.join(twice)} to {package}, which has it already")
        found |= entries
    return found
