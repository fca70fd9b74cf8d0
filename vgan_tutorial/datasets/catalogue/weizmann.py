"""Weizmann actions: nine people before a wall, as MoCoGAN's authors cut and shrank the films.

They published every film as a picture, frame beside frame. The pictures are numbered: eight
numbers a person, two an action, the recording and then its mirror image. Who is who shows in the
pictures: in each eight, wave1, wave2 and bend have the same person in the same clothes. In four of
the nine the jumping jack was filmed in other clothes; there the numbers alone say whose it is.
"""

import re
from pathlib import Path, PurePosixPath

from vgan_tutorial.datasets.acquire.strips import Strip, prepare_strips
from vgan_tutorial.datasets.data_set import DataSet, Download, Job

SIZE = 64  # pixels
FPS = 25.0  # a choice: the pictures do not say
COMMIT = "c68950b5943d47cbb7a94c0031bd3d21d19fff33"
ADDRESS = f"https://raw.githubusercontent.com/sergeytulyakov/mocogan/{COMMIT}/data/actions"
# Folders of the pictures, in the order in which the numbers of a person go through them.
FOLDERS = {"wave2": "1", "wave1": "0", "jack": "3", "bend": "4"}
ACTIONS = tuple(FOLDERS)
# Frames of each recording: a person a line, in the order of ACTIONS. A mirror image has as many.
FRAMES = (
    (59, 61, 103, 61),
    (62, 60, 105, 61),
    (57, 54, 56, 63),
    (79, 53, 146, 64),
    (114, 103, 70, 93),
    (67, 55, 54, 65),
    (54, 125, 51, 63),
    (51, 60, 55, 85),
    (81, 82, 89, 84),
)
FILE = re.compile(r"v_(?P<action>[a-z]+[12]?)_(?P<number>\d{3})")


def place_of(number: int) -> tuple[int, str]:
    """Person (0 to 8) and action of a picture's number, 0 to 71."""
    person, rest = divmod(number, 2 * len(ACTIONS))
    return person, ACTIONS[rest // 2]


def strip_of(number: int) -> Strip:
    """What is known of the picture of that number."""
    person, action = place_of(number)
    frames = FRAMES[person][ACTIONS.index(action)]
    return Strip(f"{number:08d}", f"{action}/v_{action}_{number:03d}.avi", frames)


def download_of(number: int) -> Download:
    """Where the picture of that number is. Its digest is not known: its sides are checked."""
    name = f"{number:08d}.jpg"
    return Download(name, f"{ADDRESS}/{FOLDERS[place_of(number)[1]]}/{name}")


NUMBERS = range(2 * len(ACTIONS) * len(FRAMES))
STRIPS = tuple(map(strip_of, NUMBERS))


def group_of(name: str) -> str | None:
    """The group of `bend/v_bend_014.avi` is "person1"; None for a name of another form.

    A recording and its mirror image are of one group, and so is everything that a person does:
    who knows the person's clothes and the wall behind knows most of the pixels.
    """
    path = PurePosixPath(name)
    found = FILE.fullmatch(path.stem)
    number = int(found["number"]) if found else -1
    if found is None or number not in NUMBERS:
        return None
    person, action = place_of(number)
    return f"person{person}" if found["action"] == path.parent.name == action else None


def prepare(data_set: DataSet, job: Job) -> Path:
    """Make the 72 films in `actions`, of those pictures whose film is not there yet.

    Raises:
        DataError: a picture cannot be fetched, or is not what it should be.
    """
    return prepare_strips(job, STRIPS, "actions", SIZE, FPS)


WEIZMANN = DataSet(
    name="weizmann",
    title="Weizmann actions",
    about="72 films of 4 human actions by 9 people, 64 x 64 pixels, as MoCoGAN prepared them",
    terms=(
        "Weizmann actions were filmed by Lena Gorelick, Moshe Blank, Eli Shechtman,\n"
        "Michal Irani and Ronen Basri (Actions as Space-Time Shapes, PAMI 2007), and cut and\n"
        "shrunk by Sergey Tulyakov, Ming-Yu Liu, Xiaodong Yang and Jan Kautz (MoCoGAN,\n"
        "CVPR 2018). We found no licence for the films: keep to research, and cite both.\n"
        "See http://www.wisdom.weizmann.ac.il/~vision/SpaceTimeActions.html and\n"
        "https://github.com/sergeytulyakov/mocogan"
    ),
    licence="none stated",
    citation="gorelick2007actions",
    files={f"{number:08d}": (download_of(number),) for number in NUMBERS},
    prepare=prepare,
    group_of=group_of,
)
DATA_SETS = {"weizmann": WEIZMANN}
