"""Discriminators in other layouts, precisions and programs: the same logits come out."""

import copy

import onnxruntime
import pytest
import torch
from safetensors.torch import load, save

from tests.support.seeds import seeded
from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.layers import channels_last, initialise
from vgan_tutorial.losses import as_scores, total_score
from vgan_tutorial.shapes import MovingShapes


def clips_of(seed=0):
    return MovingShapes("tiny", seed).batch(4)[0]


def build(name, seed=0):
    """A small network with running statistics that are not the initial ones."""
    network = initialise(DISCRIMINATORS[name](frames=8, size=16, channels=8), seeded(seed))
    network.train()(clips_of(seed + 1))
    return network.eval()


@pytest.mark.parametrize("name", DISCRIMINATORS)
@torch.no_grad()
def test_channels_last_gives_the_same_logits(name):
    network = build(name)
    changed = channels_last(copy.deepcopy(network))
    expected = as_scores(network(clips_of())).logits
    assert all(logits.std() > 1e-3 for logits in expected)
    torch.testing.assert_close(
        as_scores(changed(clips_of())).logits, expected, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("name", DISCRIMINATORS)
@torch.no_grad()
def test_half_precision_gives_nearly_the_same_logits(name):
    """bfloat16 keeps 8 bits: the error is small beside the differences between networks."""
    network = build(name)
    expected = total_score(network(clips_of()))
    with torch.autocast("cpu", torch.bfloat16):
        logits = total_score(network(clips_of())).float()
    other = total_score(build(name, seed=5)(clips_of()))
    assert (logits - expected).abs().max() < 0.1 * (other - expected).abs().max()


@pytest.mark.parametrize("name", DISCRIMINATORS)
@torch.no_grad()
def test_saved_weights_give_the_same_logits(name):
    network, other = build(name), build(name, seed=9)
    expected = total_score(network(clips_of()))
    assert not torch.equal(total_score(other(clips_of())), expected)
    other.load_state_dict(load(save(network.state_dict())))
    assert torch.equal(total_score(other(clips_of())), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["stacked", "video", "mocogan", "residual"])
def test_onnx_gives_the_same_logits(name):
    """One of each family: stacked frames, 3-D kernels, a pair, residual blocks."""
    network, clips = build(name), clips_of()
    program = torch.onnx.export(network, (clips,), dynamo=True, external_data=False, verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    (entry,) = session.get_inputs()
    with torch.no_grad():
        expected = as_scores(network(clips_of(3))).logits
    given = session.run(None, {entry.name: clips_of(3).numpy()})
    for logits, same in zip(given, expected, strict=True):
        assert same.std() > 1e-3
        torch.testing.assert_close(torch.from_numpy(logits), same, atol=1e-4, rtol=1e-3)
