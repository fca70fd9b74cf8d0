"""Would an equation's test notice a wrong formula? `python -m tests.mutants` tries.

Every function whose docstring names an equation, and those of `IMPLEMENTATIONS`, are changed in one
place after the other (see `tests.support.mutations`), and the tests of their equations run: a
change that none of them notices has survived. An equation without a function in the package is
changed where it is written, in its own test. `tests/equations/equivalent.toml` lists the changes
that change nothing, each with the reason.

All tests are imported once; each mutant gets a fork of this process, so it costs no start.

    python -m tests.mutants                    everything: about 1,700 mutants
    python -m tests.mutants eq-r1 eq-wilson    what these equations' tests notice
"""

import argparse
import ast
import gc
import os
import re
import signal
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, FunctionType

import cv2
import pytest
import torch
from _pytest.runner import runtestprotocol

from tests.support.mutations import CHECKS, Mutant, called, definitions, mutants, tree_of

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vgan_tutorial"
EQUATIONS = ROOT / "tests" / "equations"
EQUIVALENT = EQUATIONS / "equivalent.toml"
SECONDS = 10  # on top of three times what the test takes, before a mutant counts as noticed
LABEL = re.compile(r"\beq-[a-z0-9]+(?:-[a-z0-9]+)*")
# Functions that compute an equation and do not name it. After `#` stands what a statement must
# contain to be changed, where a function does much else.
IMPLEMENTATIONS = {
    "vgan_tutorial/losses/adversarial.py:label_smoothing": "eq-smoothed-optimum",
    "vgan_tutorial/losses/adversarial.py:non_saturating_generator": "eq-loss-at-balance",
    "vgan_tutorial/preprocessing.py:centre_crop": "eq-centre-crop",
    "vgan_tutorial/preprocessing.py:window_starts": "eq-frame-window",
    "vgan_tutorial/pixels.py:to_uint8": "eq-model-range",
    "vgan_tutorial/preprocessing.py:frame_indices#wanted =": "eq-frame-window",
    "vgan_tutorial/preprocessing.py:resize#_resize_frame": "eq-area-filter",
    "vgan_tutorial/preprocessing.py:_resize_frame#INTER_AREA|smaller =": "eq-area-filter",
    "vgan_tutorial/shapes.py:draw_path#turns|angle =": "eq-apparent-turn",
    "vgan_tutorial/generators/article.py:ArticleGenerator.forward": "eq-independent-frames",
    "vgan_tutorial/generators/vgan.py:VGANGenerator.streams": "eq-two-streams",
    "vgan_tutorial/generators/vgan.py:VGANGenerator.forward": "eq-two-streams",
    "vgan_tutorial/generators/content_motion.py:ContentMotionGenerator.streams#mask|colour": (
        "eq-content-motion"
    ),
    "vgan_tutorial/generators/content_motion.py:lay_over": "eq-content-motion",
    "vgan_tutorial/generators/painter.py:PainterGenerator.forward": "eq-mapping",
    "vgan_tutorial/generators/painter.py:PainterGenerator.move": "eq-motion-code",
    "vgan_tutorial/generators/painter.py:turn": "eq-motion-code",
    "vgan_tutorial/generators/painter.py:ModulatedConv.forward": "eq-modulation eq-demodulation",
    "vgan_tutorial/generators/painter.py:PainterGenerator.__init__#frequencies|spread": (
        "eq-golden-clock"
    ),
    "vgan_tutorial/discriminators/article.py:ArticleDiscriminator.forward": "eq-frame-mean",
    "vgan_tutorial/losses/penalties.py:gradient_penalty": "eq-gradient-penalty-linear",
    "vgan_tutorial/losses/penalties.py:largest_singular_value": "eq-power-iteration",
    "vgan_tutorial/training/step.py:discriminator_step#penalty": "eq-lazy-penalty eq-mean-step",
    "vgan_tutorial/training/step.py:update_average": "eq-moving-average",
    "tests/support/finite_game.py:jensen_shannon": "eq-jensen-shannon",
}
Targets = dict[str, set[str]]  # the labels of every function
Items = dict[str, list[pytest.Item]]


def targets() -> Targets:
    """What computes which equation: by docstrings, by the table, and the helpers of both."""
    found: Targets = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = tree_of(path)
        shown = path.relative_to(ROOT).as_posix()
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and (text := ast.get_docstring(node)):
                for each in node.body:
                    if isinstance(each, ast.FunctionDef) and (labels := LABEL.findall(text)):
                        found[f"{shown}:{node.name}.{each.name}"].update(labels)
        for name, function in definitions(tree):
            if named := LABEL.findall(ast.get_docstring(function) or ""):
                found[f"{shown}:{name}"].update(named)
    for target, text in IMPLEMENTATIONS.items():
        found[target].update(LABEL.findall(text))
    for target in list(found):
        for helper in helpers(target):
            found[helper] |= found[target]
    for target in IMPLEMENTATIONS:
        if "#" in target:
            found.pop(target.partition("#")[0], None)  # some statements of it alone
    return found


def helpers(target: str) -> Iterator[str]:
    """Functions of the same file that a function calls, and those that these call."""
    file, _, rest = target.partition(":")
    local, waiting, seen = dict(definitions(tree_of(ROOT / file))), [rest.split("#")[0]], set[str]()
    if "#" in target:
        return
    while waiting:
        for node in ast.walk(local[waiting.pop()]):
            name = called(node) if isinstance(node, ast.Call) else ""
            if name in local and name not in seen and not name.startswith(CHECKS):
                seen.add(name)
                waiting.append(name)
                yield f"{file}:{name}"


def tests_of(label: str) -> str:
    return "test_" + label.replace("-", "_")


