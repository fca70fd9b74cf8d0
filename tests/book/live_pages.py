"""What tests of the live generator do with its page: write one, read it, move its controls."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Locator, Page
from torch import Tensor

from vgan_tutorial import live

STILL = {"reduced_motion": "reduce"}
# Clips of a page's own bundle, and milliseconds for each of `times` more.
DRAW = """([latents, times, fast]) => {
    const text = document.querySelector('script[type="application/json"]').textContent;
    vganProducts.fast = fast;
    const network = vganLive.decode(JSON.parse(text), 0), took = [];
    const clips = latents.map(latent =>
        Array.from(vganLive.toClip(vganLive.generate(network, latent))));
    for (let n = 0; n < times; n++) {
        const before = performance.now();
        vganLive.generate(network, latents[n % latents.length]);
        took.push(performance.now() - before);
    }
    return [clips, took];
}"""


def written(folder: Path, generator: Any, **options: Any) -> str:
    """The address of a page with a live generator."""
    page = folder / "live.html"
    player = live.player(generator, alt="Four clips.", **options)
    page.write_text(live.page(player), encoding="utf-8")
    return page.as_uri()


def drawn(page: Page, latents: Tensor, times: int = 0, fast: bool = True) -> tuple[Tensor, float]:
    """Clips that the page's first checkpoint makes, and the median time for one."""
    clips, took = page.evaluate(DRAW, [latents.flatten(1).tolist(), times, fast])
    return torch.tensor(clips), float(np.median(took)) if took else 0.0


def latent(page: Page) -> Tensor:
    return torch.tensor(json.loads(str(page.locator("canvas").get_attribute("data-latent"))))


def bundle_of(page: Page) -> Any:
    return json.loads(str(page.locator('script[type="application/json"]').text_content()))


def pixels(page: Page) -> np.ndarray:
    """What the canvas shows."""
    size, values = page.evaluate(
        "(() => { const c = document.querySelector('canvas');"
        "return [c.width, Array.from(c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data)] })()"
    )
    return np.array(values, dtype=int).reshape(size, size, 4)[..., :3]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name, exact=True)
