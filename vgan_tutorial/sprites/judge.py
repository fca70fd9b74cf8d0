"""The exact judge of sprites: reads who acts, and how, back from the pixels of any clip.

Like the judge of Moving Shapes it renders and compares. For a clip it searches the one character
(a sheet for every part), and the pose in every frame, whose drawing is nearest to the clip in
squared error. Nothing is learnt. The search begins at the nearest of 48 characters and goes part by
part, then pose by pose. With real clips it ends at the truth. With others it may stop a little
before the nearest character there is: begun eight times, it found one with a residual that is 1 %
smaller, in the median of 64 clips of the recorded generator.

A clip is *valid* when one character explains it. What the drawing leaves over, the *residual*, is
at most `VALID_RESIDUAL` of the drawing's energy against the ground; and every part is *readable*:
on the way from its sheet to any other, the clip has not gone farther than `READABLE`. Half-way
would be a mixture of two.

Its *action is valid* when, besides, the poses follow each other as they were drawn: with the best
legal sequence of poses the squared error grows by at most `LEGAL` of the squared change that there
is in that sequence from frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from vgan_tutorial.oracle import VALID_RESIDUAL
from vgan_tutorial.sprites.drawing import GROUND, Acts, draw_poses, every_character
from vgan_tutorial.sprites.sheets import CELL, DIRECTIONS, LENGTHS, POSES, Sheets
from vgan_tutorial.types import Clips

READABLE = 0.25
LEGAL = 0.25

_SEARCHED = 32  # pixels of the frames in the search, at most
_COARSE = 16  # pixels of the frames in its beginning
_KNOWN = 48  # characters that it begins with
_ROUNDS = 3  # of looking for parts and for poses in turn
_CHUNK = 16  # clips together
_ALIKE = 1e-3  # squared difference of drawings that nobody could tell apart


@dataclass
class ActVerdict:
    """What the judge read from each clip of a batch."""

    acts: Acts  # the best explanation by a legal sequence of poses
    poses: Int[Tensor, "batch time"]  # the best explanation of every frame by itself
    residual: Float[Tensor, " batch"]  # squared error / energy of the drawing against the ground
    doubts: Float[Tensor, "batch parts"]  # how far each part is on the way to another sheet
    excess: Float[Tensor, " batch"]  # of the legal sequence: squared error / squared change
    consistency: Float[Tensor, "batch parts"]  # share of frames that show the clip's part

    @property
    def readable(self) -> Bool[Tensor, "batch parts"]:
        """Whether each part is clearly one sheet's."""
        return self.doubts <= READABLE

    @property
    def valid(self) -> Bool[Tensor, " batch"]:
        """One character explains the clip, every part of it."""
        return (self.residual <= VALID_RESIDUAL) & self.readable.all(1)

    @property
    def legal(self) -> Bool[Tensor, " batch"]:
        """The poses follow each other as drawn, whoever has them."""
        return self.excess <= LEGAL

    @property
    def motion_valid(self) -> Bool[Tensor, " batch"]:
        """The clip is valid, and the poses follow each other as drawn."""
        return self.valid & self.legal