class Hunt:
    """A plugin of pytest that runs mutants where the tests would run."""

    def __init__(self, wanted: list[str]) -> None:
        self.wanted = wanted
        self.equivalent = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
        self.unused = {(name, text) for name, rows in self.equivalent.items() for text in rows}
        self.living: dict[str, list[FunctionType]] = {}
        self.tried = 0
        self.noticed = 0
        self.survivors: list[str] = []
        self.listed: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.living = living_functions()
        gc.freeze()  # what is there is not looked at again, and forks share its memory
        items: Items = defaultdict(list)
        for item in session.items:
            items[getattr(item, "originalname", item.name)].append(item)
        found = targets()
        covered = {tests_of(label) for labels in found.values() for label in labels}
        for target, labels in sorted(found.items()):
            tests = [tests_of(label) for label in sorted(labels) if tests_of(label) in items]
            if tests and (not self.wanted or labels & set(self.wanted)):
                self.hunt(target, [item for test in tests for item in items[test]])
        for test, own in items.items():
            label = test.removeprefix("test_").replace("_", "-")
            alone = test.startswith("test_eq_") and test not in covered
            if alone and (not self.wanted or label in self.wanted):
                self.hunt(f"{own[0].path.relative_to(ROOT).as_posix()}:{test}", own)
        return True

    def hunt(self, target: str, items: list[pytest.Item]) -> None:
        """Every mutant of a function against the tests of its equations."""
        file, _, rest = target.partition(":")
        name, _, pattern = rest.partition("#")
        path, test = ROOT / file, file.startswith("tests/equations")
        passed, lines = traced(items, path)  # in this process, so that its forks begin warm
        began = time.monotonic()
        if not (passed and in_child(lambda: all(map(passes, items)), 600)):
            sys.exit(f"{target}: its tests fail without any change")
        limit = SECONDS + round(3 * (time.monotonic() - began))
        shown = f"{file.removesuffix('.py').replace('/', '.')}"
        before = self.noticed, len(self.survivors), len(self.listed)
        for mutant in mutants(path, name, shown, test):
            if pattern and not re.search(pattern, mutant.before):
                continue
            self.tried += 1
            reached = not lines.isdisjoint(mutant.lines)
            if reached and not survives(mutant, self.living[str(path)], items, limit):
                self.noticed += 1
                continue
            reasons = self.equivalent.get(mutant.function, {})
            if mutant.after in reasons:
                self.unused.discard((mutant.function, mutant.after))
                self.listed.append(str(mutant))
            else:
                self.survivors.append(f"{mutant}{'' if reached else '    (never run)'}")
                print(self.survivors[-1], flush=True)
        after = self.noticed, len(self.survivors), len(self.listed)
        counts = [now - then for now, then in zip(after, before, strict=True)]
        took = time.monotonic() - began
        print("{:4} noticed {:3} survived {:3} listed".format(*counts), f"{took:5.0f} s  {target}")
        sys.stdout.flush()


def living_functions() -> dict[str, list[FunctionType]]:
    """Every function that there is, wherever it is held, by the file it was written in."""
    found = defaultdict(list)
    for each in gc.get_objects():
        if type(each) is FunctionType:
            found[each.__code__.co_filename].append(each)
    return found


def survives(
    mutant: Mutant, functions: list[FunctionType], items: list[pytest.Item], seconds: int
) -> bool:
    """Whether all tests pass when functions have the mutant's code."""
    changed = [each for each in functions if each.__code__.co_qualname in mutant.codes]
    if not changed:
        sys.exit(f"no function has the code of {mutant.function}: nothing would be changed")

    def work() -> bool:
        for function in changed:
            function.__code__ = mutant.codes[function.__code__.co_qualname]
        return all(map(passes, items))

    return in_child(work, seconds)


def passes(item: pytest.Item) -> bool:
    reports = runtestprotocol(item, log=False, nextitem=None)
    return not any(report.failed for report in reports)


def traced(items: list[pytest.Item], path: Path) -> tuple[bool, set[int]]:
    """Whether tests pass, and which lines of a file they run."""
    file, lines = str(path), set[int]()

    def line(frame: FrameType, event: str, _: object) -> object:
        lines.add(frame.f_lineno)
        return line

    def call(frame: FrameType, event: str, _: object) -> object:
        return line(frame, event, _) if frame.f_code.co_filename == file else None

    sys.settrace(call)  # type: ignore[arg-type]
    passed = all(map(passes, items))
    sys.settrace(None)
    return passed, lines


def in_child(work: Callable[[], bool], seconds: int) -> bool:
    """What a fork of this process answers; False if it takes too long or dies."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        try:
            os._exit(0 if work() else 1)
        except BaseException:  # also what a mutant does to the code around it
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Try whether equations' tests notice mistakes.")
    parser.add_argument("labels", nargs="*", help="Labels of equations; all without any.")
    wanted = parser.parse_args().labels
    torch.set_num_threads(1)
    cv2.setNumThreads(1)  # a fork has no other thread
    began, hunt = time.monotonic(), Hunt(wanted)
    options = ["-q", "-p", "no:cacheprovider", "--no-summary", "--capture=no"]
    pytest.main([*options, str(EQUATIONS)], plugins=[hunt])
    minutes = (time.monotonic() - began) / 60
    print(
        f"{hunt.tried} mutants in {minutes:.1f} minutes: {hunt.noticed} noticed, "
        f"{len(hunt.listed)} equivalent, {len(hunt.survivors)} survived"
    )
    for name, text in sorted(hunt.unused) if not wanted else []:
        print(f"listed as equivalent, but not there or noticed: {name}: {text}")
    return 1 if hunt.survivors else 0


if __name__ == "__main__":
    sys.exit(main())
