"""Generators against their published form: sizes, layers, and what each structure promises.

Deliberate deviations are listed in the docstring of each network, under "Departures".
"""

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.generators import (
    CompletedArticleGenerator,
    ContentMotionGenerator,
    ConvolutionalGRU,
    DCGANGenerator,
    MoCoGANGenerator,
    ResidualGenerator,
    TGANGenerator,
    frame_decoder,
    temporal_generator,
)
from vgan_tutorial.latents import class_vector, sample_latent
from vgan_tutorial.layers import ConditionalBatchNorm, SelfAttention, initialise, receptive_field


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed))


def count(*networks):
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def shapes_through(layers, features, kind):
    """Shapes without the batch after every layer of a kind."""
    shapes = []
    with torch.no_grad():
        for layer in layers:
            features = layer(features)
            if isinstance(layer, kind):
                shapes.append(tuple(features.shape[1:]))
    return shapes


def small_mocogan(**options):
    sizes = {"frames": 8, "size": 16, "content": 5, "motion": 4, "classes": 3, "channels": 8}
    return initialise(MoCoGANGenerator(**(sizes | options)), seeded()).eval()


def small_content_motion():
    return initialise(ContentMotionGenerator(4, 16, classes=3), seeded()).eval()


def small_residual(**options):
    sizes = {"frames": 5, "size": 16, "latent": 12, "channels": 8, "classes": 3}
    network = initialise(ResidualGenerator(**(sizes | options)), seeded())
    for module in network.modules():
        if isinstance(module, SelfAttention):
            module.gate.data.fill_(0.5)
        if isinstance(module, ConditionalBatchNorm):
            module.steer.data.mul_(10)  # steering is weak in a fresh network
    return network.eval()


# Published sizes --------------------------------------------------------------------------------


def test_tgan_has_the_published_number_of_parameters():
    network = TGANGenerator()
    assert count(network.temporal) == 826_468
    assert count(network.from_latent, network.from_code, network.image) == 3_622_691


def test_mocogan_has_the_published_number_of_parameters():
    network = MoCoGANGenerator()
    assert count(network) == 3_298_836
    assert count(network.recurrent) == 3 * (10 * 10 + 10 * 10) + 6 * 10  # a GRU cell of 10


def test_tgan_has_the_published_layers():
    network = TGANGenerator().eval()
    along_time = shapes_through(network.temporal, torch.zeros(1, 100, 1), nn.ConvTranspose1d)
    assert along_time == [(512, 1), (256, 2), (128, 4), (128, 8), (100, 16)]
    square = torch.cat([network.from_latent(torch.zeros(1, 100))] * 2, dim=1)
    assert square.shape == (1, 512, 4, 4)
    kinds = (nn.ConvTranspose2d, nn.Conv2d)
    pictures = shapes_through(network.image, square, kinds)
    assert pictures == [(256, 8, 8), (128, 16, 16), (64, 32, 32), (32, 64, 64), (3, 64, 64)]


def test_the_frame_decoder_has_dcgans_layers():
    decoder = frame_decoder(66, 64, 64).eval()
    shapes = shapes_through(decoder, torch.zeros(1, 66), nn.ConvTranspose2d)
    assert shapes == [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)]
    assert not any(key.endswith("bias") for key, _ in decoder[1].named_parameters())


def test_the_completed_encoder_goes_down_to_4_pixels_and_sees_all_of_its_noise():
    network = CompletedArticleGenerator(size=64, channels=8).eval().frame_network
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    shapes = shapes_through(network, torch.zeros(1, 3, 64, 64), kinds)
    assert [shape[1] for shape in shapes] == [32, 16, 8, 4, 8, 16, 32, 64, 64]
    assert receptive_field(network) > 64


# What the structure promises --------------------------------------------------------------------


@pytest.mark.parametrize("frame", range(8))
def test_mocogan_takes_fresh_noise_in_every_frame(frame):
    """New noise in frame t changes that frame and what follows, and nothing before it."""
    network = small_mocogan()
    latent = sample_latent(network, 2, seeded())
    other = latent.clone()
    start = network.latent_length(8) - 4 * (8 - frame)
    other[:, start : start + 4] = normal(2, 4, seed=1)
    with torch.no_grad():
        changed = (network(other) - network(latent)).abs().amax((0, 1, 3, 4))
    assert (changed[:frame] == 0).all()
    assert (changed[frame:] > 0).all()


def test_break_motion_noise_that_is_drawn_once():
    """Signature: with the same noise every frame, the path is fixed by its first two steps.

    The recurrent network then settles: late steps are far smaller than with fresh noise.
    """
    network = small_mocogan(frames=40, motion=10)
    with torch.no_grad():
        fresh = normal(64, 41, 10)
        once = torch.cat([fresh[:, :1], fresh[:, 1:2].expand(-1, 40, -1)], dim=1)
        late_steps = [
            network.move(noise)[:, -10:].diff(dim=1).square().mean().item()
            for noise in (fresh, once)
        ]
    assert late_steps[1] < 1e-3 * late_steps[0]


