"""What a disk, a line, a terminal or a folder can do to a command: it says so, and ends well."""

import errno
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tests.support.videos import moving_clip
from tests.unit.cli.test_commands import vgan
from tests.unit.cli.test_run_folders import SHORT, refused
from vgan_tutorial.cli import PLACES, _quietly_interrupted, overview, runs
from vgan_tutorial.cli.commands import COMMANDS
from vgan_tutorial.datasets import PackedClips, contact_sheet, make_shapes_pack, pack_videos
from vgan_tutorial.datasets.acquire import fetching, preparing
from vgan_tutorial.datasets.acquire.unpacking import DEEPEST, unpack
from vgan_tutorial.datasets.data_set import Download
from vgan_tutorial.errors import DataError, FetchError, UnpackError
from vgan_tutorial.files import naming
from vgan_tutorial.locks import locked
from vgan_tutorial.training import estimating, load_checkpoint
from vgan_tutorial.training.stopping import Stopper
from vgan_tutorial.video_io import write_video

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return make_shapes_pack(tmp_path_factory.mktemp("packs"), "tiny", actors=2, clips=1)


@pytest.fixture
def films(tmp_path):
    for number in range(3):
        path = tmp_path / "films" / f"{number}.avi"
        path.parent.mkdir(exist_ok=True)
        write_video(path, moving_clip(frames=16, seed=number), 25.0, "MJPG")
    return tmp_path / "films"


# Room -----------------------------------------------------------------------------------------


