"""What the reader sees, read back from the pages: pixels, text for those who do not see, size."""

import base64
import html
import inspect
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from PIL import Image

from vgan_tutorial import display, pixels
from vgan_tutorial.display import figures
from vgan_tutorial.display.page import script_tag
from vgan_tutorial.pixels import to_model_range


def counted_clips(batch=3, time=5, size=8):
    """Clips whose first channel holds the clip's number and whose second holds the frame's."""
    clips = np.zeros((batch, time, size, size, 3), dtype=np.uint8)
    clips[..., 0] = np.arange(1, batch + 1).reshape(-1, 1, 1, 1)
    clips[..., 1] = 10 * np.arange(1, time + 1).reshape(1, -1, 1, 1)
    return clips


def found(pattern, page):
    match = re.search(pattern, page)
    assert match, pattern
    return match[1]


def picture(page):
    payload = found(r'src="data:image/webp;base64,([^"]+)"', page)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(payload))).convert("RGBA"))


def settings(page):
    return json.loads(html.unescape(found(r'data-vgan="([^"]+)"', page)))


def sheet_cell(page, index):
    """The picture that the script draws for a given index."""
    setup = settings(page)
    x = (index % setup["columns"]) * (setup["width"] + setup["gap"])
    y = (index // setup["columns"]) * (setup["height"] + setup["gap"])
    return picture(page)[y : y + setup["height"], x : x + setup["width"]]


def test_strip_lays_clips_in_rows_and_time_to_the_right():
    sheet = picture(display.strip(counted_clips(), alt="three clips").html)
    for clip in range(3):
        for frame in range(5):
            cell = sheet[clip * 9 : clip * 9 + 8, frame * 9 : frame * 9 + 8]
            assert (cell == [clip + 1, 10 * (frame + 1), 0, 255]).all()
    assert (sheet[8, :, 3] == 0).all()
    assert (sheet[:, 8, 3] == 0).all()


def test_strip_thins_frames_evenly_from_first_to_last():
    sheet = picture(display.strip(counted_clips(1), alt="a clip", columns=3).html)
    assert sheet[0, [0, 9, 18], 1].tolist() == [10, 30, 50]


@pytest.mark.parametrize("count", [1, 3, 4])
def test_model_range_and_stored_clips_give_the_same_page(count):
    stored = counted_clips(count)
    model = to_model_range(torch.from_numpy(stored))
    assert display.strip(model, alt="x").html == display.strip(stored, alt="x").html
    assert display.player(model[0], alt="x").html == display.player(stored[0], alt="x").html


def test_player_sheet_holds_every_frame_of_every_clip():
    page = display.player(counted_clips(4), alt="four clips", columns=2).html
    assert settings(page)["frames"] == 5
    for frame in range(5):
        cell = sheet_cell(page, frame)
        corners = cell[[0, 0, -1, -1], [0, -1, 0, -1], :2].tolist()
        assert corners == [[clip, 10 * (frame + 1)] for clip in (1, 2, 3, 4)]


def test_scrubber_orders_frames_within_stages():
    stages = [counted_clips(1) + np.uint8(100 * stage) for stage in range(2)]
    page = display.scrubber(stages, ["step 0", "step 9"], alt="two stages").html
    assert settings(page)["labels"] == ["step 0", "step 9"]
    greens = [int(sheet_cell(page, index)[0, 0, 1]) for index in range(10)]
    assert greens == [10, 20, 30, 40, 50, 110, 120, 130, 140, 150]


def test_scrubber_takes_pictures_and_figures():
    pictures = [np.full((6, 8, 3), 40 * stage, dtype=np.uint8) for stage in range(3)]
    page = display.scrubber(pictures, ["a", "b", "c"], alt="greys").html
    assert settings(page)["frames"] == 1
    assert not settings(page)["autoplay"]
    assert [int(sheet_cell(page, stage)[0, 0, 0]) for stage in range(3)] == [0, 40, 80]
    figures = [plt.figure(figsize=(2, 1)) for _ in range(2)]
    page = display.scrubber(figures, ["a", "b"], alt="blank").html
    assert settings(page)["width"] == round(2 * figures[0].dpi)
    assert not plt.get_fignums()


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_picture_without_alternative_text_is_refused(alt):
    clips, log = counted_clips(), [{"step": 1, "loss": 1.0}]
    for make in (
        lambda: display.strip(clips, alt=alt),
        lambda: display.player(clips, alt=alt),
        lambda: display.scrubber([clips], ["a"], alt=alt),
        lambda: display.figure(plt.figure(), alt=alt),
        lambda: display.curves(log, "loss", alt=alt),
    ):
        with pytest.raises(ValueError, match="alt is empty"):
            make()
    plt.close("all")


def test_texts_are_escaped():
    page = display.strip(counted_clips(1), '<b> & "c"', caption="<i>", labels=["<u>"]).html
    assert 'alt="&lt;b&gt; &amp; &quot;c&quot;"' in page
    assert not re.search(r"<[biu]>", page)


def test_clips_of_neither_convention_are_refused():
    clips = counted_clips()
    as_stored = inspect.unwrap(display.as_stored)  # as readers run it, without the shape check
    with pytest.raises(ValueError, match=r"expected uint8 .* got float32"):
        as_stored(clips.astype(np.float32))
    with pytest.raises(ValueError, match=r"expected \(batch, 3, .* got \(2, 5, 8, 8, 3\)"):
        as_stored(torch.zeros(2, 5, 8, 8, 3))
    with pytest.raises(ValueError, match="one label a clip"):
        display.strip(clips, alt="x", labels=["only one"])
    with pytest.raises(ValueError, match="one label a stage"):
        display.scrubber([clips], [], alt="x")
    with pytest.raises(ValueError, match="differ in size"):
        display.scrubber([clips, clips[:, :2]], ["a", "b"], alt="x")


def test_pages_are_the_same_every_time_and_differ_with_their_content():
    def name(clips):
        return found(r'id="(vgan-\w+)"', display.player(clips, alt="x").html)

    assert name(counted_clips()) == name(counted_clips())
    assert name(counted_clips()) != name(counted_clips(2))


def test_scripts_come_without_comments_and_indentation():
    script = "// one\n(function () {\n\n  // two\n  run('//');  // three\n})();\n"
    shorter = "(function () {\nrun('//');  // three\n})();"
    assert script_tag(script, script) == f"<script>{shorter}\n{shorter}</script>"


def test_noise_is_stored_in_bounds():
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 64, 64, 3), dtype=np.uint8)
    assert len(display.player(noise, alt="noise").html) < 1_200_000
    assert len(display.player(counted_clips(16, 16, 16), alt="tiny").html) < 12_000


