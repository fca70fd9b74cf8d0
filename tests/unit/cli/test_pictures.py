"""What `vgan sample` writes besides one moving picture: films, frames, files, clips between."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from tests.unit.cli.test_commands import vgan
from vgan_tutorial.cli.pictures import check_size, draw, with_between, write_clips
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.training import TrainingConfig, load_generator, sample, save_generator, start
from vgan_tutorial.video_io import read_video


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A generator that nobody trained."""
    folder = tmp_path_factory.mktemp("runs") / "fresh"
    config = TrainingConfig(frames=4, size=8, generator_options={"channels": 8, "widest": 8})
    save_generator(folder, start(config), config)
    return folder


def pixels(path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_frames_are_those_of_the_moving_picture(run, tmp_path, capsys):
    told = ("--count", 3, "--columns", 2, "--scale", 3)
    vgan("sample", run, tmp_path / "all.webp", *told)
    vgan("sample", run, tmp_path / "all.png", *told)
    files = sorted(tmp_path.glob("*.png"))
    assert [file.name for file in files] == [f"all-frame-{number}.png" for number in range(4)]
    assert "all-frame-0.png to all-frame-3.png: 3 clips" in capsys.readouterr().out
    with Image.open(tmp_path / "all.webp") as moving:
        for frame, file in zip(ImageSequence.Iterator(moving), files, strict=True):
            np.testing.assert_array_equal(np.asarray(frame.convert("RGB")), pixels(file))
    assert pixels(files[0]).shape == (3 * (8 + 1 + 8), 3 * (8 + 1 + 8), 3)


def test_a_film_holds_every_frame(run, tmp_path):
    vgan("sample", run, tmp_path / "film.mp4", "--count", 2, "--scale", 5, "--fps", 4)
    film = read_video(tmp_path / "film.mp4")
    assert film.shape == (4, 5 * 8, 5 * (8 + 1 + 8) + 1, 3)  # its sides are even
    (clip,) = draw_stored(run, 1)
    seen = film[:, 2::5, 2:40:5].astype(int)
    assert np.abs(seen - clip).mean() < 12  # the codec is lossy


def draw_stored(run, count) -> np.ndarray:
    clips = sample(load_generator(run)[0], count)
    stored = (clips + 1) * 127.5
    return stored.round().clamp(0, 255).permute(0, 2, 3, 4, 1).numpy().astype(int)


def test_each_clip_in_a_file_of_its_own(run, tmp_path):
    vgan("sample", run, tmp_path / "one.gif", "--count", 11, "--each", "--scale", 1)
    names = [f"one-{number:02}.gif" for number in range(11)]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    vgan("sample", run, tmp_path / "a.png", "--count", 2, "--each", "--scale", 1)
    assert len(list(tmp_path.glob("a-*-frame-*.png"))) == 2 * 4
    for number, clip in enumerate(draw_stored(run, 2)):
        np.testing.assert_array_equal(pixels(tmp_path / f"a-{number}-frame-3.png"), clip[3])


def test_clips_between_begin_and_end_with_those_that_were_asked_for(run, tmp_path):
    told = ("--scale", 1, "--columns", 1)
    vgan("sample", run, tmp_path / "two.png", "--count", 2, *told)
    vgan("sample", run, tmp_path / "way.png", "--count", 2, "--between", 3, *told)
    two, way = (pixels(tmp_path / f"{name}-frame-0.png") for name in ("two", "way"))
    assert two.shape[0] == 2 * 9 - 1
    assert way.shape[0] == 5 * 9 - 1
    np.testing.assert_array_equal(two[:8], way[:8])
    np.testing.assert_array_equal(two[9:], way[36:])
    assert (way[18:26] != two[:8]).any()


def test_latents_between_are_as_long_as_those_at_the_ends():
    """On a line the variance half way would be a half."""
    ends = torch.randn(2, 20_000, generator=torch.Generator().manual_seed(0))
    path = with_between(ends, 3)
    assert path.shape == (5, 20_000)
    torch.testing.assert_close(path[[0, -1]], ends)
    torch.testing.assert_close(path[2], (ends[0] + ends[1]) / math.sqrt(2))
    assert path.var(dim=1).sub(1).abs().max() < 0.05
    torch.testing.assert_close(with_between(ends, 0), ends)
    assert len(with_between(ends[:1], 3)) == 1
    assert with_between(torch.randn(3, 2, 5), 1).shape == (5, 2, 5)  # any kind of latent


def test_clips_of_latents_do_not_depend_on_the_batch(run):
    network, _ = load_generator(run)
    latents = sample_latent(network, 5, torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        draw(network, latents, None, 2), draw(network, latents, None), atol=1e-5, rtol=0
    )


def test_columns_beyond_the_clips_take_no_room(tmp_path):
    (file,) = write_clips(torch.zeros(2, 3, 1, 8, 8), tmp_path / "a.webp", 100_000, 1, 8)
    assert pixels(file).shape == (8, 17, 3)


def test_a_picture_that_is_too_large_is_refused():
    check_size(32, 128, 24, 8, 4)  # the largest recipe's clips, as they are drawn by default
    for wrong in ((16, 64, 24, 8, 3000), (16, 64, 5000, 8, 4), (16, 64, 400, 20, 8)):
        with pytest.raises(ValueError, match="too large: give a smaller --scale or --count"):
            check_size(*wrong)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (("clips.webp", "--fps", "1e-9"), "fps is 1e-09; it must be from 0.01 to 1000"),
        (("clips.webp", "--between", "-1"), "between is -1; it must be at least 0"),
        (("clips.webp", "--scale", "3000"), "which is too large"),
        (("nowhere/clips.mp4",), "there is no folder"),
        (("clips.avi",), "an .mp4, or a .png for a picture of each frame"),
    ],
)
def test_what_cannot_be_written_is_said_first(told, message, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=message):
        vgan("sample", run, *told)
    assert not list(tmp_path.iterdir())


def test_suffixes_may_be_written_large(run, tmp_path):
    vgan("sample", run, tmp_path / "A.WEBP", "--count", 1)
    with Image.open(tmp_path / "A.WEBP") as picture:
        assert picture.format == "WEBP"
