"""A trained generator for browsers and other programs: the live generator of the pages, and ONNX.

* `bundle`: a generator as text, for the script `assets/live.js`; and ONNX;
* `show`: the live generator in a notebook, or on a page of its own.
"""

from vgan_tutorial.live.bundle import bundle_text, export_onnx, make_bundle, read_bundle
from vgan_tutorial.live.show import live_html, live_page, show_live

__all__ = [
    "bundle_text",
    "export_onnx",
    "live_html",
    "live_page",
    "make_bundle",
    "read_bundle",
    "show_live",
]
