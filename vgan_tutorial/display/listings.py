"""The package's own source, shown where it is explained."""

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from vgan_tutorial.display.page import Shown


def source(item: Callable[..., Any] | type) -> Shown:
    """The source of a function or class as the package runs it, highlighted, with its file's name.

    Args:
        item: Function or class that is written in Python.
    """
    code = textwrap.dedent(inspect.getsource(inspect.unwrap(item))).rstrip()
    name = f"{item.__module__.replace('.', '/')}.py"
    text = f"`{name}`\n\n```python\n{code}\n```"
    return Shown({"text/markdown": text, "text/plain": text})
