"""Where a run's clips come from."""

import dataclasses
import threading
from itertools import combinations, islice

import pytest
import torch

from tests.support.mini import CONFIG, PRESET, change
from tests.support.seeds import seeded
from tests.support.states import assert_same_state, timeless
from vgan_tutorial.datasets import PackedClips, Window, make_shapes_pack
from vgan_tutorial.oracle import judge
from vgan_tutorial.pixels import to_model_range
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import pack_source, shapes_source, sources, train
from vgan_tutorial.training.sources import AHEAD, draw_windows, read_ahead


def test_a_source_that_ends_or_has_no_labels_is_named():
    with pytest.raises(ValueError, match="has ended"):
        train(CONFIG, lambda batch, randomness, step=0: iter(()), progress=False)
    config = change(generator="mocogan", discriminator="residual", classes=3, size=16)
    source = shapes_source(dataclasses.replace(PRESET, size=16))
    with pytest.raises(ValueError, match="gives no labels: open it with labelled=True"):
        train(config, source, progress=False)


def test_clips_of_the_wrong_size_are_named():
    with pytest.raises(ValueError, match=r"\(4, 3, 8, 16, 16\).*\(4, 3, 2, 8, 8\)"):
        train(CONFIG, shapes_source("tiny"), progress=False)


def test_labels_of_shapes_are_places_in_the_alphabet():
    clips, labels = next(shapes_source(labelled=True)(24, seeded(0)))
    seen = judge(clips, PRESETS["tiny"]).factors
    names = [seen.names(PRESETS["tiny"], clip)["motion"] for clip in range(24)]
    assert names == [["circular", "horizontal", "vertical"][label] for label in labels]


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return make_shapes_pack(tmp_path_factory.mktemp("pack"), "tiny", actors=5, clips=1)


@pytest.fixture
def packed(pack):
    return PackedClips(pack, frames=2)


def readers() -> list[str]:
    """The threads that read ahead."""
    return [each.name for each in threading.enumerate() if each.name.startswith("reading")]


PACKED = change(size=16, batch=4)


def test_a_run_from_a_pack_that_stops_and_goes_on_is_the_same_run(tmp_path, packed):
    """Nothing that was read ahead is lost or comes twice."""
    whole, log = train(PACKED, pack_source(packed), progress=False)
    for steps in (1, 4):
        train(change(size=16, batch=4, steps=steps), pack_source(packed), tmp_path, progress=False)
    parts, parts_log = train(PACKED, pack_source(packed), tmp_path, progress=False)
    assert_same_state(whole, parts)
    assert timeless(log) == timeless(parts_log)


def test_clips_of_a_pack_are_the_windows_of_their_step(packed):
    stream = pack_source(packed, labelled=True)(6, seeded(9), 3)
    for step, (clips, labels) in enumerate(islice(stream, 3), start=3):
        windows = draw_windows(packed, 6, 9, step)
        stored = torch.stack([torch.tensor(packed.window(clip, at)) for clip, at, _ in windows])
        assert torch.equal(clips, to_model_range(stored))
        names = [packed.classes[label] for label in labels]
        assert names == [packed.clips[window.clip].label for window in windows]
    assert torch.is_tensor(next(pack_source(packed)(6, seeded(9))))


def test_windows_depend_on_seed_and_step_alone_and_reach_everything(packed):
    assert draw_windows(packed, 8, 1, 2) == draw_windows(packed, 8, 1, 2)
    different = [draw_windows(packed, 8, *pair) for pair in ((1, 2), (2, 1), (0, 3), (2**40, 3))]
    assert all(a != b for a, b in combinations(different, 2))
    seen = set(draw_windows(packed, 20_000, 0, 0))
    everything = {
        Window(clip, begin)
        for clip in range(len(packed))
        for begin in range(int(packed.starts[clip]))
    }
    assert seen == everything


def test_bytes_travel_and_become_floats_on_arrival(packed, monkeypatch):
    sent = []

    def send(tensor, device):
        sent.append(tensor)
        return tensor.to(device)

    monkeypatch.setattr(sources, "send", send)
    clips, labels = next(pack_source(packed, "meta", labelled=True)(4, seeded(0)))
    assert [each.dtype for each in sent] == [torch.uint8, torch.int64]
    assert (clips.dtype, clips.device.type, labels.device.type) == (torch.float32, "meta", "meta")


def test_for_a_gpu_the_readers_pin_what_they_read(packed, monkeypatch):
    """No GPU is needed: what is pinned here stays where it is."""
    pinned = []

    def pin(tensor):
        pinned.append((threading.current_thread().name, tensor.dtype))
        return tensor

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(sources, "send", lambda each, device: each)
    next(pack_source(packed, "cuda")(4, seeded(0)))
    assert {dtype for _, dtype in pinned} == {torch.uint8, torch.int64}
    assert all(name.startswith("reading") for name, _ in pinned)


def test_batches_are_read_ahead_in_order():
    """While step 0 is worked on, the next ones are read; not more of them than agreed."""
    begun, go = [], threading.Event()

    def read(step):
        begun.append(step)
        if step:
            go.wait(60)
        return step

    stream = read_ahead(read, 0)
    assert next(stream) == 0
    assert begun[0] == 0
    assert max(begun) < AHEAD
    go.set()
    assert list(islice(stream, 20)) == list(range(1, 21))
    stream.close()
    assert not readers()


@pytest.mark.parametrize("how", ["ends", "fails", "cannot read"])
def test_no_reader_is_left_behind(packed, how, monkeypatch):
    def fail(*_):
        raise OSError("the disk is gone")

    if how == "ends":
        train(PACKED, pack_source(packed), progress=False)
    else:
        if how == "cannot read":
            monkeypatch.setattr(packed, "read", fail)
        with pytest.raises(OSError, match="the disk is gone") as kept:
            train(PACKED, pack_source(packed), on_step=fail, progress=False)
        assert kept.tb is not None  # the traceback holds the frames, and the stream in them
    assert not readers()
