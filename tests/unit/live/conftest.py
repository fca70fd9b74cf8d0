"""The page's scripts in node."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import vgan_tutorial

ASSETS = Path(vgan_tutorial.__file__).parent / "live" / "assets"
# All that needs no page, in the order in which it runs.
NAMES = ("latents", "kernel-bytes", "products", "layers", "operations", "network")
SCRIPTS = [str(ASSETS / f"{name}.js") for name in NAMES]

CLIPS = """
const network = live.decode(data.bundle, data.checkpoint);
return data.latents.map(latent =>
  Buffer.from(live.toClip(live.generate(network, latent, data.frames)).buffer).toString("base64"));
"""


@pytest.fixture(scope="session")
def node():
    """Run JavaScript with the page's network loaded, on data from Python; it returns JSON."""
    program = shutil.which("node")
    if not program:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "no node: on Debian and Ubuntu, `apt install nodejs` (only this test needs it)"
        )

    def run(code, data, before=""):
        source = (
            f"{before};{json.dumps(SCRIPTS)}.forEach(name => require(name));"
            "const live = globalThis.vganLive;"
            "const data = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
            f"process.stdout.write(JSON.stringify((() => {{ {code} }})()));"
        )
        done = subprocess.run(
            [program, "-e", source], input=json.dumps(data), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def clips_of_script(node):
    """The clips that the script draws from a bundle, and its latents, as PyTorch holds them."""

    def draw(bundle, latents, checkpoint=0, frames=None, before=""):
        data = {"bundle": bundle, "latents": latents.flatten(1).tolist()}
        data |= {"checkpoint": checkpoint, "frames": frames}
        flat = [np.frombuffer(base64.b64decode(text), "<f4") for text in node(CLIPS, data, before)]
        count = len(frames) if frames else bundle["frames"]
        shape = (len(latents), 3, count, bundle["size"], bundle["size"])
        return torch.from_numpy(np.stack(flat)).reshape(shape)

    return draw
