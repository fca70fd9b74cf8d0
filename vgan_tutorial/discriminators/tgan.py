"""TGAN's critic, and the clipping that keeps it from being steep."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.latents import refuse_labels
from vgan_tutorial.layers import PortionedConv3d, doublings
from vgan_tutorial.types import ClipLogits, Clips, Labels, Network


class TGANDiscriminator(nn.Module):
    """TGAN's critic of clips (Saito et al., ICCV 2017, section 3.3).

    3-D convolutions of stride 2 halve time, height and width, then one more layer scores what is
    left. With the defaults the layers are those of the authors' code, with 11,033,281 parameters if
    batch normalisation shifts. The paper keeps it 1-Lipschitz with `clip_singular_values` after
    every fifth step.

    Departures: the authors' configurations for UCF101 leave the shifts out: 11,032,385 parameters.
    (Their file declares one more normalisation, of the first layer, and does not use it.) Time is
    halved only while there are frames left to halve, and what is left is scored at once, where
    they would score moment by moment; with 16 frames one moment is left. Batch normalisation adds
    1e-5 to the variance, Chainer's 2e-5.

    Args:
        frames: of a clip; 1 doubled any number of times.
        size: height and width, 4 doubled any number of times.
        channels: of the first layer; they double at every further one.
    """

    def __init__(self, frames: int = 16, size: int = 64, channels: int = 64) -> None:
        super().__init__()
        if frames < 1 or frames & (frames - 1):
            raise ValueError(f"TGAN halves time; frames is 1, 2, 4, 8, 16, 32, …, not {frames}")
        widths = [3, *(channels * 2**n for n in range(doublings(size)))]  # 3, 64, 128, 256, 512
        layers: list[nn.Module] = []
        time = frames
        for step, (inputs, outputs) in enumerate(pairwise(widths)):
            kernel, stride, padding = (4, 2, 1) if time > 1 else (1, 1, 0)
            layers.append(
                PortionedConv3d(inputs, outputs, (kernel, 4, 4), (stride, 2, 2), (padding, 1, 1))
            )
            if step > 0:
                layers.append(nn.BatchNorm3d(outputs))
            layers.append(nn.LeakyReLU(0.2))
            time = max(1, time // 2)
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Conv3d(widths[-1], 1, (time, 4, 4))

    def features(self, clips: Clips) -> Float[Tensor, "batch channels fewer 4 4"]:
        """What the last layer sees before it scores."""
        return self.trunk(clips)

    def forward(self, clips: Clips, labels: Labels | None = None) -> ClipLogits:
        """One logit a clip."""
        refuse_labels(labels, self)
        return self.head(self.features(clips)).flatten()


@torch.no_grad()
def clip_singular_values(
    network: nn.Module, step: int = 0, every: int = 5, limit: float = 1.0
) -> None:
    """Keep every layer from stretching its input (Saito et al., ICCV 2017, section 4).

    Each convolution's or linear layer's weight, read as a matrix with a row for every output, gets
    its singular values cut to `limit`. Each batch norm's scale is held between 0.01 and 1 times
    the running standard deviation that it divides by. Call it after every step of the
    discriminator: it acts on steps that `every` divides. Everything stays on the weights' device.

    Cutting the matrix bounds the layer only for patches that do not overlap: an input pixel that k
    patches share can be stretched up to sqrt(k) times as much. The paper accepts this too.

    Raises:
        ValueError: if `every` is less than 1.
    """
    if every < 1:
        raise ValueError(f"clipping happens every 1, 2, … steps, not every {every}")
    if step % every:
        return
    for module in network.modules():
        if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
            rows = module.weight.flatten(1)
            module.weight.copy_(cut_singular_values(rows, limit).view_as(module.weight))
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
            assert module.running_var is not None
            std = (module.running_var + module.eps).sqrt()
            module.weight.copy_(module.weight.clamp(0.01 * std, std))


def cut_singular_values(
    matrix: Float[Tensor, "rows columns"], limit: float
) -> Float[Tensor, "rows columns"]:
    """The matrix U min(S, limit) V^T, if the matrix is U S V^T.

    The wide matrices of convolutions make the full decomposition slow. W W^T = U S^2 U^T is small,
    and gives U and S; then U min(1, limit / S) U^T W is the answer. V is not needed.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return cut_singular_values(matrix.T, limit).T
    squares, directions = torch.linalg.eigh(matrix @ matrix.T)
    shrink = limit / squares.clamp(min=limit**2).sqrt()  # 1 where S is at most the limit
    return (directions * shrink) @ (directions.T @ matrix)


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"tgan": TGANDiscriminator}
