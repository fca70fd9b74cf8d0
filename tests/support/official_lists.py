"""Lists of the same form as the official ones of UCF101 and HMDB51, made here."""

from pathlib import Path

CLASSES = ("HandstandPushups", "Archery", "Surfing")  # not in alphabetical order
FILMS = ("Jaws", "Walk_the_Line", "Alien", "Heat")


def ucf101_name(label: str, group: int, clip: int) -> str:
    stem = label.replace("Handstand", "HandStand")  # the official files' own slip
    return f"{label}/v_{stem}_g{group:02d}_c{clip:02d}.avi"


def write_ucf101_lists(
    folder: Path, groups: int = 6, ending: str = "\r\n", test_labels: bool = False
) -> list[str]:
    """Group g tests in split g % 3 + 1, as in the original where 7 groups of 25 do."""
    folder.mkdir(parents=True)
    numbered = [f"{number} {label}" for number, label in enumerate(CLASSES, 1)]
    (folder / "classInd.txt").write_bytes((ending.join(numbered) + "\n\n").encode())
    names = []
    for split in (1, 2, 3):
        rows: dict[str, list[str]] = {"train": [], "test": []}
        for number, label in enumerate(CLASSES, 1):
            for group in range(1, groups + 1):
                name = ucf101_name(label, group, 1)
                part = "test" if group % 3 + 1 == split else "train"
                rows[part].append(f"{name} {number}" if part == "train" or test_labels else name)
                names.append(name)
        for part, lines in rows.items():
            text = ending.join(lines[:2]) + ending + "\n".join(lines[2:]) + "\n"  # mixed endings
            (folder / f"{part}list0{split}.txt").write_bytes(text.encode())
    return sorted(set(names))


def hmdb51_name(label: str, film: str, clip: int) -> str:
    return f"{film}_{label}_f_cm_np1_ba_med_{clip}.avi"


def write_hmdb51_lists(folder: Path) -> None:
    folder.mkdir(parents=True)
    for split in (1, 2, 3):
        for label in ("walk", "shake_hands"):
            lines = [
                f"{hmdb51_name(label, film, clip)} {(place + split) % 3} "
                for place, film in enumerate(FILMS)
                for clip in range(2)
            ]
            text = "\n".join(lines) + "\n"
            (folder / f"{label}_test_split{split}.txt").write_text(text)
