"""The real Fréchet video distance, for those who have the I3D network it is defined with.

FVD (Unterthiner et al., 2018, arXiv 1812.01717) is the Fréchet distance on the 400 logits of I3D,
a network trained on the Kinetics-400 videos. Its weights are not ours to ship. The TorchScript file
that StyleGAN-V uses, `i3d_torchscript.pt`, works here; its authors compared it with the original
(github.com/universome/fvd-comparison).

The protocol is part of the number. This is ours; state it with every score:

* clips: model range [-1, 1], 11 frames or more, all frames at once, every clip once. Which clips,
  from where in the video, at which frame rate: yours to choose and to state;
* resize: every frame to 224 x 224, bilinear, without antialiasing, corners not aligned, no crop,
  values clamped to [-1, 1] before;
* network: called with `rescale=False, resize=False, return_features=True` if it has these
  switches, so that nothing is resized or scaled a second time, and with the clips alone if not;
* statistics: unbiased covariance in double precision, symmetric eigenvalues.

A TorchScript file is a program, not only numbers: load only one that you trust.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from vgan_tutorial.metrics.distances import Moments, frechet_distance
from vgan_tutorial.types import Clips

LOGITS = 400
SIZE = 224
LEAST_FRAMES = 11  # FVD is reported for clips of more than 10: I3D has little to look at in fewer
SWITCHES = {"rescale": False, "resize": False, "return_features": True}


class I3DFeatures:
    """The 400 logits of I3D for clips in model range.

    Args:
        path: a TorchScript file, `i3d_torchscript.pt`.
        device: device to run it on.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not TorchScript.
    """

    def __init__(self, path: str | Path, device: torch.device | str = "cpu") -> None:
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"there is no file {path}: FVD needs the I3D network as TorchScript, such as "
                "i3d_torchscript.pt of StyleGAN-V, which this package does not ship"
            )
        try:
            self.network = torch.jit.load(str(path), map_location=device).eval()
        except RuntimeError as error:
            raise ValueError(f"{path} is not TorchScript, or is damaged") from error
        names = {argument.name for argument in self.network.forward.schema.arguments}
        self.switches = SWITCHES if set(SWITCHES) <= names else {}
        self.device = torch.device(device)

    @torch.no_grad()
    def __call__(self, clips: Clips) -> Float[Tensor, "batch 400"]:
        """Logits of clips in model range.

        Raises:
            ValueError: if clips are too short, hold values that are not finite, or if the network
                fails or does not return 400 numbers a clip.
        """
        frames = clips.shape[2]
        if frames < LEAST_FRAMES:
            raise ValueError(f"I3D needs {LEAST_FRAMES} frames or more; these clips have {frames}")
        if not torch.isfinite(clips).all():
            raise ValueError("the clips hold NaN or infinite values")
        try:
            logits = self.network(prepare(clips.to(self.device)), **self.switches)
        except torch.jit.Error as error:
            last = (str(error).strip().splitlines() or [""])[-1]
            raise ValueError(
                f"the network cannot compute logits of clips of {tuple(clips.shape[1:])}: is it "
                f"I3D, trained on Kinetics-400? ({last})"
            ) from error
        if tuple(logits.shape) != (len(clips), LOGITS):
            raise ValueError(
                f"the network returned {tuple(logits.shape)} for {len(clips)} clips, not the "
                f"({len(clips)}, {LOGITS}) logits that FVD is defined with: is it I3D, trained on "
                "Kinetics-400?"
            )
        return logits.float()


def prepare(
    clips: Clips,
) -> Float[Tensor, "batch 3 time 224 224"]:
    """Clamp to [-1, 1] and resize every frame to 224 x 224, as the module says."""
    time = clips.shape[2]
    frames = clips.clamp(-1, 1).transpose(1, 2).flatten(0, 1)
    resized = functional.interpolate(frames, (SIZE, SIZE), mode="bilinear", align_corners=False)
    return resized.unflatten(0, (-1, time)).transpose(1, 2)


def frechet_video_distance(
    real: Iterable[Float[Tensor, "_ 3 time height width"]],
    fake: Iterable[Float[Tensor, "_ 3 time height width"]],
    i3d: I3DFeatures,
) -> float:
    """FVD between two streams of batches of clips, in memory that does not grow with them.

    The bias is large when clips are few: with 400 logits, thousands are needed, and the same
    number for every model that is compared (see `frechet_floor`).
    """
    return frechet_distance(Moments.of(map(i3d, real)), Moments.of(map(i3d, fake)))
