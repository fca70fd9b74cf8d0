"""The HTML that every figure of the pages is made of, and the way into a notebook."""

import base64
import hashlib
import html
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from PIL import Image

from vgan_tutorial.display.sheets import Sheet

LOSSLESS_BYTES = 200_000
PIXELS, CLIP, DRAWING = "vgan-pixels", "vgan-clip", "vgan-drawing"  # classes of the style sheet


def img_tag(picture: Sheet, alt: str, scale: float, kind: str) -> str:
    """An image with its pixels inside, shown `scale` times as large."""
    height, width, _ = picture.shape
    # dark-light tells the theme to leave the colours as they are when it is dark
    return (
        f'<img class="{kind} dark-light" alt="{html.escape(alt)}" src="{_encode(picture)}" '
        f'width="{round(width * scale)}" height="{round(height * scale)}">'
    )


def _encode(picture: Sheet) -> str:
    """A data URI: lossless WebP, or lossy where that would be large."""
    buffer = io.BytesIO()
    image = Image.fromarray(picture)
    image.save(buffer, "webp", lossless=True, quality=80)
    if buffer.tell() > LOSSLESS_BYTES:
        buffer = io.BytesIO()
        image.save(buffer, "webp", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def figure_tag(body: str, caption: str | None, setup: str = "") -> str:
    """A figure of the pages: style sheet, frame, caption, and settings for a script."""
    text = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    # The same content gives the same name, so that running a notebook again changes nothing.
    name = hashlib.sha256((body + setup).encode()).hexdigest()[:10]
    data = f' data-vgan="{setup}"' if setup else ""
    style = f"<style>{asset('display', 'player.css')}</style>"
    return f'{style}<figure class="vgan-figure" id="vgan-{name}"{data}>{body}{text}</figure>'


def scale_for(width: int, size: int | None, room: int) -> float:
    """Factor to enlarge by: to the size asked for, else by the whole number that fits the room."""
    return size / width if size else float(max(1, room // width))


def kind_of(scale: float) -> str:
    """Class of the style sheet for a clip: enlarged ones are drawn with sharp pixels."""
    return PIXELS if scale > 1 else CLIP


def asset(room: str, name: str) -> str:
    """The text of a file in the assets of a room of the package."""
    return (files(f"vgan_tutorial.{room}") / "assets" / name).read_text(encoding="utf-8")


def require_alt(alt: str) -> None:
    """Refuse empty alternative text."""
    if not alt.strip():
        raise ValueError("alt is empty: say in a sentence what a reader would see in the picture")


def script_tag(*scripts: str) -> str:
    """One script element that runs the scripts in their order.

    Every figure brings its own copy, so indentation and lines that are only comments are left out.
    """
    lines = (line.strip() for script in scripts for line in script.splitlines())
    code = "\n".join(line for line in lines if line and not line.startswith("//"))
    return f"<script>{code}</script>"


@dataclass(frozen=True, repr=False)
class Shown:
    """Something to look at: a notebook shows it where `show` is called, or as a cell's last line.

    Attributes:
        formats: text by media type, the same thing in each; "text/plain" is for whoever sees no
            other.
    """

    formats: Mapping[str, str]

    @property
    def html(self) -> str:
        """The piece of a page; a listing of source code has none."""
        return self.formats["text/html"]

    def show(self) -> None:
        """Show it in a notebook, from anywhere in a cell."""
        try:
            from IPython.display import display  # only notebooks need it
        except ImportError as error:
            raise ImportError(
                "show() is for notebooks and needs IPython: pip install 'vgan-tutorial[book]', or "
                "write what .html holds to a file and open it in a browser"
            ) from error
        display(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return dict(self.formats)

    def __repr__(self) -> str:
        return self.formats["text/plain"]


def shown(page: str, alt: str) -> Shown:
    """A piece of a page, with the alternative text where pages are not shown."""
    return Shown({"text/html": page, "text/plain": f"[{alt}]"})
