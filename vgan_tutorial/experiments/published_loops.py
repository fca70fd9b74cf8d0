"""The published loops of MoCoGAN and VGAN, written plainly, to hold the package against.

New clips for every step, gradients that run into weights that are not updated, PyTorch's own
convolutions, layout and Adam.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from vgan_tutorial.discriminators import MoCoGANDiscriminator, VideoDiscriminator, sample_frames
from vgan_tutorial.generators import MoCoGANGenerator, VGANGenerator, decode_frames
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import PortionedConv3d, PortionedConvTranspose3d


def seeded(seed: int) -> torch.Generator:
    """A generator of random numbers."""
    return torch.Generator().manual_seed(seed)


def adam(network: nn.Module, fused: bool = False) -> torch.optim.Optimizer:
    """Adam as both papers set it."""
    return torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=fused)


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Binary cross-entropy on logits, real against fake."""
    return softplus(-real).mean() + softplus(fake).mean()


def update(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down the loss."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def whole(network: nn.Module) -> nn.Module:
    """The network with PyTorch's own convolutions, which take all channels at once."""
    own = {PortionedConv3d: nn.Conv3d, PortionedConvTranspose3d: nn.ConvTranspose3d}
    for layer in network.modules():
        if type(layer) in own:
            layer.__class__ = own[type(layer)]
    return network


class PlainMoCoGAN(nn.Module):
    """The same generator with its recurrent cell called once a frame, as the paper tells it."""

    def __init__(self, network: MoCoGANGenerator) -> None:
        super().__init__()
        self.network = network
        device = next(network.parameters()).device
        self.cell = nn.GRUCell(network.motion, network.motion, device=device)
        weights = network.recurrent.state_dict()
        self.cell.load_state_dict({key.removesuffix("_l0"): weights[key] for key in weights})

    def codes(self, latent: Tensor) -> Tensor:
        """The codes of all frames, a recurrent step after the other."""
        fixed, noise = self.network.split(latent)
        state, codes = noise[:, 0], []
        for frame in range(1, noise.shape[1]):
            state = self.cell(noise[:, frame], state)
            codes.append(torch.cat([fixed, state], dim=1))
        return torch.stack(codes, dim=1)

    def frames(self, latent: Tensor, frame: int) -> Tensor:
        """One frame of each clip."""
        return decode_frames(self.network.decoder, self.codes(latent)[:, frame : frame + 1])

    def forward(self, latent: Tensor) -> Tensor:
        """All frames."""
        return decode_frames(self.network.decoder, self.codes(latent))


class PlainMoCoGANStep:
    """The frame critic's step, the clip critic's step, the generator's step."""

    def __init__(self, generator: MoCoGANGenerator, critic: MoCoGANDiscriminator) -> None:
        self.generator, self.critic = PlainMoCoGAN(generator), critic
        self.latents, self.frames = seeded(0), seeded(1)
        self.of_generator = adam(self.generator)
        self.of_image, self.of_video = adam(critic.image), adam(critic.video)

    def __call__(self, real: Tensor) -> None:
        """One step of every network."""
        image, video = self.critic.image, self.critic.video
        shown = sample_frames(real, 1, self.frames)
        fake_frames = self.make_frames(real)
        update(self.of_image, critic_loss(image(shown), image(fake_frames.detach())))
        fake = self.generator(self.draw(real))
        update(self.of_video, critic_loss(video(real), video(fake.detach())))
        fake_frames, fake = self.make_frames(real), self.generator(self.draw(real))
        loss = softplus(-image(fake_frames)).mean() + softplus(-video(fake)).mean()
        update(self.of_generator, loss)

    def draw(self, real: Tensor) -> Tensor:
        """A latent for each clip."""
        return sample_latent(self.generator.network, len(real), self.latents)

    def make_frames(self, real: Tensor) -> Tensor:
        """A random frame of new clips."""
        frame = int(torch.randint(real.shape[2], (), generator=self.frames))
        return self.generator.frames(self.draw(real), frame)


class PlainVGANStep:
    """The critic's step, the generator's step, each with clips of its own."""

    def __init__(self, generator: nn.Module, critic: nn.Module) -> None:
        self.generator, self.critic, self.latents = generator, critic, seeded(0)
        self.of_generator, self.of_critic = adam(generator), adam(critic)

    def __call__(self, real: Tensor) -> None:
        """One step of every network."""
        fake = self.generator(sample_latent(self.generator, len(real), self.latents))
        update(self.of_critic, critic_loss(self.critic(real), self.critic(fake.detach())))
        fake = self.generator(sample_latent(self.generator, len(real), self.latents))
        update(self.of_generator, softplus(-self.critic(fake)).mean())


def mocogan(frames: int, size: int) -> tuple[nn.Module, nn.Module]:
    """MoCoGAN's pair."""
    return MoCoGANGenerator(frames, size), MoCoGANDiscriminator(frames, size)


def vgan(frames: int, size: int) -> tuple[nn.Module, nn.Module]:
    """VGAN's pair."""
    return VGANGenerator(frames, size), VideoDiscriminator(frames, size)


# The networks of a paper, and their loop.
PUBLISHED: dict[str, tuple[Callable[..., tuple[nn.Module, nn.Module]], Callable[..., Callable]]] = {
    "MoCoGAN": (mocogan, PlainMoCoGANStep),
    "VGAN": (vgan, PlainVGANStep),
}
