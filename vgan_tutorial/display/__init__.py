"""Clips, figures and source code as the notebooks show them, and the pages made from them.

Each function makes one thing to look at, a `Shown`: `display.strip(clips, alt="…").show()` shows it
in a notebook, and its `html` is the piece of a page.

Every picture carries alternative text, for readers who do not see it: the functions refuse to
make one without. Clips are stored at their own size and enlarged by the browser, so that a
16 x 16 clip costs a few kilobytes. Players need no kernel and no network.

Nothing here imports a network: whatever is shown comes as pixels, curves or source, or names its
own parts.

* `clips`: strips, players and scrubbers;
* `figures`: matplotlib in the book's style;
* `listings`: the package's own source;
* `sheets`: pixels laid out side by side;
* `diagrams`: boxes and arrows, and `architectures`, the generators drawn with them;
* `page`: the HTML that all of them share.
"""

from vgan_tutorial.display.architectures import DIAGRAMS
from vgan_tutorial.display.clips import player, scrubber, strip
from vgan_tutorial.display.figures import COLOURS, LINES, curves, figure, set_style
from vgan_tutorial.display.listings import source
from vgan_tutorial.display.page import Shown
from vgan_tutorial.display.sheets import as_stored, grid

__all__ = [
    "COLOURS",
    "DIAGRAMS",
    "LINES",
    "Shown",
    "as_stored",
    "curves",
    "figure",
    "grid",
    "player",
    "scrubber",
    "set_style",
    "source",
    "strip",
]
