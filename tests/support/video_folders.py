"""Small data sets that the tests make: whole ones, and one with everything that goes wrong."""

from collections.abc import Sequence
from pathlib import Path

from tests.support.videos import truncate, web_page, write_lossless


def make_folder(
    root: Path,
    classes: Sequence[str] = ("Run", "Walk"),
    groups: int = 2,
    clips: int = 2,
    frames: int = 10,
) -> Path:
    """A small data set in UCF101's layout; lengths differ from clip to clip."""
    seed = 0
    for label in classes:
        for group in range(1, groups + 1):
            for clip in range(1, clips + 1):
                path = root / label / f"v_{label}_g{group:02d}_c{clip:02d}.avi"
                write_lossless(path, frames=frames + seed, seed=seed)
                seed += 1
    return root


def contents(pack: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(pack.iterdir())}


def make_bad_folder(root: Path) -> Path:
    make_folder(root, classes=("Run",))
    folder = root / "Run"
    (folder / "a_zero.avi").touch()
    (folder / "b_text.avi").write_text("not a video " * 100)
    web_page(folder / "c_page.avi")
    write_lossless(folder / "d_one.avi", frames=1)
    (folder / "e_link.avi").symlink_to(folder / "gone.avi")
    write_lossless(folder / "w_cut.avi", frames=40)
    truncate(folder / "w_cut.avi")
    write_lossless(folder / "x_short.avi", frames=3)
    (folder / "y_folder.avi").mkdir()
    (folder / "z_notes.txt").write_text("notes")
    return root
