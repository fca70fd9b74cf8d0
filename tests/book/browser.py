"""Open pages in headless Chromium and list what is wrong with them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Request, ViewportSize, sync_playwright

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 800}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCAL = ("file:", "data:", "blob:", "about:", "http://127.0.0.1:")
# The theme declares a constant twice on every page; nothing depends on it.
HARMLESS = "'THEBE_JS_URL' has already been declared"

# Functions that run in the page and return a list of faults.
FAULTS, PALE = (
    Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("faults.js", "pale.js")
)


# Resolves when the page has nothing left to do and has faded to its colours, however long that
# takes on a busy machine.
SETTLED = """() => new Promise(done => requestIdleCallback(done, {timeout: 10000})).then(() =>
    Promise.allSettled(document.getAnimations()
        .filter(each => each instanceof CSSTransition).map(each => each.finished)))"""
PATIENCE = 120_000  # milliseconds for whatever a test waits for: a few suffice on a quiet machine


def lacking(what: str) -> None:
    """Skip on a reader's machine; fail where nothing may be left out."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def launched() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """A settled page, and what went wrong while it loaded and as long as it is open."""
    faults: list[str] = []
    context = browser.new_context(viewport=WIDE, **options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()

    def asked(request: Request) -> None:
        if not request.url.startswith(LOCAL):
            faults.append(f"a network request: {request.url}")

    def broke(error: Exception) -> None:
        if HARMLESS not in str(error):
            faults.append(f"a page error: {error}")

    context.on("request", asked)
    context.on("requestfailed", lambda request: faults.append(f"not loaded: {request.url[:120]}"))
    context.on(
        "response",
        lambda answer: faults.append(f"not found: {answer.url}") if answer.status >= 400 else None,
    )
    page.on("pageerror", broke)
    page.goto(url)
    page.evaluate("() => window.MathJax?.startup?.promise")
    page.wait_for_timeout(300)  # widgets draw after the page has loaded
    if options.get("java_script_enabled", True):
        page.evaluate(SETTLED)
    yield page, faults
    context.close()


def page_faults(browser: Browser, url: str) -> list[str]:
    """Everything that a reader could stumble over, wide and narrow, light and dark."""
    with opened(browser, url, color_scheme="light") as (page, faults):
        faults += page.evaluate(FAULTS)
        schemes: list[Literal["light", "dark"]] = ["light", "dark"]
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(300)  # the theme fades from one to the other
            page.evaluate(SETTLED)
            faults += [f"{fault} ({scheme})" for fault in page.evaluate(PALE)]
        page.set_viewport_size(NARROW)
        page.wait_for_timeout(100)
        page.evaluate(SETTLED)
        if (width := page.evaluate("document.documentElement.scrollWidth")) > NARROW["width"]:
            faults.append(f"{width} pixels wide on a screen of {NARROW['width']}")
        return faults


def html_pages(site: Path) -> list[Path]:
    """The built pages that have content of the book; listings of source are left out."""
    return sorted(
        path
        for path in site.rglob("*.html")
        if "_modules" not in path.parts and "_static" not in path.parts
    )
