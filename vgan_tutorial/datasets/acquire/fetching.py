"""Download large files so that they arrive whole: resumed, checked, and never half there.

What is on its way is called `<name>.part`. It gets its name only when its size and digest are
right. Certificates are always verified: where that fails, the message says what to do.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import requests
from tqdm.auto import tqdm
from urllib3.exceptions import HTTPError

from vgan_tutorial.datasets.acquire.checking import (
    byte_bar,
    digest_of,
    remember,
    require_room,
    verify,
)
from vgan_tutorial.datasets.data_set import Download
from vgan_tutorial.errors import FetchError
from vgan_tutorial.files import naming, publish, replace_file

logger = logging.getLogger(__name__)

CHUNK = 2**20
ATTEMPTS = 5  # in a row without a single new byte
PAUSE = 1.0  # seconds before the second attempt; doubles each time
TIMEOUT = (20, 60)  # seconds to connect, and between two pieces
# Beginnings of files that a server sends in place of an archive, with status 200.
PAGES = (b"<!doctype", b"<html", b"<?xml")


def fetch_any(
    downloads: Sequence[Download],
    folder: str | os.PathLike[str],
    *,
    option: str | None = None,
    progress: bool = True,
) -> Path:
    """Fetch the first of several copies that can be had: the official one, then its mirrors.

    A copy that is on disk already, whole, is preferred to fetching another.

    Args:
        downloads: copies of the file.
        folder: folder for it; made if need be.
        option: option of `vgan fetch` that names the file where it is on disk already.
        progress: show a bar.

    Raises:
        FetchError: none can be had; the message gives the reason for each.
    """
    folder = Path(folder)
    ordered = sorted(downloads, key=lambda download: not (folder / download.name).exists())
    reasons = []
    for download in ordered:
        try:
            return fetch(download, folder, progress=progress)
        except FetchError as error:
            reasons.append(f"{download.url}: {error.problem}. {error.remedy}")
            logger.warning("%s", reasons[-1])
    raise FetchError(
        folder,
        f"could not be filled from any address ({'; '.join(reasons)})",
        "Give the same command again later, or fetch the file with a browser and put it there as "
        f"{downloads[0].name}" + (f", or name it with {option}" if option else ""),
    )


def fetch(download: Download, folder: str | os.PathLike[str], *, progress: bool = True) -> Path:
    """Fetch a file, going on where an earlier run was cut off; do nothing if it is there.

    Args:
        download: address of the file, and what is known of it.
        folder: folder for it; made if need be.
        progress: show a bar.

    Returns:
        The path of the file, whose size and digest are those of `download`.

    Raises:
        FetchError: the server cannot be reached or trusted, sends something else, or there is no
            room.
    """
    target = Path(folder) / download.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        verify(target, download.size, download.sha256, progress=progress)
        return target
    part = target.with_name(target.name + ".part")
    with requests.Session() as session:
        _persist(lambda: _receive(session, download, part, progress), part, progress)
    try:
        digest = digest_of(part, download.size, download.sha256, progress)
    except FetchError:
        _discard(part)
        raise
    publish(part, target)
    _etag(part).unlink(missing_ok=True)
    remember(target, digest)
    return target


def _persist(receive: Callable[[], None], part: Path, show: bool) -> None:
    """Call until it succeeds; give up after some attempts that brought no byte at all."""
    fruitless = 0
    while True:
        before = _size(part)
        try:
            return receive()
        except (requests.RequestException, HTTPError) as error:
            if "certificate" in str(error).lower():
                raise FetchError(part, *_explain_certificate(error)) from error
            fruitless = fruitless + 1 if _size(part) <= before else 0
            if fruitless >= ATTEMPTS:
                problem = f"the connection failed {ATTEMPTS} times in a row ({_short(error)})"
                raise FetchError(
                    part, problem, "Give the same command again: it goes on"
                ) from error
            logger.warning("%s: cut off after %d bytes, going on", part.name, _size(part))
            pause = PAUSE * 2 ** max(0, fruitless - 1)
            if show:  # or the command would be silent for a quarter of a minute
                reason = "the line was cut" if _size(part) > before else "no answer"
                tqdm.write(f"{part.stem}: {reason}, again in {pause:.0f} s", file=sys.stderr)
            time.sleep(pause)


def _receive(session: requests.Session, download: Download, part: Path, progress: bool) -> None:
    """Ask for what is missing and append it; begin anew if the server will not go on."""
    have = _size(part)
    if download.size is not None and have == download.size:
        return
    if download.size is not None and have > download.size:
        _discard(part)
        have = 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if _etag(part).exists():  # a file that was replaced meanwhile comes from its beginning
            headers["If-Range"] = _etag(part).read_text(encoding="utf-8")
    with session.get(download.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            _settle_416(response, part, have)
            return
        _require_success(response, part)
        start = have if _continues(response, have) else 0
        total = download.size or _announced(response, start)
        require_room(part.parent, (total or 0) - start)
        if not start:
            _remember_etag(response, part)
        _write(response, part, start, total, download.name, progress)
    if total is not None and _size(part) < total:
        raise requests.ConnectionError(f"{_size(part)} of {total} bytes arrived")


def _write(
    response: requests.Response, part: Path, start: int, total: int | None, name: str, show: bool
) -> None:
    first = start == 0
    bar = byte_bar(name, total, start, show)
    with naming(part), part.open("r+b" if start else "wb") as file, bar:
        file.seek(start)
        # read1 hands over what has arrived; read would lose up to a piece when the line is cut.
        while piece := response.raw.read1(CHUNK):
            if first:
                _refuse_page(piece, response, part)
                first = False
            file.write(piece)
            bar.update(len(piece))


def _settle_416(response: requests.Response, part: Path, have: int) -> None:
    """The server has nothing after what we have: either all is here, or it is another file."""
    total = response.headers.get("Content-Range", "").rpartition("/")[2]
    if total == str(have):
        return
    _discard(part)
    raise requests.ConnectionError("the server does not know the piece asked for")


def _continues(response: requests.Response, have: int) -> bool:
    """Whether the answer begins where we stopped, rather than at the beginning."""
    begins = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    return response.status_code == requests.codes.partial_content and have > 0 and begins


def _announced(response: requests.Response, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _require_success(response: requests.Response, part: Path) -> None:
    if response.status_code >= 500:  # often passes: worth another attempt
        raise requests.ConnectionError(f"status {response.status_code} {response.reason}")
    if response.status_code not in (requests.codes.ok, requests.codes.partial_content):
        raise FetchError(
            part,
            f"the server answered {response.status_code} {response.reason}",
            "The address may have changed",
        )


def _refuse_page(piece: bytes, response: requests.Response, part: Path) -> None:
    """Some servers say "not found" in a page of its own, with the status of success."""
    kind = response.headers.get("Content-Type", "")
    if piece.lstrip()[:16].lower().startswith(PAGES) or kind.startswith("text/html"):
        raise FetchError(
            part,
            "the server sent a web page and not the file",
            f"Open {response.url} in a browser to read what it says",
        )


def _explain_certificate(error: Exception) -> tuple[str, str]:
    return (
        f"the server's certificate cannot be verified ({_short(error)})",
        "Nothing was fetched, and the check was not switched off. If your network has a "
        "certificate of its own, name it in the variable REQUESTS_CA_BUNDLE; if the site's has "
        "lapsed, fetch the file with a browser, where you decide, and put it there under its name: "
        "its size and digest are checked all the same",
    )


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _etag(part).unlink(missing_ok=True)


def _etag(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _remember_etag(response: requests.Response, part: Path) -> None:
    tag = response.headers.get("ETag", "")
    _discard(part)
    if tag and not tag.startswith("W/"):  # weak ones do not promise the same bytes
        replace_file(_etag(part), tag)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _short(error: BaseException) -> str:
    """The innermost reason of an exception that other libraries have wrapped several times."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error) or type(error).__name__
