"""The live generator: a trained network that runs in the reader's browser."""

import html
from typing import Any

import torch
from torch import nn

from vgan_tutorial.display.clips import strip_image
from vgan_tutorial.display.page import Shown, asset, figure_tag, require_alt, script_tag, shown
from vgan_tutorial.display.sheets import as_stored
from vgan_tutorial.live.bundle import Checkpoints, ClassNames, bundle_text, make_bundle, read_bundle

POSTER_FRAMES = 8  # of each clip on the strip that stands in where scripts are off
WIDTH = 256  # of the clip on the page, in pixels, unless asked for
# In the order in which they run.
SCRIPTS = (
    ("display", "controls.js"),
    ("live", "latents.js"),
    ("live", "kernel-bytes.js"),
    ("live", "products.js"),
    ("live", "layers.js"),
    ("live", "operations.js"),
    ("live", "network.js"),
    ("live", "live.js"),
)

# Shown with the strip until the script starts, so wherever it does not start.
WORDS = (
    '<p class="vgan-live-words">The controls need scripts. The strip shows what the generator '
    "draws.</p>"
)

# A page of its own allows itself nothing but what it holds.
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:;
  style-src 'unsafe-inline'; script-src 'unsafe-inline' 'wasm-unsafe-eval'">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; --paper: #fff; --ink: #1b1f24; }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #14181e; --ink: #dfe3e8; }} }}
body {{ margin: 0 auto; max-width: 60rem; padding: 1rem 1.2rem 2rem; line-height: 1.5;
  font-family: system-ui, sans-serif; background: var(--paper); color: var(--ink); }}
h1 {{ font-size: 1.5rem; }}
</style>
<body><main><h1>{title}</h1>
{body}
</main></body></html>
"""


def player(
    generator: nn.Module | Checkpoints,
    alt: str,
    caption: str | None = None,
    fps: int | float = 8,
    size: int | None = None,
    precision: str | None = None,
    seed: int = 0,
    class_names: ClassNames | None = None,
) -> Shown:
    """A generator that the reader drives: it runs in the page itself.

    Args:
        generator: a generator of a kind that the page can run (see `programs`); or checkpoints of
            one as pairs of a label and a generator, earliest first, which a slider goes through
            while the latent stays.
        alt: sentence that says what the clips show.
        caption: line under the controls.
        fps: frames a second.
        size: width of the clip on the page, in pixels.
        precision: type of the large weights, "float16" or "int8"; see `bundle.make_bundle`.
        seed: seed of the four latents that the page starts from.
        class_names: names of the classes that the generator is told; the page has a button for
            each. If a class has factors, these, and the page has a list to choose from for each.

    Raises:
        ValueError: as `bundle.make_bundle` does, or if alt is empty.
    """
    require_alt(alt)
    bundle = make_bundle(generator, precision, seed, class_names)
    width = size or bundle["size"] * max(1, WIDTH // bundle["size"])
    stored = f'<script type="application/json">{bundle_text(bundle)}</script>'
    root = f'<div class="vgan-live" data-shown="{width}" data-fps="{fps}">{stored}</div>'
    style = f"<style>{asset('live', 'live.css')}</style>"
    code = script_tag(*(asset(room, name) for room, name in SCRIPTS))
    return shown(style + figure_tag(_poster(bundle, alt) + WORDS + root, caption) + code, alt)


def page(content: Shown, title: str = "A live generator") -> str:
    """A whole page, to be opened from disk.

    Args:
        content: live generator, or whatever else the page is for.
        title: title of the page.
    """
    return PAGE.format(title=html.escape(title), body=content.html)


def _poster(bundle: dict[str, Any], alt: str) -> str:
    """The clips of the four latents that the page starts from, as an image."""
    network = read_bundle(bundle)
    shape: tuple[int, ...] = network.latent_shape  # type: ignore[assignment]
    with torch.no_grad():
        clips = network(torch.tensor(bundle["latents"]).reshape(-1, *shape))
    rows = as_stored(clips)
    return strip_image(rows, alt, min(POSTER_FRAMES, rows.shape[1]))
