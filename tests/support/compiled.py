"""Networks that `torch.compile` has gone through, beside themselves: the same, or an error.

`python -m tests.support.compiled` runs it, without the run-time checks of shapes that the tests
have: those cannot be compiled. What a network can stumble over is to be read by the compiler at
all, and two of these three have a recurrent part. One is also turned into machine code, which is
most of the work.
"""

import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.discriminators import StackedDiscriminator
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import initialise

READ_ONLY = "aot_eager"  # PyTorch's name for what reads a network and then runs it as it was


def check(name: str, network: nn.Module, given: torch.Tensor, backend: str) -> None:
    """Raise an error if the compiled network gives something else."""
    with torch.no_grad():
        expected, compiled = network(given), torch.compile(network, backend=backend)(given)
    assert expected.std() > 1e-3, name
    torch.testing.assert_close(compiled, expected, atol=1e-4, rtol=1e-3)
    print(name)


def main() -> None:
    options = {"mocogan": {"channels": 4}, "residual": {"channels": 8, "classes": 3}}
    for name, backend in (("mocogan", "inductor"), ("residual", READ_ONLY)):
        network = GENERATORS[name](frames=2, size=8, **options[name])
        latent = sample_latent(initialise(network, seeded()).eval(), 2, seeded(2))
        check(name, network, latent, backend)
    stacked = initialise(StackedDiscriminator(4, 8, channels=8), seeded()).eval()
    check("stacked", stacked, torch.randn(2, 3, 4, 8, 8, generator=seeded(1)), READ_ONLY)


if __name__ == "__main__":
    main()
