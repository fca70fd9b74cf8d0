"""Opens video files: OpenCV decodes them, and PyAV says what OpenCV keeps to itself.

Both are doors to FFmpeg. OpenCV is the faster one, and two of its answers cannot be taken as they
are:

- *Success, for an interlaced frame.* FFmpeg's scaler refuses such a frame, OpenCV does not look at
  the refusal, and hands over whatever lay in memory (opencv/opencv issue 25997; versions 4.13 and
  5.0 do it). Interlaced files are therefore decoded by PyAV, and their fields taken apart.
- *A number of frames, where the file declares none.* Matroska, WebM, FLV and MPEG files have no
  such number, so OpenCV multiplies the duration, often that of the sound, by the frame rate.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from jaxtyping import UInt8

from vgan_tutorial.errors import VideoError, is_utf8

# FFmpeg writes its complaints straight to the terminal, where they drown the one message that
# names the file. -8 means "quiet"; whoever wants the chatter sets the variable beforehand.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# A header may claim any number of frames and seconds; beyond this it says nothing about the file.
MOST_CREDIBLE_FRAMES = 100_000_000
MOST_CREDIBLE_SECONDS = 1_000_000
# What PyAV raises for a file that is damaged: its own errors, no such stream, text that is none.
DAMAGED = (av.FFmpegError, LookupError, ValueError)
# One frame out for each frame in; frames that are not interlaced pass as they are. Parity "auto"
# goes by the frame's own word for which field was first.
DEINTERLACE = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class Facts:
    """The declarations of a container, as PyAV finds them; None for what it does not declare.

    Attributes:
        frames: number of frames of the picture.
        seconds: duration of the file; of its longest stream, where sound and picture differ.
        interlaced: whether the first frame is.
    """

    frames: int | None = None
    seconds: float | None = None
    interlaced: bool = False


def declared(path: str | os.PathLike[str]) -> Facts:
    """Read a file's header, and its first frame. Nothing is known of a file that PyAV refuses."""
    facts = Facts()
    with contextlib.suppress(*DAMAGED), _container(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1  # to start more costs more than one frame
        frames = stream.frames if 0 < stream.frames < MOST_CREDIBLE_FRAMES else None
        length = (container.duration or 0) / av.time_base
        seconds = length if 0 < length < MOST_CREDIBLE_SECONDS else None
        facts = Facts(frames, seconds)
        first = next(container.decode(stream), None)
        facts = Facts(frames, seconds, first is not None and bool(first.interlaced_frame))
    return facts


def seconds_held(path: str | os.PathLike[str]) -> float | None:
    """When the last of a file's streams ends, counted as its duration is; None if it is unknown."""
    ends: list[float] = []
    with contextlib.suppress(*DAMAGED), _container(path) as container:
        begin = (container.start_time or 0) / av.time_base
        for packet in container.demux():
            if packet.pts is not None:
                ends.append(float((packet.pts + (packet.duration or 0)) * packet.time_base) - begin)
    return max(ends, default=None)


def holds_interlaced(path: str | os.PathLike[str]) -> bool:
    """Whether any frame of a file is interlaced: some broadcasts change from frame to frame."""
    with contextlib.suppress(*DAMAGED), _container(path) as container:
        return any(frame.interlaced_frame for frame in _decoded(container))
    return False


def deinterlaced(path: str | os.PathLike[str]) -> Iterator[av.VideoFrame]:
    """Every frame of a file as PyAV decodes it, those that are interlaced with one field only.

    The lines of the other field, which was filmed at another moment, are filled in by FFmpeg's
    filter `bwdif` from their surroundings in space and time.
    """
    with _container(path) as container:
        stream = container.streams.video[0]
        graph, kind = None, None
        for frame in _decoded(container):
            if kind != (kind := (frame.width, frame.height, frame.format.name)):
                if graph is not None:
                    yield from _pushed(graph, None)
                graph = _filters(*kind, stream)
            yield from _pushed(graph, frame)
        if graph is not None:
            yield from _pushed(graph, None)


class Capture:
    """The frames of an open file, one after the other, in the order in which they are shown.

    It has `grab` and `retrieve` of `cv2.VideoCapture`, but what it retrieves is what was filmed.
    OpenCV keeps one picture for all frames and does not write it where it fails, so a picture that
    is the same as the last one, byte for byte, is suspicious. PyAV is then asked for the file's
    interlaced frames; it goes on from there if it finds any. A still film has none, and is asked
    for once.
    """

    def __init__(self, path: Path, capture: cv2.VideoCapture) -> None:
        self.path, self.facts = path, declared(path)
        self.turn = int(capture.get(cv2.CAP_PROP_ORIENTATION_META))
        self.next = 0  # number of the frame that is grabbed next
        self._capture, self._asked = capture, False
        self._fields: Iterator[av.VideoFrame] | None = None
        self._field: av.VideoFrame | None = None
        self._last: tuple[int, UInt8[np.ndarray, "..."]] | None = None  # its number, the picture
        if self.facts.interlaced:
            self._fields = deinterlaced(path)

    def get(self, what: int) -> float:
        """A property of OpenCV's."""
        return float(self._capture.get(what))

    def grab(self) -> bool:
        """Decode a frame; False if there is none."""
        if self._fields is not None:
            self._field = next(self._fields, None)
            grabbed = self._field is not None
        else:
            grabbed = bool(self._capture.grab())
        self.next += grabbed
        if self._fields is None and self.next == 1:
            self.retrieve()  # so that there is a picture to compare the next one with
        return grabbed

    def retrieve(self) -> UInt8[np.ndarray, "height width *bgr"] | None:
        """The frame that was grabbed, blue-green-red; None if it cannot be had."""
        number = self.next - 1
        if self._field is not None:
            frame = self._field.to_ndarray(format="bgr24")
            return frame if self.turn % 360 == 0 else cv2.rotate(frame, TURNS[self.turn % 360])
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        ok, frame = self._capture.retrieve()
        if ok and self._is_suspicious(frame):
            self._asked = True
            if holds_interlaced(self.path):
                self._fields = islice(deinterlaced(self.path), number, None)
                self._field = next(self._fields, None)
                return self.retrieve() if self._field is not None else None
        self._last = (number, frame) if ok else None
        return frame if ok else None

    def seconds(self) -> float:
        """When the frame that was grabbed is shown."""
        if self._field is not None:
            return self._field.time or 0.0
        return self.get(cv2.CAP_PROP_POS_MSEC) / 1000

    def seek(self, number: int) -> bool:
        """Go to a frame by its number, as far as OpenCV can; begin again if it could not."""
        if self._fields is not None:
            return False
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        if self.get(cv2.CAP_PROP_POS_FRAMES) == number:
            self.next = number
            return True
        with quiet():  # it landed elsewhere, as it does behind the end
            self._capture.open(os.path.abspath(self.path), cv2.CAP_FFMPEG)
        return False

    def _is_suspicious(self, frame: UInt8[np.ndarray, "..."]) -> bool:
        if self._asked or self._last is None or self._last[1].shape != frame.shape:
            return False
        last = self._last[1]
        return np.array_equal(frame[::16], last[::16]) and np.array_equal(frame, last)


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Capture]:
    """Open a video file.

    Raises:
        VideoError: the file is missing, unreadable or not a video; or it breaks the decoder.
    """
    unreadable = _why_unreadable(Path(path))
    if unreadable:
        raise VideoError(path, *unreadable)
    # An absolute path keeps FFmpeg from reading "a:b.avi" as a network address, and naming the
    # backend keeps OpenCV from reading "a%02d.avi" as a numbered series of images.
    with quiet():
        capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise VideoError(path, *_why_not_video(Path(path)))
        yield Capture(Path(path), capture)
    except cv2.error as error:
        problem = f"breaks OpenCV while it decodes ({error})"
        raise VideoError(path, problem, "Convert it with `ffmpeg -i FILE out.avi`") from error
    except av.FFmpegError as error:
        problem = f"breaks PyAV while it decodes ({error})"
        raise VideoError(path, problem, "Convert it with `ffmpeg -i FILE out.avi`") from error
    finally:
        capture.release()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence OpenCV's own warnings: this package says better what is wrong."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _container(path: str | os.PathLike[str]) -> av.container.InputContainer:
    # Metadata may be in any encoding; nobody here reads it.
    return av.open(os.path.abspath(path), metadata_errors="ignore")