@contextmanager
def no_file_beyond(size: int):
    """As on a disk that is full: writing more fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_at_a_checkpoint_costs_no_more_than_the_steps_since_the_last_one(tmp_path):
    run = tmp_path / "run"
    vgan("train", run, *SHORT, "--steps", 2)
    refusal = pytest.raises(SystemExit, match=r"checkpoint\.pt: File too large: make room")
    with no_file_beyond(50_000), refusal:
        vgan("resume", run, "--steps", 3)
    assert not list(run.glob(".*"))
    assert load_checkpoint(run / "checkpoint.pt")[0].step == 2
    vgan("resume", run, "--steps", 3)
    assert load_checkpoint(run / "checkpoint.pt")[0].step == 3


def test_a_full_disk_names_the_pack_and_packing_goes_on_later(films, tmp_path):
    out = tmp_path / "pack"
    refusal = pytest.raises(SystemExit, match=r"clips\.npy: File too large: make room")
    with no_file_beyond(20_000), refusal:
        vgan("pack", films, out, "--size", 16)
    vgan("pack", films, out, "--size", 16)
    assert len(PackedClips(out)) == 3


def test_an_error_that_names_no_file_gets_its_name():
    with pytest.raises(OSError, match=r"'a\.txt'"), naming("a.txt"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match=r"'b\.txt'"), naming("a.txt"):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), "b.txt")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
    ],
    ids=["Python", "a GPU", "the CPU"],
)
def test_too_little_memory_says_what_to_lower(error, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr(runs, "run_training", fail)
    with pytest.raises(SystemExit, match="not enough memory: lower --batch, or raise --accumulate"):
        vgan("train", tmp_path / "run", *SHORT)
    monkeypatch.setattr(runs, "measure_run", fail)
    with pytest.raises(SystemExit, match="not enough memory: lower --batch"):
        vgan("estimate")


def test_another_fault_of_a_library_is_no_lack_of_memory(monkeypatch):
    def fail(*args):
        raise RuntimeError("a fault")

    monkeypatch.setattr(runs, "measure_run", fail)
    with pytest.raises(RuntimeError, match="a fault"):
        vgan("estimate")


# Time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("patience", "steps"), [(0.0, 1), (1e-9, 1), (1e9, 1 + 1 + 4 * 4)])
def test_where_steps_take_long_one_is_timed(patience, steps, monkeypatch, capsys):
    taken = []
    step = estimating.train_step

    def counted(*arguments):
        taken.append(1)
        return step(*arguments)

    monkeypatch.setattr(estimating, "PATIENCE", patience)
    monkeypatch.setattr(estimating, "train_step", counted)
    monkeypatch.setattr(runs, "devices", lambda: [torch.device("cpu")])
    vgan("estimate", *SHORT, "--penalty-every", 4)
    said = capsys.readouterr()
    assert len(taken) == steps
    assert ("roughly" in said.out) is (steps < 3)
    assert said.err.startswith("cpu: timing a step\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_named_pipe_is_no_video(films, tmp_path, capsys):
    """To open one is to wait for somebody who writes into it."""
    os.mkfifo(films / "x.avi")
    vgan("inspect", films)
    assert "x.avi: not a regular file" in capsys.readouterr().out
    vgan("pack", films, tmp_path / "pack", "--size", 16)
    assert len(PackedClips(tmp_path / "pack")) == 3


def test_a_picture_too_small_for_a_letter_has_none(films, tmp_path):
    vgan("inspect", films, "--sheet", tmp_path / "sheet.png", "--size", 1)
    assert (tmp_path / "sheet.png").exists()
    assert contact_sheet(films, size=1).shape == (15, 3, 3)


def test_help_needs_no_networks(capsys):
    check = (
        "import sys; from vgan_tutorial.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'numpy', 'tyro'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == overview() + "\n"
    assert list(PLACES) == list(COMMANDS)
    for name, command in COMMANDS.items():
        (first, *_) = (command.__doc__ or "").splitlines()
        assert " ".join([name, first]) in " ".join(overview().split())


# Signals --------------------------------------------------------------------------------------


def test_an_interrupt_during_the_imports_is_quiet():
    check = (
        "import os, signal\n"
        "from vgan_tutorial.cli import _quietly_interrupted\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with _quietly_interrupted(): os.kill(os.getpid(), signal.SIGINT)\n"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_afterwards_an_interrupt_does_what_it_did_before():
    kept = signal.getsignal(signal.SIGINT)
    try:
        for before in (signal.default_int_handler, signal.SIG_IGN):
            signal.signal(signal.SIGINT, before)
            with _quietly_interrupted():
                pass
            assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, kept)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal")
def test_a_closed_terminal_lets_a_run_save_unless_it_was_to_be_ignored():
    came = []
    kept = signal.signal(signal.SIGHUP, lambda number, frame: came.append(number))
    try:
        with Stopper(runs.Options(), None, catch=True) as stopper:
            signal.raise_signal(signal.SIGHUP)
            assert stopper.after(1)
            assert not came
        assert came == [signal.SIGHUP]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
        with Stopper(runs.Options(), None, catch=True) as stopper:
            signal.raise_signal(signal.SIGHUP)
            assert not stopper.after(1)
    finally:
        signal.signal(signal.SIGHUP, kept)


# Archives and lines ---------------------------------------------------------------------------


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


@pytest.mark.parametrize("place", range(40, 100, 10))
def test_a_flipped_byte_in_a_zip_is_named(place, tmp_path):
    whole = bytearray(zipped({"a.avi": bytes(range(256)) * 40}))
    whole[place] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(whole)
    with pytest.raises(UnpackError, match=r"a\.zip: (cannot give a\.avi|is damaged)"):
        unpack(tmp_path / "a.zip", tmp_path / "out", progress=False)


def test_archives_within_archives_come_to_an_end(tmp_path):
    data = zipped({"a.avi": b"film"})
    for deep in range(1, DEEPEST + 3):
        (tmp_path / f"{deep}.zip").write_bytes(data)
        if deep <= DEEPEST + 1:
            found = unpack(tmp_path / f"{deep}.zip", tmp_path / f"out{deep}", progress=False)
            assert found == ["a.avi"]
        data = zipped({"inner.zip": data})
    with pytest.raises(UnpackError, match="lies within 4 archives"):
        unpack(tmp_path / f"{deep}.zip", tmp_path / "out", progress=False)


@pytest.mark.parametrize("wrong", [("--size", -1), ("--frames", 0), ("--workers", -3)])
def test_what_cannot_be_packed_is_not_fetched(wrong, tmp_path, monkeypatch):
    monkeypatch.setattr(preparing, "fetch_any", lambda *a, **o: pytest.fail("went to the network"))
    refused(tmp_path / "root", wrong[0][2:], "fetch", "ucf101", "--root", tmp_path / "root", *wrong)
    assert not (tmp_path / "root").exists()


def test_without_a_line_the_file_and_its_option_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    copies = [Download(f"{name}.zip", f"http://127.0.0.1:9/{name}.zip") for name in "ab"]
    with pytest.raises(FetchError, match=r"as a\.zip, or name it with --lists\.$") as failure:
        fetching.fetch_any(copies, tmp_path, option="--lists", progress=True)
    assert "\n" not in str(failure.value)
    assert " . " not in str(failure.value)
    assert "a.zip: no answer, again in 0 s" in capsys.readouterr().err
    asked = {}
    monkeypatch.setattr(preparing, "fetch_any", lambda *a, **o: asked.update(o) or tmp_path)
    preparing._get(preparing_of("ucf101"), "lists", tmp_path, None, False)
    assert asked["option"] == "--lists"


def preparing_of(name: str):
    from vgan_tutorial.datasets import CATALOGUE

    return CATALOGUE[name]


# Packs and measures ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (None, r"pack\.json is missing"),
        ("[1]", "does not say what form"),
        ('{"format": 99}', "is of form 99, and this version reads forms up to 2"),
    ],
)
def test_a_pack_of_an_unknown_form_is_refused(settings, message, pack, tmp_path):
    shutil.copytree(pack, tmp_path / "pack")
    (tmp_path / "pack" / "pack.json").unlink()
    if settings:
        (tmp_path / "pack" / "pack.json").write_text(settings)
    with pytest.raises(DataError, match=message):
        PackedClips(tmp_path / "pack")
    refused(tmp_path, message, "inspect", tmp_path / "pack")


def test_two_processes_do_not_make_one_pack(films, tmp_path):
    out = tmp_path / "packs" / "mine"
    out.parent.mkdir()
    busy = pytest.raises(SystemExit, match=r"the pack .*mine is in use by another process")
    with locked(out.with_name(".mine.lock"), out), busy:
        vgan("pack", films, out)
    assert not out.with_name("mine.partial").exists()
    pack_videos(films, out, 16, progress=False)
    assert [path.name for path in out.parent.iterdir()] == ["mine"]


def test_no_workers_and_no_metrics_are_refused(films, tmp_path):
    refused(tmp_path / "p", "workers is -3", "pack", films, tmp_path / "p", "--workers", -3)
    assert not (tmp_path / "p").exists()
    refused(tmp_path / "r", "--metrics names none", "evaluate", tmp_path / "r", "--metrics")


def test_a_run_on_videos_is_measured_by_what_can_measure_it(pack, tmp_path, capsys):
    run = tmp_path / "run"
    vgan("train", run, *SHORT, "--steps", 1, "--data", pack)
    vgan("evaluate", run, "--count", 8)
    assert {"frechet", "precision"} <= set(capsys.readouterr().out.split())
    refused(run, "the generator's have 8 of 16", "evaluate", run, "--data", "small", "--count", 8)
