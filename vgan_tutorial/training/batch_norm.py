"""Batch normalisation by the statistics of the whole batch, though several processes share it.

PyTorch has such a layer, `nn.SyncBatchNorm`. It works on GPUs only, and its backward pass cannot be
differentiated again, which the gradient penalties do. This one is the formula, written out: it
works wherever processes can add, to any order, and takes more memory for it.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vgan_tutorial.training.processes import process_count, sum_over_processes


class JoinedBatchNorm(_BatchNorm):
    """y = weight (x - m) / sqrt(v + eps) + bias, with the mean m and variance v of all processes.

    While it trains, all processes must call it together, with as many features each. Its weights
    and statistics have the names of the layer's that it replaces, so a checkpoint fits both.
    """

    def forward(
        self, input: Float[Tensor, "batch channels *places"]
    ) -> Float[Tensor, "batch channels *places"]:
        """Normalise each channel; with the running statistics in evaluation mode."""
        if not self.training:
            return super().forward(input)
        features = input.float()  # statistics are never rounded to 16 bits
        mean = mean_of_all(features)
        variance = mean_of_all((features - mean).square())
        self._remember(mean, variance, process_count() * features[:, 0].numel())
        result = (features - mean) * (variance + self.eps).rsqrt()
        if self.affine:
            result = result * self.weight.view_as(mean) + self.bias.view_as(mean)
        return result.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics towards those of `count` values, of the unbiased variance."""
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        step = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.flatten(), step)
        self.running_var.lerp_(variance.flatten() * count / (count - 1), step)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of places will do."""


def mean_of_all(
    features: Float[Tensor, "batch channels *places"],
) -> Float[Tensor, "1 channels *ones"]:
    """The mean of each channel over all clips and places, in all processes."""
    own = features.mean(dim=[0, *range(2, features.ndim)], keepdim=True)
    return sum_over_processes(own) / process_count()


def join_batch_norms(network: nn.Module) -> nn.Module:
    """The network, whose batch norms see the clips of all processes if there are several."""
    if process_count() > 1:
        for name, layer in network.named_children():
            joined = _joined(layer) if isinstance(layer, _BatchNorm) else join_batch_norms(layer)
            setattr(network, name, joined)
    return network


def _joined(layer: _BatchNorm) -> JoinedBatchNorm:
    options = (layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
    joined = JoinedBatchNorm(layer.num_features, *options)
    joined.load_state_dict(layer.state_dict())
    return joined
