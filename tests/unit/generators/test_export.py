"""Generators in other layouts, precisions and programs: the same clips come out."""

import copy

import onnxruntime
import pytest
import torch
from safetensors.torch import load, save

from tests.support.seeds import seeded
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import channels_last, initialise

LEAN = {
    name: {"channels": 4}
    for name in ("article", "article-completed", "dcgan", "dcgan-uneven", "vgan", "tgan", "mocogan")
} | {"residual": {"channels": 8, "classes": 3}, "content-motion": {}, "content-motion-smooth": {}}


def build(name):
    """A small network with running statistics that are not the initial ones."""
    network = initialise(GENERATORS[name](frames=4, size=16, **LEAN.get(name, {})), seeded())
    network.train()(sample_latent(network, 8, seeded(1)))
    return network.eval()


def agree(name, network, change, **tolerance):
    latent = sample_latent(network, 2, seeded(2))
    with torch.no_grad():
        expected = network(latent)
        assert expected.std() > 1e-3, "a blank clip would agree with anything"
        torch.testing.assert_close(change(latent).to(expected), expected, **tolerance)


@pytest.mark.parametrize("name", GENERATORS)
def test_channels_last_gives_the_same_clips(name):
    network = build(name)
    agree(name, network, channels_last(copy.deepcopy(network)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", GENERATORS)
def test_half_precision_gives_nearly_the_same_clips(name):
    """bfloat16 keeps 8 bits, an error of one part in 256 at every layer; a few percent in all."""
    network = build(name)
    latent = sample_latent(network, 2, seeded(2))
    with torch.no_grad():
        expected = network(latent)
        with torch.autocast("cpu", torch.bfloat16):
            error = network(latent).float() - expected
    assert 0 < error.square().mean().sqrt() < 0.1 * expected.std()


@pytest.mark.parametrize("name", GENERATORS)
def test_saved_weights_make_the_same_clips(name):
    network = build(name)
    other = initialise(GENERATORS[name](frames=4, size=16, **LEAN.get(name, {})), seeded(9)).eval()
    latent = sample_latent(network, 2, seeded(2))
    with torch.no_grad():
        assert not torch.equal(other(latent), network(latent))
        other.load_state_dict(load(save(network.state_dict())))
        assert torch.equal(other(latent), network(latent))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", GENERATORS)
def test_onnx_gives_the_same_clips(name):
    network = build(name)
    latent = sample_latent(network, 2, seeded(2))
    program = torch.onnx.export(network, (latent,), dynamo=True, external_data=False, verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    (entry,) = session.get_inputs()

    def run(latent):
        return torch.from_numpy(session.run(None, {entry.name: latent.numpy()})[0])

    agree(name, network, run, atol=1e-4, rtol=1e-3)
