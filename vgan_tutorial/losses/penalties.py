"""Ways to hold a discriminator back: gradient penalties, weight clipping, the spectral norm.

The penalties work on batches of any rank: the first axis is the batch, and the gradient's norm runs
over all the others, so a batch of clips with five axes needs nothing special. The discriminator may
return one logit a sample or a grid of them; grids are summed. If it is made of several critics,
each of them is penalised for itself, and the penalties are added.

Every penalty is differentiable with respect to the discriminator's parameters. A discriminator that
mixes the samples of a batch (batch normalisation) has no gradient of its own for each sample, so a
penalty on it means little: Gulrajani et al. 2017, section 4.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize, relu

from vgan_tutorial.losses.critics import as_scores
from vgan_tutorial.types import Logits, Scalar, Scores

Discriminator = Callable[[Tensor], Logits | Scores]


def r1_penalty(discriminator: Discriminator, real: Float[Tensor, "batch *rest"]) -> Scalar:
    """``E||grad s(x)||^2`` on real samples (eq-r1).

    The caller multiplies by gamma/2, as in Mescheder, Geiger and Nowozin 2018, equation 9. The
    gradient is that of the logit, not of the probability.
    """
    gradients = input_gradients(discriminator, real)
    return torch.stack([each.square().sum(dim=1).mean() for each in gradients]).sum()


def r2_penalty(discriminator: Discriminator, fake: Float[Tensor, "batch *rest"]) -> Scalar:
    """``E||grad s(G(z))||^2``: the same on generated samples (eq-r2).

    The caller multiplies by gamma/2. Mescheder, Geiger and Nowozin 2018, equation 10.
    """
    return r1_penalty(discriminator, fake)


def gradient_penalty(
    discriminator: Discriminator,
    real: Float[Tensor, "batch *rest"],
    fake: Float[Tensor, "batch *rest"],
    *,
    generator: torch.Generator | None = None,
    one_sided: bool = False,
) -> Scalar:
    """``E[(||grad s(x_hat)|| - 1)^2]`` between real and fake samples (eq-gradient-penalty).

    The two-sided form pulls the slope to 1 from both sides; the one-sided form,
    ``E[max(0, ||grad s(x_hat)|| - 1)^2]``, leaves gentler slopes alone. The caller multiplies by
    lambda (10 in the paper). Gulrajani et al. 2017, equation 3 and section 4.

    Args:
        discriminator: takes a batch like ``real`` and returns logits.
        real: real samples.
        fake: generated samples, as many as real ones.
        generator: source of the random mixing weights, on the device of ``real``.
        one_sided: penalise only slopes above 1.
    """
    mixed = interpolate(real, fake, generator=generator)
    excess = torch.stack(input_gradients(discriminator, mixed)).norm(dim=2) - 1.0
    return (relu(excess) if one_sided else excess).square().mean(dim=1).sum()


def interpolate(
    real: Float[Tensor, "batch *rest"],
    fake: Float[Tensor, "batch *rest"],
    *,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "batch *rest"]:
    """``x_hat = e x + (1 - e) G(z)`` with one uniform ``e`` for each sample of the batch."""
    if real.shape != fake.shape:
        raise ValueError(
            "a gradient penalty mixes real and fake samples one by one: "
            f"got shapes {tuple(real.shape)} and {tuple(fake.shape)}"
        )
    shape = (len(real),) + (1,) * (real.dim() - 1)  # one number a clip, not one a pixel
    weight = torch.rand(shape, generator=generator, device=real.device, dtype=real.dtype)
    return weight * real + (1.0 - weight) * fake


def input_gradients(
    discriminator: Discriminator, samples: Float[Tensor, "batch *rest"]
) -> list[Float[Tensor, "batch values"]]:
    """Each critic's gradient of every sample's logit with respect to that sample, a row each."""
    samples = samples.detach().requires_grad_(True)
    with torch.enable_grad():
        critics = as_scores(discriminator(samples)).logits
        # The sum over the batch is a trick: sample i only enters logit i, so the gradient of the
        # sum holds every sample's own gradient. create_graph lets the penalty be trained on.
        gradients = [
            torch.autograd.grad(logits.sum(), samples, create_graph=True)[0] for logits in critics
        ]
    return [each.flatten(start_dim=1) for each in gradients]


@torch.no_grad()
def clip_weights(discriminator: nn.Module, limit: float = 0.01) -> None:
    """Force every parameter into [-limit, limit], in place (eq-clipping-bound).

    A crude way to bound a critic's slope: too large a limit bounds nothing, too small a one leaves
    no gradient. Arjovsky, Chintala and Bottou 2017, algorithm 1, with ``limit=0.01``.

    Raises:
        ValueError: the limit is not positive.
    """
    if limit <= 0.0:
        raise ValueError(f"the clipping limit must be positive, got {limit}")
    for parameter in discriminator.parameters():
        parameter.clamp_(-limit, limit)


def largest_singular_value(
    weight: Float[Tensor, "outputs *inputs"],
    *,
    iterations: int = 50,
    generator: torch.Generator | None = None,
) -> Scalar:
    """The spectral norm of a layer's weight by power iteration (eq-spectral-norm).

    A convolution's kernel is flattened to (outputs, everything else), as in Miyato et al. 2018,
    section 2.1 and appendix A; there one iteration a training step is enough, because the weight
    moves slowly and the vectors are kept between steps.
    """
    matrix = weight.flatten(start_dim=1)
    with torch.no_grad():  # the two directions count as constants, only the product is trained
        right = torch.randn(
            matrix.shape[1], generator=generator, device=matrix.device, dtype=matrix.dtype
        )
        for _ in range(iterations):
            left = normalize(matrix @ right, dim=0)
            right = normalize(matrix.T @ left, dim=0)
    return left @ matrix @ right
