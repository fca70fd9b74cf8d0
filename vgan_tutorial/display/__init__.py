"""Show clips, figures and source code in the notebooks and on the pages made from them.

Every picture carries alternative text, for readers who do not see it: the functions refuse to
show one without. Clips are stored at their own size and enlarged by the browser, so that a
16 x 16 clip costs a few kilobytes. Players need no kernel and no network.
"""

from vgan_tutorial.display.clips import (
    player_html,
    scrubber_html,
    show_player,
    show_scrubber,
    show_strip,
    strip_html,
)
from vgan_tutorial.display.figures import (
    COLOURS,
    LINES,
    figure_html,
    plot_curves,
    set_style,
    show_figure,
)
from vgan_tutorial.display.sheets import as_stored, grid
from vgan_tutorial.display.source import show_source, source_markdown

__all__ = [
    "COLOURS",
    "LINES",
    "as_stored",
    "figure_html",
    "grid",
    "player_html",
    "plot_curves",
    "scrubber_html",
    "set_style",
    "show_figure",
    "show_player",
    "show_scrubber",
    "show_source",
    "show_strip",
    "source_markdown",
    "strip_html",
]
