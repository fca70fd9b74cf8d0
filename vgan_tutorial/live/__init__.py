"""A trained generator for browsers and other programs: the live generator of the pages, and ONNX.

* `program`, `programs`: a network as a list of operations; one function for each kind of network;
* `directions`: the directions of a latent that change most of a clip;
* `bundle`: a generator as text, for the page's scripts;
* `show`: the live generator in a notebook, or on a page of its own;
* `onnx`: a generator as ONNX;
* `kernel`: the compiled inside of the page's layers, made from `assets/kernel.wat`;
* `assets/products.js`, `layers.js`, `operations.js`: what a program's operations compute;
* `assets/latents.js`, `network.js`: the generator in the browser, which knows no page;
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
