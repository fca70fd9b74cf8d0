"""A generator as ONNX draws the clips that PyTorch draws."""

import importlib.util
import warnings

import pytest
import torch

from tests.support.drawn import drawn_network, drawn_painter, latents_for
from vgan_tutorial import live


def test_onnx_is_refused_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs onnx, onnxruntime, .*'vgan-tutorial\[onnx\]'"):
        live.export_onnx(drawn_network(), tmp_path / "clip.onnx")


@pytest.mark.parametrize("build", [drawn_network, drawn_painter])
def test_onnx_draws_the_same_clips(tmp_path, build):
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="install the extra `onnx`")
    import onnxruntime

    network, path = build(), tmp_path / "clip.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is printed
        assert live.export_onnx(network, path) < 1e-4
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    latents = latents_for(network, 1, seed=8)
    (clip,) = session.run(None, {"latent": latents.numpy()})
    torch.testing.assert_close(torch.from_numpy(clip), network(latents), atol=1e-4, rtol=0)
    assert b".py" not in path.read_bytes()  # no traces of the machine that wrote it
    with pytest.raises(ValueError, match="draws other clips than PyTorch"):
        live.export_onnx(network, path, tolerance=-1.0)