def test_mocogans_motion_is_a_cell_called_once_a_frame():
    network = small_mocogan()
    cell = nn.GRUCell(4, 4)
    cell.load_state_dict(
        {key.removesuffix("_l0"): value for key, value in network.recurrent.state_dict().items()}
    )
    noise = normal(3, 9, 4)
    state, states = noise[:, 0], []
    for step in range(1, 9):
        state = cell(noise[:, step], state)
        states.append(state)
    torch.testing.assert_close(network.move(noise), torch.stack(states, dim=1))


def test_mocogan_makes_longer_clips_that_begin_alike():
    network = small_mocogan()
    latent = normal(2, network.latent_length(30))
    with torch.no_grad():
        long, short = network(latent), network(latent[:, : network.latent_length(8)])
    assert long.shape == (2, 3, 30, 16, 16)
    torch.testing.assert_close(long[:, :, :8], short)


def test_mocogans_content_is_the_same_in_every_frame():
    network = small_mocogan()
    fixed, noise = network.split(sample_latent(network, 2, seeded()))
    assert fixed.shape == (2, 5 + 3)
    assert noise.shape == (2, 1 + 8, 4)
    seen = []
    network.decoder[0].register_forward_hook(lambda layer, codes, out: seen.append(codes[0]))
    network(sample_latent(network, 2, seeded()))
    codes = seen[0].unflatten(0, (2, 8))
    torch.testing.assert_close(codes[:, :, :8], fixed[:, None].expand(-1, 8, -1))
    assert (codes[:, 1:, 8:] != codes[:, :-1, 8:]).all()


def test_dcgans_frames_are_independent_and_of_any_number():
    network = initialise(DCGANGenerator(frames=4, size=16, latent=6, channels=8), seeded()).eval()
    latent = normal(2, 7, 6)
    with torch.no_grad():
        clips = network(latent)
        alone = network(latent[1:, 3:4])
    assert clips.shape == (2, 3, 7, 16, 16)
    torch.testing.assert_close(clips[1:, :, 3:4], alone)


def test_tgans_codes_are_uniform_numbers_made_normal():
    """The normal latents come back as uniform ones: mean square 1/3, at most 1."""
    network = TGANGenerator(frames=4, size=8, latent=20, channels=4)
    seen = []
    network.temporal.register_forward_hook(lambda layer, latent, out: seen.append(latent[0]))
    network(normal(500, 20))
    assert seen[0].abs().max() <= 1
    assert seen[0].square().mean().item() == pytest.approx(1 / 3, rel=0.03)


def test_tgan_gives_every_frame_its_own_clips_latent():
    """A frame painted alone, from its clip's latent and its code, is the frame of the clip."""
    network = initialise(TGANGenerator(4, 16, latent=20, channels=4), seeded()).eval()
    latent = normal(3, 20).tanh()
    with torch.no_grad():
        codes = network.codes(latent)
        clips = network.paint(latent, codes)
        for clip in range(3):
            for frame in range(4):
                alone = network.paint(latent[clip, None], codes[clip, frame][None, None])
                torch.testing.assert_close(alone[0, :, 0], clips[clip, :, frame])


def test_the_temporal_generator_doubles_time():
    for steps in (2, 3, 5):
        network = temporal_generator(6, 16, steps).eval()
        assert network(torch.zeros(2, 6, 1)).shape == (2, 6, 2**steps)


def test_the_recurrent_picture_follows_its_formula():
    network = initialise(ConvolutionalGRU(4), seeded()).eval()
    picture = normal(2, 4, 6, 6)
    states = network(picture, 5)
    assert states.shape == (2, 5, 4, 6, 6)
    torch.testing.assert_close(network(picture, 3), states[:, :3])
    # One step by hand, with every gate's weights apart.
    h = states[:, 1]
    w_u, w_r, w_c = network.of_input.weight.chunk(3)
    v_u, v_r = network.gates_of_state.weight.chunk(2)

    def convolve(features, weight):
        return nn.functional.conv2d(features, weight, padding=1)

    u = (convolve(picture, w_u) + convolve(h, v_u)).sigmoid()
    r = (convolve(picture, w_r) + convolve(h, v_r)).sigmoid()
    c = (convolve(picture, w_c) + convolve(r * h, network.candidate_of_state.weight)).relu()
    torch.testing.assert_close(states[:, 2], (1 - u) * h + u * c)