class SpritesJudge:
    """Reads clips of sprites, on the device where they are.

    Args:
        sheets: what characters are made of.
    """

    def __init__(self, sheets: Sheets) -> None:
        self.sheets = sheets
        device = next(iter(sheets.cells.values())).device
        self.known = every_character(sheets.counts)[:_KNOWN].to(device)
        rows = self.known.repeat_interleave(POSES, dim=0)
        poses = torch.arange(POSES, device=rows.device).repeat(len(self.known))
        drawn = torch.cat(
            [self._draw(*part) for part in zip(rows.split(512), poses.split(512), strict=True)]
        )
        self.templates = adaptive_avg_pool2d(drawn, _COARSE).flatten(1)

    @torch.no_grad()
    def __call__(self, clips: Clips) -> ActVerdict:
        """Read clips in model range [-1, 1].

        Raises:
            ValueError: if frames are not square, if their side does not divide 64, if a clip has a
                value that is not finite, or if the batch is empty.
        """
        batch, _, _, height, width = clips.shape
        if height != width or CELL % width:
            raise ValueError(
                f"the judge of sprites reads square frames whose side divides {CELL}; these are "
                f"{height} high and {width} wide"
            )
        if batch == 0:
            raise ValueError("the judge was given no clips")
        if not torch.isfinite(clips).all():
            bad = (~torch.isfinite(clips)).flatten(1).any(1).nonzero()[:, 0].tolist()
            raise ValueError(f"clips {bad} hold NaN or infinite values; the judge cannot read them")
        self._follow(clips.device)
        parts = [self._judge(part.float()) for part in clips.split(_CHUNK)]
        return join_act_verdicts(parts)

    def _follow(self, device: torch.device) -> None:
        """Bring what is compared with clips to their device."""
        if self.known.device != device:
            self.sheets = self.sheets.to(device)
            self.known, self.templates = self.known.to(device), self.templates.to(device)

    def _judge(self, clips: Clips) -> ActVerdict:
        frames = (clips.transpose(1, 2) + 1) / 2  # batch, time, 3, height, width
        batch, time = frames.shape[:2]
        small = _resized(frames.flatten(0, 1))
        parts, poses = self._begin(small, time)
        for _ in range(_ROUNDS):
            parts, _ = self._better_parts(small, parts, poses)
            errors = self._errors(small.unflatten(0, (batch, time)), parts)
            poses = errors.argmin(2)
        parts, tables = self._better_parts(small, parts, poses)
        parts = self._finest(frames, parts, poses, [table.sum(1) for table in tables])
        return self._verdict(frames, small, parts, poses)

    def _draw(
        self, parts: Int[Tensor, "rows parts"], poses: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows 3 32 32"]:
        return draw_poses(self.sheets, parts, poses, _SEARCHED)

    def _begin(
        self, small: Float[Tensor, "rows 3 32 32"], time: int
    ) -> tuple[Int[Tensor, "batch parts"], Int[Tensor, "batch time"]]:
        """The nearest of a few known characters, and its poses."""
        coarse = adaptive_avg_pool2d(small, _COARSE).flatten(1)
        errors = self.templates.square().sum(1) - 2 * coarse @ self.templates.T
        table = errors.unflatten(1, (len(self.known), POSES)).unflatten(0, (-1, time))
        least, poses = table.min(3)  # batch, time, known
        who = least.sum(1).argmin(1)
        chosen = poses.gather(2, who[:, None, None].expand(-1, time, 1)).squeeze(2)
        return self.known[who], chosen

    def _better_parts(
        self,
        small: Float[Tensor, "rows 3 32 32"],
        parts: Int[Tensor, "batch parts"],
        poses: Int[Tensor, "batch time"],
    ) -> tuple[Int[Tensor, "batch parts"], list[Float[Tensor, "batch time _"]]]:
        """The sheet that suits the clip best, for each part in turn; the errors of all sheets."""
        parts, time, flat = parts.clone(), poses.shape[1], poses.flatten()
        tables = []
        for number in reversed(range(len(self.sheets.counts))):
            errors = []
            for sheet in range(self.sheets.counts[number]):
                trial = parts.clone()
                trial[:, number] = sheet
                drawn = self._draw(trial.repeat_interleave(time, dim=0), flat)
                errors.append((drawn - small).square().sum((1, 2, 3)))
            table = torch.stack(errors, 1).unflatten(0, (-1, time))  # batch, time, sheets
            parts[:, number] = table.sum(1).argmin(1)
            tables.append(table)
        return parts, tables[::-1]

    def _finest(
        self,
        frames: Float[Tensor, "batch time 3 height width"],
        parts: Int[Tensor, "batch parts"],
        poses: Int[Tensor, "batch time"],
        errors: list[Float[Tensor, "batch _"]],
    ) -> Int[Tensor, "batch parts"]:
        """For each part in turn the better one of the two best sheets, drawn at full size."""
        time, size = frames.shape[1], frames.shape[-1]

        def error(trial: Int[Tensor, "batch parts"]) -> Float[Tensor, " batch"]:
            rows = trial.repeat_interleave(time, dim=0)
            drawn = draw_poses(self.sheets, rows, poses.flatten(), size)
            return (drawn.unflatten(0, (-1, time)) - frames).square().flatten(1).sum(1)

        least = error(parts)
        for number, table in enumerate(errors):
            if table.shape[1] < 2:
                continue
            trial = parts.clone()
            best = table.topk(2, largest=False).indices
            trial[:, number] = torch.where(best[:, 0] == parts[:, number], best[:, 1], best[:, 0])
            found = error(trial)
            parts = torch.where((found < least)[:, None], trial, parts)
            least = torch.minimum(least, found)
        return parts

    def _errors(
        self, small: Float[Tensor, "batch time 3 32 32"], parts: Int[Tensor, "batch parts"]
    ) -> Float[Tensor, "batch time poses"]:
        """Squared error of every frame with the character in every pose."""
        rows = parts.repeat_interleave(POSES, dim=0)
        poses = torch.arange(POSES, device=parts.device).repeat(len(parts))
        drawn = self._draw(rows, poses).flatten(1).unflatten(0, (-1, POSES))
        frames = small.flatten(2)
        cross = frames @ drawn.mT
        return frames.square().sum(2, keepdim=True) - 2 * cross + drawn.square().sum(2)[:, None]

    def _verdict(
        self,
        frames: Float[Tensor, "batch time 3 height width"],
        small: Float[Tensor, "rows 3 32 32"],
        parts: Int[Tensor, "batch parts"],
        poses: Int[Tensor, "batch time"],
    ) -> ActVerdict:
        batch, time, _, size, _ = frames.shape
        rows = parts.repeat_interleave(time, dim=0)
        drawn = draw_poses(self.sheets, rows, poses.flatten(), size).unflatten(0, (batch, time))
        energy = (drawn - GROUND / 255).square().flatten(1).sum(1)
        acts, excess = self._legal(parts, self._errors(small.unflatten(0, (batch, time)), parts))
        doubts, consistency = self._doubts(_resized((frames - drawn).flatten(0, 1)), parts, poses)
        return ActVerdict(
            acts=acts,
            poses=poses,
            residual=(drawn - frames).square().flatten(1).sum(1) / energy,
            doubts=doubts,
            excess=excess,
            consistency=consistency,
        )

    def _doubts(
        self,
        left: Float[Tensor, "rows 3 32 32"],
        parts: Int[Tensor, "batch parts"],
        poses: Int[Tensor, "batch time"],
    ) -> tuple[Float[Tensor, "batch parts"], Float[Tensor, "batch parts"]]:
        """How far each part is on the way to another sheet; share of frames that show its own.

        With `left` = x - b, what the clip is away from its drawing, and o the drawing with another
        sheet, the way that x has gone is <x - b, o - b> / |o - b|^2. Over half of it, x is nearer
        to o.
        """
        time, flat = poses.shape[1], poses.flatten()
        drawn = self._draw(parts.repeat_interleave(time, dim=0), flat)
        doubts, shown = [], []
        for number, count in enumerate(self.sheets.counts):
            ways, nearer = [], []
            for sheet in range(count):
                trial = parts.clone()
                trial[:, number] = sheet
                other = self._draw(trial.repeat_interleave(time, dim=0), flat) - drawn
                along = (left * other).sum((1, 2, 3)).unflatten(0, (-1, time))
                length = other.square().sum((1, 2, 3)).unflatten(0, (-1, time))
                ways.append(along.sum(1) / length.sum(1).clamp(min=_ALIKE))
                nearer.append(2 * along > length.clamp(min=_ALIKE))
            doubts.append(torch.stack(ways).amax(0))
            shown.append(1 - torch.stack(nearer).any(0).float().mean(1))
        return torch.stack(doubts, 1), torch.stack(shown, 1)

    def _legal(
        self, parts: Int[Tensor, "batch parts"], errors: Float[Tensor, "batch time poses"]
    ) -> tuple[Acts, Float[Tensor, " batch"]]:
        """The legal sequence with the least error, and how much more that is than any poses'."""
        time = errors.shape[1]
        legal = every_sequence(time, parts.device)
        table = legal.poses(time)  # sequences, time
        sums = errors.gather(2, table.T[None].expand(len(errors), -1, -1)).sum(1)
        least, which = sums.min(1)
        chosen = legal[which]
        acts = Acts(parts, chosen.action, chosen.direction, chosen.start)
        pictures = self._draw(
            parts.repeat_interleave(time + 1, dim=0), acts.poses(time + 1).flatten()
        ).unflatten(0, (-1, time + 1))
        change = (pictures[:, 1:] - pictures[:, :-1]).square().flatten(1).sum(1)
        return acts, (least - errors.amin(2).sum(1)) / change


def every_sequence(frames: int, device: torch.device | str = "cpu") -> Acts:
    """Every legal sequence of poses, of nobody in particular."""
    table = [
        (number, direction, start)
        for number, length in enumerate(LENGTHS)
        for direction in range(len(DIRECTIONS))
        for start in range(length)
    ]
    action, direction, start = torch.tensor(table, device=device).T
    return Acts(
        torch.zeros(len(table), 0, dtype=torch.long, device=device), action, direction, start
    )


def join_act_verdicts(verdicts: list[ActVerdict]) -> ActVerdict:
    """The verdicts of several batches as one."""
    acts = [verdict.acts for verdict in verdicts]
    joined = Acts(
        *(
            torch.cat([getattr(each, name) for each in acts])
            for name in ("parts", "action", "direction", "start")
        )
    )
    rest = ("poses", "residual", "doubts", "excess", "consistency")
    return ActVerdict(
        joined, *(torch.cat([getattr(each, name) for each in verdicts]) for name in rest)
    )


def _resized(
    frames: Float[Tensor, "rows 3 height width"],
) -> Float[Tensor, "rows 3 32 32"]:
    """Squares of pixels averaged, or pixels repeated, until frames have the search's size."""
    size = frames.shape[-1]
    small = adaptive_avg_pool2d(frames, min(size, _SEARCHED))
    repeats = _SEARCHED // small.shape[-1]
    return small.repeat_interleave(repeats, -1).repeat_interleave(repeats, -2)