def _decoded(container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
    """The frames that decode: a damaged one is left out, and a damaged end is the end."""
    packets = container.demux(container.streams.video[0])
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        with contextlib.suppress(av.FFmpegError):
            yield from packet.decode()


def _filters(width: int, height: int, form: str, stream: av.VideoStream) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format=form, time_base=stream.time_base)
    middle, sink = graph.add(*DEINTERLACE), graph.add("buffersink")
    source.link_to(middle)
    middle.link_to(sink)
    graph.configure()
    return graph


def _pushed(graph: av.filter.Graph, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
    """What comes out when a frame goes in; None is the end."""
    graph.push(frame)
    with contextlib.suppress(BlockingIOError, EOFError):
        while True:
            yield graph.pull()


def _why_unreadable(path: Path) -> tuple[str, str] | None:
    """The reason why no byte can be read, if there is one: (problem, remedy)."""
    if path.is_symlink() and not path.exists():
        return "is a link to a file that does not exist", "Restore the file or remove the link"
    if not path.exists():
        return "there is no such file", "Check the spelling and the working folder"
    if not path.is_file():  # to open a pipe would be to wait
        kind = "a folder" if path.is_dir() else "a pipe or a device"
        return f"is {kind}, not a video file", "Give the path of one file"
    if not is_utf8(path):  # OpenCV 5.0 crashes the whole process on such a name
        return "has a name that is not valid UTF-8", "Rename the file"
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        return f"cannot be opened ({error.strerror})", "Check the file's permissions"
    return ("is empty (0 bytes)", "Copy or download it again") if empty else None


def _why_not_video(path: Path) -> tuple[str, str]:
    """Why bytes that can be read are no video: (problem, remedy)."""
    with path.open("rb") as file:
        head = file.read(512)
    beginning = head.lstrip().lower()
    if beginning.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page, not a video", "The download failed: fetch it again and look at it"
    if beginning.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the video", "Run `git lfs pull`"
    if all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in head):
        return "holds plain text, not a video", "Remove it or correct its suffix"
    return (
        "is not a video that OpenCV can open, or is cut off before its index",
        "Copy it again, or convert it with `ffmpeg -i FILE out.avi`",
    )
