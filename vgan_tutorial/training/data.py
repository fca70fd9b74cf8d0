"""What a run trains on, by its name: a preset of shapes, a folder of sprites, a pack of videos."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from vgan_tutorial.datasets import CATALOGUE, PackedClips, is_pack, official_split, split_by_group
from vgan_tutorial.datasets.pack.format import TABLE
from vgan_tutorial.latents import Factor
from vgan_tutorial.shapes import PRESETS, Preset
from vgan_tutorial.sprites import ACT_NAMES, FACTORS, Sheets, has_sheets, read_sheets
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.sources import ClipSource, pack_source, shapes_source, sprites_source
from vgan_tutorial.training.watching import Judge, shapes_judge, sprites_judge

PARTS = ("all", "train", "validation", "test")
SHARES = (0.8, 0.1, 0.1)  # of train, validation and test, where nobody published lists
HOME = Path("data")  # where `vgan fetch` puts data sets


@runtime_checkable
class Data(Protocol):
    """Clips to train on or to compare with."""

    @property
    def name(self) -> str:
        """What finds it again, from any folder."""

    def digest(self) -> str:
        """What tells it from other data, wherever it lies."""

    @property
    def class_names(self) -> Sequence[str]:
        """Names of the classes, in the order of their labels."""

    @property
    def factors(self) -> tuple[Factor, ...]:
        """What a class can say of a clip; of most data it is one thing, the name of the class."""

    def shaped(self, config: TrainingConfig) -> TrainingConfig:
        """The configuration with the clips' shape, as far as the data decides it."""

    def source(self, config: TrainingConfig, device: torch.device | str = "cpu") -> ClipSource:
        """An endless stream of clips of the configuration's shape, with classes if it has any."""

    def judge(self) -> Judge | None:
        """The exact judge, if there is one."""


@dataclass(frozen=True)
class ShapesData:
    """Moving Shapes. There is no end of them, so nothing is set aside."""

    preset: Preset

    @property
    def name(self) -> str:
        """The preset's."""
        return self.preset.name

    def digest(self) -> str:
        """The preset's name."""
        return self.preset.name

    @property
    def class_names(self) -> Sequence[str]:
        """Motions."""
        return sorted(self.preset.motions)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The motion."""
        return (Factor("motion", tuple(self.class_names)),)

    def shaped(self, config: TrainingConfig) -> TrainingConfig:
        """The preset decides frames and size."""
        return replace(config, frames=self.preset.frames, size=self.preset.size)

    def source(self, config: TrainingConfig, device: torch.device | str = "cpu") -> ClipSource:
        """Clips drawn anew."""
        return shapes_source(self.preset, device, bool(config.classes))

    def judge(self) -> Judge:
        """The judge of shapes."""
        return shapes_judge(self.preset)


@dataclass(frozen=True)
class _Part:
    """Some of the clips in a folder."""

    folder: Path
    part: str = "all"

    @property
    def name(self) -> str:
        """The folder's full path."""
        return str(self.folder.resolve())


