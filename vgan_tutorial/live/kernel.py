"""Compile `assets/kernel.wat` into the bytes that a page brings.

`python -m vgan_tutorial.live.kernel` stores them beside it, as a script. Only
who changes the kernel needs the compiler, `pip install wasmtime`.
"""

import base64
import hashlib
import importlib
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
SOURCE, STORED = ASSETS / "kernel.wat", ASSETS / "kernel-bytes.js"

SCRIPT = """// Made from kernel.wat by `python -m vgan_tutorial.live.kernel`: do not edit.
// The SHA-256 of its source is {digest}.
globalThis.vganKernel = "{text}";
"""


def compiled() -> str:
    """The script that holds the compiled kernel.

    Raises:
        ImportError: if the compiler is not installed.
    """
    compiler = importlib.import_module("wasmtime")
    source = SOURCE.read_bytes()
    text = base64.b64encode(compiler.wat2wasm(source.decode())).decode()
    return SCRIPT.format(digest=hashlib.sha256(source).hexdigest(), text=text)


if __name__ == "__main__":
    STORED.write_text(compiled(), encoding="utf-8")
