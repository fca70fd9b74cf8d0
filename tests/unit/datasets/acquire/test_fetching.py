"""Downloads from a server on this machine that cuts, lies and fails."""

import hashlib
import logging
import os
import random
import signal
import ssl
import subprocess
import sys
import time

import pytest

from tests.support.archives import serve
from vgan_tutorial.datasets import Download
from vgan_tutorial.datasets.acquire import checking, fetching
from vgan_tutorial.datasets.acquire.fetching import fetch, fetch_any
from vgan_tutorial.errors import FetchError

DATA = random.Random(0).randbytes(300_000)
SIZE = len(DATA)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    with serve() as behaviour:
        behaviour.files["/a.rar"] = DATA
        yield behaviour


def download(server, size=SIZE, sha256=SHA256) -> Download:
    return Download("a.rar", f"{server.url}/a.rar", size, sha256)


def get(server, folder, **known):
    return fetch(download(server, **known), folder, progress=False)


def test_a_file_arrives_whole_and_is_not_fetched_twice(server, tmp_path, monkeypatch):
    path = get(server, tmp_path / "new" / "folder")
    assert path.read_bytes() == DATA
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.rar", "a.rar.done"]
    monkeypatch.setattr(checking, "file_sha256", None)  # nor read again
    assert get(server, path.parent) == path
    assert len(server.log) == 1


def test_a_changed_file_is_noticed_and_kept(server, tmp_path):
    path = get(server, tmp_path)
    path.write_bytes(DATA[:-1] + b"?")
    with pytest.raises(FetchError, match=f"where {SHA256} is expected"):
        get(server, tmp_path)
    path.write_bytes(DATA[:100])
    with pytest.raises(FetchError, match="has 100 bytes where 300000 are expected"):
        get(server, tmp_path)
    assert path.stat().st_size == 100


@pytest.mark.parametrize("etag", [None, '"v1"'])
def test_cut_connections_are_resumed_where_they_broke(server, tmp_path, etag):
    server.cuts = [100_000, 50_000, 1]
    server.etag = etag
    assert get(server, tmp_path).read_bytes() == DATA
    assert [asked for _, asked in server.log] == [
        None, "bytes=100000-", "bytes=150000-", "bytes=150001-",
    ]  # fmt: skip
    assert not list(tmp_path.glob("*.part*"))


def test_an_earlier_run_is_resumed(server, tmp_path):
    (tmp_path / "a.rar.part").write_bytes(DATA[:123_456])
    assert get(server, tmp_path).read_bytes() == DATA
    assert server.log == [("/a.rar", "bytes=123456-")]


@pytest.mark.parametrize("known", [{}, {"size": None, "sha256": None}])
def test_nothing_is_missing_but_the_name(server, tmp_path, known):
    (tmp_path / "a.rar.part").write_bytes(DATA)
    assert get(server, tmp_path, **known).read_bytes() == DATA


def test_a_server_without_ranges_begins_anew(server, tmp_path):
    server.ranges = False
    server.cuts = [200_000]
    assert get(server, tmp_path).read_bytes() == DATA
    assert len(server.log) == 2


def test_a_file_replaced_meanwhile_is_not_stitched_together(server, tmp_path):
    """Size and digest are unknown here: only the tag tells the old file from the new one."""
    server.etag, server.cuts = '"v1"', [100_000] + [0] * fetching.ATTEMPTS
    with pytest.raises(FetchError, match="failed 5 times in a row"):
        get(server, tmp_path, size=None, sha256=None)
    server.files["/a.rar"], server.etag, server.cuts = DATA[::-1], '"v2"', []
    assert get(server, tmp_path, size=None, sha256=None).read_bytes() == DATA[::-1]


def test_a_part_longer_than_the_file_is_dropped(server, tmp_path):
    (tmp_path / "a.rar.part").write_bytes(DATA + b"more")
    assert get(server, tmp_path).read_bytes() == DATA
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.rar.part").write_bytes(DATA + b"more")
    assert get(server, tmp_path / "b", size=None).read_bytes() == DATA


def test_attempts_end_and_what_arrived_is_kept(server, tmp_path):
    server.cuts = [1000] + [0] * 50
    with pytest.raises(FetchError, match=r"failed 5 times in a row .* it goes on"):
        get(server, tmp_path)
    assert (tmp_path / "a.rar.part").read_bytes() == DATA[:1000]
    assert not (tmp_path / "a.rar").exists()


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_with_the_status_of_success(server, tmp_path, kind):
    server.files["/a.rar"] = b"\n<!DOCTYPE html><html>We have moved</html>"
    server.kind = kind
    with pytest.raises(FetchError, match="sent a web page and not the file"):
        get(server, tmp_path)
    assert not (tmp_path / "a.rar").exists()
    assert not any(path.stat().st_size for path in tmp_path.iterdir())