def test_long_clips_stay_within_the_size_that_webp_allows():
    page = display.player(counted_clips(1, 300, 64), alt="long").html
    assert max(picture(page).shape) <= 16_383
    assert sheet_cell(page, 200)[0, 0, 0] == 1


def test_curves_skip_records_without_the_key(monkeypatch):
    made, figure = [], figures.figure

    def kept(drawing, *rest):
        made.append(drawing)
        return figure(drawing, *rest)

    monkeypatch.setattr(figures, "figure", kept)
    log = [{"step": 0, "loss": 3.0, "valid": 0.1}, {"step": 1, "loss": 2.0}]
    display.curves(log, "loss", "valid", alt="two curves", ylabel="loss", labels={"loss": "D"})
    (axes,) = made[0].axes
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[0, 3], [1, 2]], [[0, 0.1]]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["D", "valid"]
    assert len({line.get_linestyle() for line in axes.lines}) == 2
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "loss")
    with pytest.raises(ValueError, match=r"no record .* 'speed'"):
        display.curves(log, "speed", alt="x")
    with pytest.raises(ValueError, match="at least one key"):
        display.curves(log, alt="x")
    plt.close("all")


def test_curves_take_fewer_bytes_and_look_the_same():
    def drawn(levels):
        with plt.rc_context({"font.size": 11}):
            figure, axes = plt.subplots(figsize=(7, 3.6), dpi=110)
            axes.plot(np.random.default_rng(0).normal(size=100), label="noise")
            axes.grid(alpha=0.3)
            axes.legend()
            return display.figure(figure, "noise", levels=levels).html

    fine, coarse = drawn(None), drawn(figures.CURVE_LEVELS)
    assert len(coarse) < 0.8 * len(fine)
    before, after = (picture(page).astype(int) for page in (fine, coarse))
    assert abs(before - after).max() <= 5  # half a step of 255 / 31 is 4.1
    assert len(np.unique(after[..., :3])) <= 32
    assert (after[before == 255] == 255).all()  # paper stays white
    assert (after[before == 0] == 0).all()


