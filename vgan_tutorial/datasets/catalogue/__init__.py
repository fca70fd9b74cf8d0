"""The data sets that `vgan fetch` knows, one module each.

A module of this folder says everything about one data set in its `DATA_SETS`: addresses with sizes
and digests, terms, licence and citation, layout, official lists, and the step that turns what was
fetched into videos or a pack. To add a data set, add a module.
"""

from vgan_tutorial.datasets.data_set import DataSet
from vgan_tutorial.gathering import gather

CATALOGUE: dict[str, DataSet] = gather(__name__, "DATA_SETS")
