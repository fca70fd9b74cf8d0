"""A trained generator for browsers and other programs: the live generator of the pages, and ONNX.

* `bundle`: a generator as text, for the page's scripts;
* `show`: the live generator in a notebook, or on a page of its own;
* `onnx`: a generator as ONNX;
* `assets/latents.js`, `assets/network.js`: the generator in the browser, which knows no page;
* `assets/live.js`: the page around it.
"""

from vgan_tutorial.live.bundle import bundle_text, make_bundle, read_bundle
from vgan_tutorial.live.onnx import export_onnx
from vgan_tutorial.live.show import page, player

__all__ = [
    "bundle_text",
    "export_onnx",
    "make_bundle",
    "page",
    "player",
    "read_bundle",
]
