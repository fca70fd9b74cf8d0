"""The judge's figures for a set of clips of sprites."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import torch

from vgan_tutorial.sprites.judge import ActVerdict, join_act_verdicts
from vgan_tutorial.sprites.sheets import ACT_NAMES, Sheets


@dataclass(frozen=True)
class ActSummary:
    """The judge's figures, all shares between 0 and 1 but the counts and the residual."""

    clips: int
    validity: float  # share of clips that one character explains, every part of it
    motion_validity: float  # share of valid clips whose poses follow each other as drawn
    cells_found: int  # actions with directions that at least one clip with valid action shows
    cells: int  # that there are
    histogram_distance: float  # total variation, found cells against uniform; 1 if none is found
    readable: float  # share of clips in which every part is clearly one sheet's
    legal: float  # share of clips whose poses follow each other as drawn, valid or not
    residual: float  # median over clips: squared error / energy of the drawing
    consistency: float  # mean over clips and parts: share of frames that show the clip's sheet
    sheets_found: int  # sheets that at least one valid clip shows
    sheets: int  # that there are

    def __str__(self) -> str:
        return (
            f"{self.validity:.0%} valid, {self.motion_validity:.0%} with valid action, "
            f"{self.cells_found} of {self.cells} acts, "
            f"{self.sheets_found} of {self.sheets} sheets, "
            f"histogram distance {self.histogram_distance:.2f} ({self.clips} clips)"
        )


def summarise_acts(verdict: ActVerdict, sheets: Sheets) -> ActSummary:
    """Validity, coverage, histogram distance and consistency of a judged set."""
    good = verdict.motion_valid
    counts = torch.bincount(verdict.acts.cell[good], minlength=len(ACT_NAMES)).float()
    distance = (counts / counts.sum() - 1 / len(ACT_NAMES)).abs().sum().item() / 2
    seen = verdict.acts.parts[verdict.valid]
    return ActSummary(
        clips=len(good),
        validity=verdict.valid.float().mean().item(),
        motion_validity=good.float().mean().item(),
        cells_found=int((counts > 0).sum()),
        cells=len(ACT_NAMES),
        histogram_distance=distance if good.any() else 1.0,
        readable=verdict.readable.all(1).float().mean().item(),
        legal=verdict.legal.float().mean().item(),
        residual=verdict.residual.median().item(),
        consistency=verdict.consistency.mean().item(),
        sheets_found=sum(len(column.unique()) for column in seen.T),
        sheets=sum(sheets.counts),
    )


def judged_acts(verdicts: Iterable[ActVerdict], sheets: Sheets) -> dict[str, int | float]:
    """The figures of batches that were judged one after the other, rounded to four digits."""
    found = asdict(summarise_acts(join_act_verdicts(list(verdicts)), sheets))
    del found["clips"], found["cells"], found["sheets"]
    return {name: round(figure, 4) for name, figure in found.items()}
