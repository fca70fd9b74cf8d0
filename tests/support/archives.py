"""A server on this machine that misbehaves on request, and archives to serve."""

import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket


def stored_rar(files: dict[str, bytes]) -> bytes:
    """A RAR 4 archive that stores its files as they are, under any name at all.

    Blocks are: checksum of the header's rest (2 bytes), type (1), flags (2), length of header (2).
    """
    blocks = [b"Rar!\x1a\x07\x00", _block(0x73, 0, bytes(6))]
    for name, data in files.items():
        path = name.replace("/", "\\").encode()
        fields = struct.pack(
            "<IIBIIBBHI", len(data), len(data), 2, zlib.crc32(data), 0, 20, 0x30, len(path), 0x20
        )
        blocks += [_block(0x74, 0x8000, fields + path), data]
    return b"".join([*blocks, _block(0x7B, 0x4000, b"")])


def _block(kind: int, flags: int, rest: bytes) -> bytes:
    header = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
    return struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header


@dataclass
class Behaviour:
    """What the server has and how it serves it.

    Attributes:
        files: contents by path, such as "/UCF101.rar".
        cuts: after how many bytes to cut each of the next answers.
        ranges: honour range requests.
        status: answer this instead.
        kind: the content type that is claimed.
        etag: the entity tag, if any.
        log: the path and the range of every request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int | None = None
    kind: str = "application/octet-stream"
    etag: str | None = None
    log: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    server: "Server"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        how = self.server.behaviour
        wanted = self.headers["Range"]
        how.log.append((self.path, wanted))
        if how.status or self.path not in how.files:
            self.send_error(how.status or 404)
            return
        data = how.files[self.path]
        start = 0
        same = self.headers["If-Range"] in (None, how.etag)
        if wanted and how.ranges and same:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Content-Type", how.kind)
        if how.etag:
            self.send_header("ETag", how.etag)
        self.end_headers()
        if how.cuts:
            self.wfile.write(data[start : start + how.cuts.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(data[start:])

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    behaviour: Behaviour


@contextmanager
def serve(
    wrap: Callable[[socket], socket] | None = None, scheme: str = "http"
) -> Iterator[Behaviour]:
    """Run a server on the loopback address; `wrap` may turn its socket into a TLS socket."""
    with Server(("127.0.0.1", 0), Handler) as server:
        if wrap:
            server.socket = wrap(server.socket)
        server.behaviour = Behaviour(url=f"{scheme}://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.behaviour
        finally:
            server.shutdown()
            thread.join()


def files_under(folder: Path) -> dict[str, bytes]:
    """Contents of the files in a folder, by path, with forward slashes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
