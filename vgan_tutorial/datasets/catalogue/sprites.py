"""Sprites: characters of games that act, in the choice of sheets that Li and Mandt made."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from vgan_tutorial.datasets.data_set import DataSet, Download, Job
from vgan_tutorial.datasets.pack.drawn import DrawnClip, pack_drawn
from vgan_tutorial.pixels import to_uint8
from vgan_tutorial.sprites import (
    ACT_NAMES,
    draw_acts,
    every_character,
    read_sheets,
    sample_acts,
)

COMMIT = "3ce4048c5227802bd8f1888e293fd3afdba91c0c"
SITE = f"https://raw.githubusercontent.com/YingzhenLi/Sprites/{COMMIT}"

# Bytes and sha256 of every sheet.
SHEETS: dict[str, tuple[int, str]] = {
    "body/0": (33_734, "27d1ac78db37c42f35a20d15c42705efc5e58d47c236cc01423879d4f797f151"),
    "body/1": (32_036, "1535e9228357b884df80f777a0d1dac10ac35e550e4d8d077105ccad014a1460"),
    "body/2": (33_247, "7c241033b4897501cb3721b6c3a9ebfa94b13db10a539edbd9bcc3e0c2a4bcb9"),
    "body/3": (33_232, "055f5aa33fc112d8444b42fce2cf50608a9fbbf2466c54ceaa46c777589a717a"),
    "body/4": (33_226, "57f3b9c510482379aba9a32fc0de7d48e9cbe3dc40f2447283547f773b77ca72"),
    "body/5": (31_114, "91e49453aeab5ebbb4fd2b48253812895dcfb4cb1829b84e24425c66de8f04ff"),
    "body/6": (54_495, "5b9678d177c0c33bcac9c47ef74460e9401b99cc4be7dffdccc0951e9eba3993"),
    "shoes/0": (6_334, "f58fd946a82304ac49c9d824461ba343651106015bffdd2c71189131d28aadfc"),
    "shoes/1": (5_504, "d56a561616a20a12030d2d40a52eeec63e6d048871bf3b6994221869362151f1"),
    "shoes/2": (5_579, "faba8fc036f0494f144ff5dfd5185214f4138b4d39257da42186b0e60e5e2c5e"),
    "bottomwear/0": (7_581, "4ec356c488e272fde2d2d0d722b12a80217871e41161d43ba784caf243969ec2"),
    "bottomwear/1": (8_304, "0674312eaa4ab548f8bb31ef95d7dbd46b41555758cec51bd6c3e9fac9a0f936"),
    "bottomwear/2": (7_585, "3b464feb0d20ff34b0ca2a6d1fd00766ad86e2229c3d56ff91379fe27588a893"),
    "bottomwear/3": (8_227, "b366e84ea0519d06cf693f51e0ee2f9ac32b3132d27c75dfdc4b6f52fca072de"),
    "bottomwear/4": (8_322, "4ed7e7702e4f50b9692c0043be04b7296a108d85ea97230fb50d13c150d98771"),
    "bottomwear/5": (5_375, "a5c5e7e33f13fe5ad37b5836a5a74fb0d2094a0877c2146961b88688ff85840d"),
    "bottomwear/6": (9_132, "a50af1e08421c4fcc4b6365c75c81c8b328f0d4a7bf93b5a1cb97d45e3b72bde"),
    "topwear/0": (15_643, "b917edcf2b3c35d51ef57a6fad67557c5edf048785bea29db09a640d09ac9a90"),
    "topwear/1": (15_643, "e33c6cb31ed1268a2c0dc73b665b1c9b9420e22baf3321880222bdb22682368b"),
    "topwear/2": (15_643, "2b9b8fefa08894b7ea536cd62b86d494aefe6e54495c5c1d83460827b13b6448"),
    "topwear/3": (10_561, "807f5b628592f6747e2814be9435963069dba6c360577168c02f57bbe903433d"),
    "topwear/4": (10_940, "b51b17878503877e179ce4f9231713bf2b2d2d666c3ec9ee29f4e784469867a2"),
    "topwear/5": (25_293, "1b6049d43f83ebfda857cc405d1936ac9fd80be480fa6ad239024a6a75ad0372"),
    "topwear/6": (30_053, "b1da999190e2c41f2e5861d34adc551ad68016ecdcb125ab1371d8af8f7f36cb"),
    "hair/0": (8_049, "e4007b0635a239ad16cdebfe90759349ccc73dfc6836c9d19625714be185f43d"),
    "hair/1": (8_751, "fa6369f84d3310705df6d8ca8c9d515a7d211e73d2826c50a9cb5bb285652c66"),
    "hair/2": (8_360, "1b8046752be7233e829ebe9b11048e171d8d181ee6f68e07042b34f57bb8af0d"),
    "hair/3": (8_337, "333783285c5fd94ff434ae5000d2da39aac7940269f173119eaa70d34c8acfa1"),
    "hair/4": (7_363, "24df8e9b291cbd444f6c4d12d35b3d43d909cd13f04e6401e0fd8ab10216d5a2"),
    "hair/5": (8_236, "4dd471cc20e0b1cf71adcaab01c88598767e5cfe680adacdf560ca91574f17ae"),
    "hair/6": (4_494, "383c2297bf411091dfcb9e250c30912b97a13094fb2465987e961d475855d331"),
    "hair/7": (7_363, "c4460119998811c4a1bcb8ccbb22f5d9a8ee84abe30880677e70b7106341e67d"),
    "hair/8": (8_049, "ea2cd93e23bafd8962caf6f7e7e4c97e73f5742bd9527254abeb6ddfd510d34a"),
    "hair/9": (8_236, "94939929ec5fc142671090a1d83b9e6f89784f3022925fad2e1e19c5dced133d"),
}
SHEETS_FOLDER = "sheets"
PACKED = 2000  # characters
TOGETHER = 8  # clips that are drawn at once


def group_of(name: str) -> str | None:
    """The character of "walk-left/b3-s0-w1-t6-h9": body, shoes, bottomwear, topwear, hair."""
    character = name.split("/")[-1]
    letters = [part[:1] for part in character.split("-")]
    return character if letters == list("bswth") else None


def prepare(data_set: DataSet, job: Job) -> Path:
    """Put the sheets in order, and pack one act of each of some characters.

    Training needs no pack: it draws from the sheets, any act of any character. The pack is for all
    that reads packs.
    """
    folder = job.root / SHEETS_FOLDER
    keys = list(data_set.files)
    for key, source in zip(keys, job.fetch_all(keys), strict=True):
        sheet = folder / f"{key}.png"
        sheet.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, sheet)
    job.say(f"{folder}: {len(data_set.files)} sheets are there")
    settings = {"frames": job.frames, "source": f"{PACKED} acts, {COMMIT}"}
    acts = _acts(folder, job.frames, job.size)
    pack_drawn(acts, job.pack, job.size, settings, total=PACKED, progress=job.progress)
    return job.pack


def _acts(folder: Path, frames: int, size: int) -> Iterator[DrawnClip]:
    """One act of each of the first characters."""
    sheets = read_sheets(folder)
    characters = every_character(sheets.counts)[:PACKED]
    acts = sample_acts(characters, len(characters), torch.Generator().manual_seed(0))
    acts.parts = characters
    for first in range(0, len(characters), TOGETHER):
        some = acts[first : first + TOGETHER]
        for index, clip in enumerate(to_uint8(draw_acts(sheets, some, frames, size)).numpy()):
            numbers = zip("bswth", some.parts[index].tolist(), strict=True)
            character = "-".join(f"{letter}{number}" for letter, number in numbers)
            yield DrawnClip(ACT_NAMES[int(some.cell[index])], character, clip)


SPRITES = DataSet(
    name="sprites",
    title="Sprites",
    about="10,290 drawn characters in 4 actions and 4 directions, 0.7 MB",
    terms=(
        "The sheets were drawn by the authors of the Liberated Pixel Cup and its successors,\n"
        "who are listed at https://github.com/jrconway3/Universal-LPC-spritesheet, and may be\n"
        "used under CC BY-SA 3.0 or GPL 3.0: name them, and share alike what you publish.\n"
        "Yingzhen Li and Stephan Mandt chose them for Sprites (Disentangled Sequential\n"
        "Autoencoder, ICML 2018)."
    ),
    licence="CC BY-SA 3.0 or GPL 3.0",
    citation="li2018disentangled",
    files={
        sheet: (Download(f"{sheet.replace('/', '-')}.png", f"{SITE}/{sheet}.png", size, digest),)
        for sheet, (size, digest) in SHEETS.items()
    },
    prepare=prepare,
    group_of=group_of,
)
DATA_SETS = {"sprites": SPRITES}