def test_a_wrong_digest_leaves_no_file_and_the_next_run_begins_anew(server, tmp_path):
    server.files["/a.rar"] = DATA[::-1]
    with pytest.raises(FetchError, match=f"where {SHA256} is expected"):
        get(server, tmp_path)
    assert not list(tmp_path.iterdir())
    server.files["/a.rar"] = DATA
    assert get(server, tmp_path).read_bytes() == DATA


def test_a_wrong_size(server, tmp_path):
    server.files["/a.rar"] = DATA + b"more"
    with pytest.raises(FetchError, match="has 300004 bytes where 300000 are expected"):
        get(server, tmp_path)


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (503, fetching.ATTEMPTS)])
def test_refusals_are_final_and_overload_is_not(server, tmp_path, status, asked):
    server.status = status
    with pytest.raises(FetchError, match=str(status)):
        get(server, tmp_path)
    assert len(server.log) == asked


def test_mirrors_are_tried_in_order(server, tmp_path, caplog):
    lost = Download("lost.rar", f"{server.url}/lost.rar")
    with caplog.at_level(logging.WARNING):
        path = fetch_any([lost, download(server)], tmp_path, progress=False)
    assert path.name == "a.rar"
    assert "answered 404" in caplog.text
    server.log.clear()
    fetch_any([lost, download(server)], tmp_path, progress=False)
    assert server.log == []  # what is there is preferred to what would come first
    with pytest.raises(FetchError, match=r"from any address \(.*lost\.rar: .*404"):
        fetch_any([lost, lost], tmp_path, progress=False)


def test_too_little_room_is_seen_before_anything_is_written(server, tmp_path, monkeypatch):
    usage = checking.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(checking.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(FetchError, match="Make room"):
        get(server, tmp_path)
    assert not list(tmp_path.iterdir())


# A certificate that nobody has signed; the key protects nothing.
CERTIFICATE = """
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQganh46qzz+HcJ1Uy4
XYZDFsMJzeKKcobYmWdraBSTsb6hRANCAATVsVxjI0hT4gh39Klh+BshTFjlA2kG
+PDlHoCpoKcJu7b0GFT6oR/8y2w15AHyLrau9gI+07bEqvrcAx93tjIU
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUZ/jgv63px0vPCpJ0EyOU+v98WXgwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAyMTIwOFoYDzIxMjYxMDMw
MDIxMjA4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATVsVxjI0hT4gh39Klh+BshTFjlA2kG+PDlHoCpoKcJu7b0GFT6oR/8
y2w15AHyLrau9gI+07bEqvrcAx93tjIUo28wbTAdBgNVHQ4EFgQUEu2LNxxG1HGB
QQp7DKcHQGxbdAowHwYDVR0jBBgwFoAUEu2LNxxG1HGBQQp7DKcHQGxbdAowDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI
zj0EAwIDRwAwRAIgRKNSlrlIw4S4uoX94nzY81MOuyDkk+Nm3oMRHnrU5NgCIBQ0
u9VYwPflEJERxmnn1i8FnCo3D+FIEfMp+//gE5+c
-----END CERTIFICATE-----
"""


def test_a_certificate_that_fails_is_explained_and_not_bypassed(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "server.pem").write_text(CERTIFICATE.lstrip())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")

    with serve(lambda plain: context.wrap_socket(plain, server_side=True), "https") as server:
        server.files["/a.rar"] = DATA
        with pytest.raises(FetchError, match=r"certificate cannot be verified .* put it there"):
            get(server, tmp_path / "a")
        assert server.log == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "server.pem"))
        assert get(server, tmp_path / "b").read_bytes() == DATA


SLOW_FETCH = """
import itertools, sys, time
from vgan_tutorial.datasets.acquire import checking, fetching
fetching.CHUNK = 1000
chunks = itertools.count()
class SlowBar(checking.tqdm):
    def update(self, n=1):
        time.sleep(0.005 if next(chunks) < 200 else 3600)  # it never ends by itself
checking.tqdm = SlowBar
fetching.fetch(fetching.Download("a.rar", sys.argv[1]), sys.argv[2], progress=False)
"""


@pytest.mark.slow
def test_a_killed_download_goes_on(server, tmp_path):
    command = [sys.executable, "-c", SLOW_FETCH, f"{server.url}/a.rar", str(tmp_path)]
    process = subprocess.Popen(command)
    part = tmp_path / "a.rar.part"
    deadline = time.monotonic() + 300
    while not (part.exists() and part.stat().st_size > 50_000):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    had = part.stat().st_size
    assert 50_000 < had < len(DATA)
    assert get(server, tmp_path).read_bytes() == DATA
    assert server.log[-1] == ("/a.rar", f"bytes={had}-")