class SpritesData(_Part):
    """Sprites, drawn from a folder of sheets."""

    @cached_property
    def sheets(self) -> Sheets:
        """What characters are made of."""
        return read_sheets(self.folder)

    def digest(self) -> str:
        """Of all pixels of the sheets."""
        digest = hashlib.sha256()
        for part, cells in sorted(self.sheets.cells.items()):
            digest.update(part.encode() + cells.cpu().numpy().tobytes())
        return digest.hexdigest()

    @property
    def class_names(self) -> Sequence[str]:
        """Actions with directions."""
        return ACT_NAMES

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Act and the sheet of every part; numbers where a part has other sheets."""
        found = (len(ACT_NAMES), *self.sheets.counts)
        numbered = [tuple(str(number + 1) for number in range(count)) for count in found]
        return tuple(
            factor if len(factor.values) == count else replace(factor, values=numbers)
            for factor, count, numbers in zip(FACTORS, found, numbered, strict=True)
        )

    def shaped(self, config: TrainingConfig) -> TrainingConfig:
        """Sprites are drawn in any length, and in any size that divides 64."""
        if 64 % config.size:
            raise ValueError(f"sprites are 64 pixels high, and {config.size} does not divide 64")
        return config

    def source(self, config: TrainingConfig, device: torch.device | str = "cpu") -> ClipSource:
        """Clips drawn anew, of the characters of one part."""
        return sprites_source(
            self.sheets,
            config.frames,
            config.size,
            device,
            labelled=bool(config.classes),
            part=self.part,
            everything=isinstance(config.classes, tuple),
        )

    def judge(self) -> Judge:
        """The judge of sprites."""
        return sprites_judge(self.sheets)


class PackData(_Part):
    """Real footage in a pack."""

    def digest(self) -> str:
        """Of the table, which holds every clip's class and place, and its frames' checksum."""
        return hashlib.sha256((self.folder / TABLE).read_bytes()).hexdigest()

    @property
    def class_names(self) -> Sequence[str]:
        """Those of the pack."""
        return PackedClips(self.folder, frames=1).classes

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The class."""
        return (Factor("class", tuple(self.class_names)),)

    def shaped(self, config: TrainingConfig) -> TrainingConfig:
        """The pack decides the size."""
        return replace(config, size=PackedClips(self.folder, frames=1).size)

    def source(self, config: TrainingConfig, device: torch.device | str = "cpu") -> ClipSource:
        """Random windows of the clips of one part."""
        rows = part_of(self.folder, self.part)
        packed = PackedClips(self.folder, config.frames, subset=rows)
        return pack_source(packed, device, bool(config.classes))

    def judge(self) -> None:
        """Nobody can say exactly what footage shows."""


def part_of(pack: Path, part: str) -> list[int]:
    """Rows of a pack that belong to a part.

    Where the official lists of a data set lie beside its pack, they decide, and a tenth of their
    training videos is set aside for validation. Otherwise groups are dealt out.

    Raises:
        ValueError: if there are too few groups to set some aside.
    """
    packed = PackedClips(pack, frames=1)
    if part == "all":
        return list(range(len(packed)))
    for data_set in CATALOGUE.values():
        official = data_set.official
        if not official or not pack.name.startswith(data_set.name):
            continue
        folder = pack.parent / official.lists
        if folder.is_dir():
            names = [clip.name for clip in packed.clips]
            split = official_split(names, official.read(folder, 1), SHARES[1])
            return list(getattr(split, part))
    try:
        return list(getattr(split_by_group(packed.groups, SHARES), part))
    except ValueError as error:
        raise ValueError(
            f"{pack} cannot be split, since {error}: take all of its clips (--split all)"
        ) from error


def find_data(name: str, part: str = "all", size: int | None = None) -> Data:
    """The data of that name: a preset's, a folder's, or a data set's that `vgan fetch` got.

    Args:
        name: of a preset; path of a pack, or of a folder of sheets; name of the catalogue.
        part: of the clips: all, train, validation or test.
        size: of the clips, which tells packs of one data set from each other.

    Raises:
        ValueError: if there is no such data, or no such part.
    """
    if part not in PARTS:
        raise ValueError(f"no part is called {part!r}; choose one of {', '.join(PARTS)}")
    if name in PRESETS:
        return ShapesData(PRESETS[name])
    pack = HOME / name / f"{name}-{size}"
    for folder in (Path(name), Path(name) / "sheets", HOME / name / "sheets"):
        if has_sheets(folder):
            return SpritesData(folder, part)
    for folder in (Path(name), pack):
        if is_pack(folder):
            return PackData(folder, part)
    if name in CATALOGUE:
        raise ValueError(
            f"{name} is not here yet: get it with `vgan fetch {name} --size {size or 64}`, or name "
            "its pack with --data"
        )
    raise ValueError(
        f"there is no pack at {name!r}, and no preset or data set of that name; make a pack with "
        f"`vgan pack`, or choose one of {', '.join([*PRESETS, *CATALOGUE])}"
    )
