"""The package's own source, shown where it is explained."""

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from vgan_tutorial.display.page import display_bundle


def show_source(*objects: Callable[..., Any] | type) -> None:
    """Show the source of functions or classes as the package runs it, highlighted."""
    for item in objects:
        text = source_markdown(item)
        display_bundle({"text/markdown": text, "text/plain": text})


def source_markdown(item: Callable[..., Any] | type) -> str:
    """The real source of a function or class, as a highlighted block with its file's name."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(item))).rstrip()
    name = f"{item.__module__.replace('.', '/')}.py"
    return f"`{name}`\n\n```python\n{source}\n```"
