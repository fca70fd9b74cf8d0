"""The generator that this book recommends: a figure that is carried along a path."""

from __future__ import annotations

import math
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.latents import choose, class_vector, refuse_labels
from vgan_tutorial.layers import perceptron
from vgan_tutorial.types import Clips, Labels, Network


class ContentMotionGenerator(nn.Module):
    """One latent says who is seen, one says how it moves: a figure that is carried about.

    The split of the latent follows MoCoGAN (Tulyakov et al., CVPR 2018, section 3), the mask over
    a still background VGAN (Vondrick et al., NeurIPS 2016, section 2.2). Three choices are this
    book's, each made by measurement:

    * The content draws one figure for the whole clip, on a small tile: a colour and an outline.
      The motion only says where the tile lies in each frame, as in a spatial transformer
      (Jaderberg et al., NeurIPS 2015, section 3). So a figure cannot change on its way, and it is
      drawn once a clip, not once a frame.
    * A path is a function of time: motion latent and a clock of sines and cosines go through a
      perceptron, in the way of DIGAN (Yu et al., ICLR 2022, section 3), where MoCoGAN runs new
      noise through a recurrent network. A clip of any length can be asked for.
    * The first number of either latent is read as a choice between `kinds` or `moves`. A
      continuous function cannot map one connected cloud onto separate islands, such as four
      colours, without bridges between them (Khayatkhoei et al., NeurIPS 2018); a choice can jump.

    This suits data with one flat figure before one background, such as Moving Shapes. Real
    footage wants a painted foreground and background, such as VGAN's.

    Args:
        frames: of a clip, and the period of the slowest wave of the clock.
        size: height and width, an even number.
        content: length of the content latent.
        motion: length of the motion latent.
        kinds: how many figures the choice in the content latent is between.
        moves: how many ways to move the choice in the motion latent is between.
        waves: sines and cosines of the clock, with 1, 2, … periods in `frames`.
        cells: the most rows and columns in which the outline is drawn. On a larger tile its logits
            are interpolated: an edge stays sharp, because the sigmoid comes after, and lies
            where it should between two cells, while many fewer numbers have to be learnt.
        span: width of the tile as a share of the frame's.
        classes: of the way to move, such as the kinds of motion in Moving Shapes; 0 for none. One
            more number, the first of the latent, then chooses the class, see `class_vector`,
            unless `forward` is given labels. Only the path hears of the class.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        content: int = 33,
        motion: int = 9,
        kinds: int = 64,
        moves: int = 24,
        waves: int = 2,
        cells: int = 16,
        span: float = 0.55,
        classes: int = 0,
    ) -> None:
        super().__init__()
        if size % 2:
            raise ValueError(f"the frame size must be even, not {size}")
        self.frames, self.size, self.span, self.waves = frames, size, span, waves
        self.content, self.motion, self.kinds, self.moves = content, motion, kinds, moves
        self.classes = classes
        self.latent_shape = (bool(classes) + content + motion,)
        seen = kinds + content - 1
        tile = size // 2
        self.cells = min(cells, tile)
        self.outline = nn.Sequential(
            *perceptron([seen, 128, 256, self.cells**2]),
            nn.Unflatten(1, (1, self.cells, self.cells)),
        )
        if self.cells < tile:
            self.outline.append(nn.Upsample((tile, tile), mode="bilinear"))
        self.colour = perceptron([seen, 64, 64, 3])
        self.background = nn.Parameter(torch.full((3,), -2.0))  # nearly black, like most pixels
        self.path = perceptron([moves + motion - 1 + classes + 2 * waves, 64, 64, 2])

    def forward(
        self,
        latent: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        frames: int | None = None,
    ) -> Clips:
        """A clip for each latent, of the trained length unless `frames` asks for another.

        `labels` replace the classes that the latents choose.

        Raises:
            ValueError: for labels where there are no classes, or not one for every latent.
        """
        return lay_over(*self.streams(latent, labels, frames))

    def streams(
        self,
        latent: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        frames: int | None = None,
    ) -> tuple[
        Float[Tensor, "batch 3 1 1 1"],
        Float[Tensor, "batch 1 time height width"],
        Float[Tensor, "3 1 1 1"],
    ]:
        """Colour of the figure, where it is, and colour of the background."""
        content, motion = latent[:, -self.content - self.motion :].split(
            [self.content, self.motion], dim=1
        )
        kind = None
        if self.classes:
            kind = class_vector(latent, labels, self.classes)
        else:
            refuse_labels(labels, self)
        content = choose(content, self.kinds)
        mask = self.place(self.outline(content).sigmoid(), self.draw_path(motion, frames, kind))
        colour = self.colour(content).tanh()[:, :, None, None, None]
        return colour, mask, self.background.tanh()[:, None, None, None]

    def draw_path(
        self,
        motion: Float[Tensor, "batch motion"],
        frames: int | None = None,
        kind: Float[Tensor, "batch classes"] | None = None,
    ) -> Float[Tensor, "batch time 2"]:
        """Centre of the figure in every frame: (x, y) as shares of the width, y pointing down.

        It stays within 0.1 and 0.9: a figure that could leave the frame would get no gradient
        there, and never come back. `kind` is what `class_vector` makes of the class, if there are
        classes.
        """
        motion = choose(motion, self.moves)
        if kind is not None:
            # As loud as the choice of a move: a mean square of 1, like a latent's numbers.
            motion = torch.cat([motion, kind * self.classes**0.5], dim=1)
        frames = frames or self.frames
        turns = torch.arange(frames, device=motion.device) / self.frames
        wave = torch.arange(1, self.waves + 1, device=motion.device)
        angle = 2 * math.pi * turns[:, None] * wave  # time, waves
        clock = torch.cat([angle.sin(), angle.cos()], dim=1).expand(len(motion), -1, -1)
        steered = torch.cat([motion[:, None].expand(-1, frames, -1), clock], dim=2)
        return 0.1 + 0.8 * self.path(steered).sigmoid()

    def place(
        self, tile: Float[Tensor, "batch 1 side side"], centre: Float[Tensor, "batch time 2"]
    ) -> Float[Tensor, "batch 1 time height width"]:
        """Lay the tile over an empty frame with its middle at `centre`, once for every frame.

        Each pixel asks what the tile holds at its place. Between the tile's own points the answer
        is interpolated, so the clip has a slope in `centre`: that is how a path can be learnt.
        """
        pixels = (torch.arange(self.size, device=tile.device) + 0.5) / self.size
        offset = pixels - centre[..., None]  # batch, time, 2, pixels
        x, y = (offset * 2 / self.span).unbind(2)  # -1 to 1 across the tile
        grid = torch.stack(torch.broadcast_tensors(x[:, :, None], y[..., None]), dim=-1)
        frames_as_rows = grid.flatten(1, 2)  # batch, time * height, width, 2
        placed = nn.functional.grid_sample(tile, frames_as_rows, align_corners=False)
        return placed.unflatten(2, (-1, self.size))


def lay_over(
    colour: Float[Tensor, "batch 3 1 1 1"],
    mask: Float[Tensor, "batch 1 time height width"],
    background: Float[Tensor, "3 1 1 1"],
) -> Clips:
    """A flat figure before a flat ground: mask * colour + (1 - mask) * background.

    Written as ground + (colour - ground) * mask, the last product is one of matrices: for every
    clip a column of three colour channels times a row of all pixels. On a processor this is many
    times faster than broadcasting, above all on the way back, where broadcasting has to sum.
    """
    ground = background.reshape(1, 3, 1)
    difference = colour.reshape(-1, 3, 1) - ground
    clips = torch.baddbmm(ground, difference, mask.flatten(1)[:, None])
    return clips.unflatten(2, mask.shape[2:])


# By name, for the configuration.
NETWORKS: dict[str, Network] = {
    "content-motion": ContentMotionGenerator,
    "content-motion-smooth": partial(ContentMotionGenerator, kinds=1, moves=1),
}