@pytest.mark.parametrize("build", [small_mocogan, small_residual, small_content_motion])
def test_a_class_changes_only_its_own_clip(build):
    network = build()
    latent = sample_latent(network, 4, seeded())
    with torch.no_grad():
        before = network(latent, torch.tensor([0, 1, 2, 0]))
        after = network(latent, torch.tensor([0, 1, 0, 0]))
    changed = (after - before).abs().flatten(1).amax(1)
    assert (changed > 1e-5).tolist() == [False, False, True, False]
    assert (changed[[0, 1, 3]] == 0).all()


def test_break_classes_dealt_out_with_repeat():
    """`repeat` on rows that lie clip by clip feeds frames the vectors of other clips."""
    vectors, frames = torch.arange(3), 4
    right = vectors.repeat_interleave(frames).unflatten(0, (3, frames))
    wrong = vectors.repeat(frames).unflatten(0, (3, frames))
    assert (right == vectors[:, None]).all()
    assert right.shape == wrong.shape
    assert (wrong == vectors[:, None]).float().mean().item() == 0.5


@pytest.mark.parametrize("build", [small_mocogan, small_residual, small_content_motion])
def test_labels_replace_the_latents_choice(build):
    network = build()
    latent = sample_latent(network, 6, seeded())
    chosen = class_vector(latent, None, 3).argmax(1)
    with torch.no_grad():
        torch.testing.assert_close(network(latent, chosen), network(latent))
        moved = torch.cat([latent[:, :1] + 10, latent[:, 1:]], dim=1)  # another choice
        torch.testing.assert_close(network(moved, chosen), network(latent))


def test_the_recommended_generators_class_moves_the_figure_and_does_not_repaint_it():
    network = small_content_motion()
    latent = sample_latent(network, 5, seeded())
    with torch.no_grad():
        streams = [network.streams(latent, torch.full((5,), kind)) for kind in range(3)]
    for kind in (1, 2):
        assert torch.equal(streams[kind][0], streams[0][0])  # the colour
        assert not torch.equal(streams[kind][1], streams[0][1])  # where it is


def test_without_classes_the_recommended_generator_is_as_it_was():
    """What the page's script and the stored weights rely on: no number more, no layer more."""
    network = ContentMotionGenerator(4, 16)
    assert network.latent_shape == (network.content + network.motion,)
    with pytest.raises(ValueError, match=r"labels were given to a .*Generator with no classes"):
        network(sample_latent(network, 2, seeded()), torch.zeros(2).long())
    conditional = small_content_motion()
    with pytest.raises(ValueError, match="3 labels for 2 latents"):
        conditional(sample_latent(conditional, 2, seeded()), torch.zeros(3).long())


def test_classes_are_equally_likely():
    vectors = class_vector(normal(30_000, 2), None, 3)
    assert (vectors.sum(1) == 1).all()
    assert (vectors.mean(0) - 1 / 3).abs().max() < 0.01


def test_the_residual_generator_makes_any_number_of_frames():
    network = small_residual()
    latent = sample_latent(network, 2, seeded())
    with torch.no_grad():
        long = network(latent, frames=11)
        torch.testing.assert_close(long[:, :, :5], network(latent))
    assert long.shape == (2, 3, 11, 16, 16)
    assert (long.diff(dim=2).abs().amax((1, 3, 4)) > 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TGANGenerator(frames=12), r"4, 8, 16, 32, …, not 12"),
        (lambda: TGANGenerator(frames=2), r"4, 8, 16, 32, …, not 2"),
        (lambda: TGANGenerator(size=40), r"40 pixels.*8, 16, 32, 64"),
        (lambda: DCGANGenerator(size=20), r"20 pixels.*8, 16, 32, 64"),
        (lambda: CompletedArticleGenerator(size=20), r"20 pixels.*8, 16, 32, 64"),
        (lambda: MoCoGANGenerator(size=63), r"63 pixels.*8, 16, 32, 64"),
        (lambda: MoCoGANGenerator(frames=0), "at least one frame, not 0"),
        (lambda: ResidualGenerator(size=63), r"63 pixels.*8, 16, 32, 64"),
        (lambda: ResidualGenerator(frames=0), "at least one frame, not 0"),
        (lambda: ResidualGenerator(attention=4), r"\[8, 16, 32, 64\] pixels, not 4"),
        (lambda: small_mocogan()(torch.zeros(1, 11)), "11 numbers make no whole clip: 14 make one"),
        (lambda: small_mocogan()(torch.zeros(1, 10)), "10 numbers make no whole clip"),
        (
            lambda: small_mocogan(classes=0).split(torch.zeros(1, 41), torch.tensor([1])),
            "no classes",
        ),
        (lambda: small_residual(classes=0)(torch.zeros(1, 12), torch.tensor([1])), "no classes"),
        (lambda: small_residual()(torch.zeros(2, 13), torch.tensor([1])), "1 labels for 2 latents"),
    ],
)
def test_what_cannot_be_built_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
