"""The layers of published networks, read in their authors' code, and how many numbers they learn.

Written down from the code that each table names, not from this package: a line is a layer's inputs,
outputs and kernel, whether it has a bias, and what its normalisation learns for each channel.
"""

from math import prod
from typing import NamedTuple


class Layer(NamedTuple):
    """A convolution, either way round, or a linear layer, and the normalisation after it."""

    inputs: int
    outputs: int
    kernel: tuple[int, ...] = ()
    bias: bool = True
    normalised: int = 0  # numbers a channel: 2 for scale and shift, 1 for the scale alone

    def numbers(self) -> int:
        """Numbers to learn."""
        weights = self.inputs * self.outputs * prod(self.kernel)
        return weights + (self.bias + self.normalised) * self.outputs


def count(*tables: list[Layer]) -> int:
    """Numbers to learn in all layers."""
    return sum(layer.numbers() for table in tables for layer in table)


_CUBE, _SQUARE = (4, 4, 4), (4, 4)

# github.com/cvondrick/videogan, main.lua, commit 3f4bce9
VGAN_VIDEO = [
    Layer(100, 512, (2, 4, 4), normalised=2),
    Layer(512, 256, _CUBE, normalised=2),
    Layer(256, 128, _CUBE, normalised=2),
    Layer(128, 64, _CUBE, normalised=2),
]
VGAN_FOREGROUND, VGAN_MASK = [Layer(64, 3, _CUBE)], [Layer(64, 1, _CUBE)]
VGAN_BACKGROUND = [
    Layer(100, 512, _SQUARE, normalised=2),
    Layer(512, 256, _SQUARE, normalised=2),
    Layer(256, 128, _SQUARE, normalised=2),
    Layer(128, 64, _SQUARE, normalised=2),
    Layer(64, 3, _SQUARE),
]
VGAN_CRITIC = [
    Layer(3, 64, _CUBE),
    Layer(64, 128, _CUBE, normalised=2),
    Layer(128, 256, _CUBE, normalised=2),
    Layer(256, 512, _CUBE, normalised=2),
]
VGAN_CRITIC_HEAD = [Layer(512, 2, (2, 4, 4))]  # real and fake, with a cross-entropy


# github.com/pfnet-research/tgan, models/, commit d6e01a2. The configurations for UCF101 with
# singular value clipping take the classes without beta for time and critic: `normalised` is 1.
def tgan_time(normalised: int) -> list[Layer]:
    """`FrameSeedGenerator…`, z_slow_dim and z_fast_dim 100."""
    return [
        Layer(100, 512, (1,), normalised=normalised),
        Layer(512, 256, (4,), normalised=normalised),
        Layer(256, 128, (4,), normalised=normalised),
        Layer(128, 128, (4,), normalised=normalised),
        Layer(128, 100, (4,)),
    ]


TGAN_PICTURES = [  # `VideoGenerator…`
    Layer(100, 4096, bias=False, normalised=2),
    Layer(100, 4096, bias=False, normalised=2),
    Layer(512, 256, _SQUARE, bias=False, normalised=2),
    Layer(256, 128, _SQUARE, bias=False, normalised=2),
    Layer(128, 64, _SQUARE, bias=False, normalised=2),
    Layer(64, 32, _SQUARE, bias=False, normalised=2),
    Layer(32, 3, (3, 3)),
]


def tgan_critic(normalised: int) -> list[Layer]:
    """`VideoDiscriminator…`, without the first normalisation, which is declared and not used."""
    return [
        Layer(3, 64, _CUBE),
        Layer(64, 128, _CUBE, normalised=normalised),
        Layer(128, 256, _CUBE, normalised=normalised),
        Layer(256, 512, _CUBE, normalised=normalised),
        Layer(512, 1, _SQUARE),
    ]


# github.com/sergeytulyakov/mocogan, src/models.py, commit 0ceb542, and the defaults of src/train.py
MOCOGAN = [
    Layer(10, 30),  # the gated recurrent unit reads the noise …
    Layer(10, 30),  # … and its own state
    Layer(66, 512, _SQUARE, bias=False, normalised=2),
    Layer(512, 256, _SQUARE, bias=False, normalised=2),
    Layer(256, 128, _SQUARE, bias=False, normalised=2),
    Layer(128, 64, _SQUARE, bias=False, normalised=2),
    Layer(64, 3, _SQUARE, bias=False),
]
MOCOGAN_PICTURE_CRITIC = [  # `PatchImageDiscriminator`
    Layer(3, 64, _SQUARE, bias=False),
    Layer(64, 128, _SQUARE, bias=False, normalised=2),
    Layer(128, 256, _SQUARE, bias=False, normalised=2),
    Layer(256, 1, _SQUARE, bias=False),
]


def mocogan_clip_critic(categories: int) -> list[Layer]:
    """`VideoDiscriminator`, or with categories `CategoricalVideoDiscriminator`."""
    return [
        Layer(3, 64, _CUBE, bias=False),
        Layer(64, 128, _CUBE, bias=False, normalised=2),
        Layer(128, 256, _CUBE, bias=False, normalised=2),
        Layer(256, 512, _CUBE, bias=False, normalised=2),
        Layer(512, 1 + categories, _CUBE, bias=False),
    ]
