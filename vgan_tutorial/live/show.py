"""The live generator: a trained network that runs in the reader's browser."""

import html
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from vgan_tutorial.display.clips import strip_image
from vgan_tutorial.display.page import asset, display_page, figure_tag, require_alt
from vgan_tutorial.display.sheets import as_stored
from vgan_tutorial.live.bundle import bundle_text, make_bundle, read_bundle

POSTER_FRAMES = 8  # of each clip on the strip that stands in where scripts are off
WIDTH = 256  # of the clip on the page, in pixels, unless asked for

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
  style-src 'unsafe-inline'; script-src 'unsafe-inline'">
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


def show_live(
    generator: nn.Module | Sequence[tuple[str, nn.Module]],
    alt: str,
    caption: str | None = None,
    fps: int | float = 8,
    size: int | None = None,
    precision: str | None = None,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
) -> None:
    """Show a content-motion generator that the reader drives: it runs in the page itself.

    Args:
        generator: a `ContentMotionGenerator`; or checkpoints of one as pairs of a label and a
            generator, earliest first, which a slider goes through while the latent stays.
        alt: what the clips show, in a sentence.
        caption: a line under the controls.
        fps: frames a second.
        size: width of the clip on the page, in pixels.
        precision: of the stored weights, "float16" or "int8"; see `web.make_bundle`.
        seed: of the four latents that the page starts from.
        class_names: of a generator that is told classes; the page has a button for each.

    Raises:
        ValueError: as `web.make_bundle` does, or if alt is empty.
    """
    page = live_html(generator, alt, caption, fps, size, precision, seed, class_names)
    display_page(page, alt)


def live_html(
    generator: nn.Module | Sequence[tuple[str, nn.Module]],
    alt: str,
    caption: str | None = None,
    fps: int | float = 8,
    size: int | None = None,
    precision: str | None = None,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
) -> str:
    """The HTML that `show_live` shows."""
    require_alt(alt)
    bundle = make_bundle(generator, precision, seed, class_names)
    shown = size or bundle["size"] * max(1, WIDTH // bundle["size"])
    script = f'<script type="application/json">{bundle_text(bundle)}</script>'
    root = f'<div class="vgan-live" data-shown="{shown}" data-fps="{fps}">{script}</div>'
    style = f"<style>{asset('live', 'live.css')}</style>"
    code = f"<script>{asset('live', 'live.js')}</script>"
    return style + figure_tag(_poster(bundle, alt) + WORDS + root, caption) + code


def live_page(
    generator: nn.Module | Sequence[tuple[str, nn.Module]],
    alt: str,
    title: str = "A live generator",
    caption: str | None = None,
    fps: int | float = 8,
    size: int | None = None,
    precision: str | None = None,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
) -> str:
    """A whole page with `live_html` on it, to be opened from disk."""
    body = live_html(generator, alt, caption, fps, size, precision, seed, class_names)
    return PAGE.format(title=html.escape(title), body=body)


def _poster(bundle: dict[str, Any], alt: str) -> str:
    """The clips of the four latents that the page starts from, as an image."""
    network = read_bundle(bundle)
    with torch.no_grad():
        clips = network(torch.tensor(bundle["latents"]))
    rows = as_stored(clips)
    return strip_image(rows, alt, min(POSTER_FRAMES, rows.shape[1]))