def test_source_shown_is_the_source_that_runs():
    text = display.source(to_model_range).formats["text/markdown"]
    assert text.startswith("`vgan_tutorial/pixels.py`")
    code = text.split("```python\n")[1].removesuffix("\n```")
    assert code in Path(pixels.__file__).read_text(encoding="utf-8")
    assert code.startswith("def to_model_range(")


@pytest.fixture
def outputs(monkeypatch):
    """What a notebook is given to show, in order: text by media type."""
    ipython = pytest.importorskip("IPython")
    formatter, shown = ipython.core.formatters.DisplayFormatter(), []
    monkeypatch.setattr(
        ipython.display, "display", lambda item: shown.append(formatter.format(item)[0])
    )
    return shown


def test_without_ipython_it_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    page = display.strip(counted_clips(), alt="three clips")
    with pytest.raises(ImportError, match=r"pip install 'vgan-tutorial\[book\]', or write what"):
        page.show()


def test_a_notebook_shows_the_page_and_the_text(outputs):
    for number in range(2):  # from anywhere in a cell, as in this loop
        display.strip(counted_clips(), alt=f"three clips, {number}").show()
    page = display.strip(counted_clips(), alt="three clips, 1")
    assert [output["text/plain"] for output in outputs] == [f"[three clips, {n}]" for n in (0, 1)]
    assert outputs[1] == {"text/html": page.html, "text/plain": "[three clips, 1]"}
    display.source(to_model_range).show()
    assert outputs[2] == dict(display.source(to_model_range).formats)


def test_nothing_is_shown_by_making_it(outputs):
    """So the last line of a cell is not shown twice."""
    made = display.strip(counted_clips(), alt="three clips")
    assert outputs == []
    assert made._repr_mimebundle_() == dict(made.formats)
    assert repr(made) == "[three clips]"


def test_display_knows_no_networks_and_no_video_files():
    """An edit of a network leaves every picture as it was, and every notebook of pictures fresh."""
    code = "import sys, vgan_tutorial.display; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "vgan_tutorial.display.clips" in loaded
    rooms = {name.split(".")[1] for name in loaded if name.startswith("vgan_tutorial.")}
    unknown = {"generators", "discriminators", "training", "live", "preprocessing", "video_io"}
    assert not rooms & unknown
    assert "cv2" not in loaded


def test_colours_stay_apart_for_colour_blind_readers():
    """Simulated after Machado et al. (2009), severity 1; distance in Oklab, ΔE of 0.06 or more."""
    deficiencies = {
        "none": np.eye(3),
        "protan": [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        "deutan": [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    }
    codes = [[int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)] for code in display.COLOURS]
    rgb = np.array(codes)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    for name, matrix in deficiencies.items():
        seen = oklab(np.clip(linear @ np.array(matrix).T, 0, 1))
        apart = np.linalg.norm(seen[:, None] - seen, axis=-1)[np.triu_indices(len(seen), 1)]
        assert apart.min() > 0.06, name


def oklab(linear):
    lms = np.cbrt(
        linear
        @ np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        ).T
    )
    return (
        lms
        @ np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        ).T
    )
