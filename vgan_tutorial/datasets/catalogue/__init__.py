"""The data sets that `vgan fetch` knows, one module each.

A module of this folder says everything about one data set in its `DATA_SET`: addresses with sizes
and digests, terms, licence and citation, layout, official lists, and the step that turns what was
fetched into videos or a pack. To add a data set, add a module.
"""

from importlib import import_module
from pkgutil import iter_modules

from vgan_tutorial.datasets.data_set import DataSet

CATALOGUE: dict[str, DataSet] = {
    name: import_module(f"{__name__}.{name}").DATA_SET
    for name in sorted(module.name for module in iter_modules(__path__))
}
