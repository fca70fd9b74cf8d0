"""What generators and discriminators share.

* `blocks`: perceptrons, conditional batch normalisation, self-attention, minibatch deviation;
* `initial`: the first weights;
* `field`: how far a chain of layers looks;
* `memory`: weights in channels-last order, and wide 3-D convolutions in portions.
"""

from vgan_tutorial.layers.blocks import (
    ConditionalBatchNorm,
    MinibatchStd,
    SelfAttention,
    doublings,
    per_frame,
    perceptron,
)
from vgan_tutorial.layers.field import receptive_field
from vgan_tutorial.layers.initial import initialise, inputs_per_output
from vgan_tutorial.layers.memory import (
    PortionedConv3d,
    PortionedConvTranspose3d,
    channels_last,
    portion,
)

__all__ = [
    "ConditionalBatchNorm",
    "MinibatchStd",
    "PortionedConv3d",
    "PortionedConvTranspose3d",
    "SelfAttention",
    "channels_last",
    "doublings",
    "initialise",
    "inputs_per_output",
    "per_frame",
    "perceptron",
    "portion",
    "receptive_field",
]
