"""What a notebook depends on, definition by definition, without running anything.

Every function, class and assignment at the top level of a package module is a node. It depends on
the names that its source mentions, and a name that a package hands on leads to where it is
defined. A module's other statements count as soon as one of its nodes does, and so do the files in
a data folder, such as `assets/`, of its room.

An entry of a registry, a dictionary written out with strings for keys, is a node of its own. Where
a function only looks something up in a registry, or hands it to a function that does, those
entries count whose keys occur as strings: in a node that counts, in a cell, or in a JSON file that
is named. All count where something goes through all of them, or where a cell mentions the registry
otherwise than as `TABLE["key"]`. JSON files of a room count by their names in the same way, and
those beside the notebooks if every part of their path occurs.

What this misses: keys and names that a program puts together or reads from other files; what a
function does with all of a registry that it is handed; definitions that announce themselves, by a
decorator or by being a subclass; what one module sets in another; what a notebook starts as a
program of its own; and the side effects of importing a module of which nothing else is used.
Comments and docstrings never count, though `show_source` shows them. The tests run every notebook
and compare its outputs.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.book.definitions import LOOKUP, WHOLE, Code, Definition, read_cells, words
from tests.book.names import ALL, REST, Node, Package, Target, join_path

LISTING = ("glob", "rglob", "iterdir")  # methods that go through a folder


class Reach:
    """All that a notebook depends on.

    Attributes:
        because: Each node that counts, and the one that first led to it (a cell: None).
        occurring: Strings, and the node that each occurs in first.
        files: Data files that count, and the node that led to each.
    """

    def __init__(self, cells: str, package: Package, data: Path) -> None:
        self.package, self.data = package, data
        self.because: dict[Node, Node | None] = {}
        self._uses: set[tuple[Node, str]] = set()
        self.occurring: dict[str, Node | None] = {}
        self.files: dict[Path, Node | None] = {}
        self._lists: set[str] = set()  # rooms whose files are gone through
        self._todo: deque[Node] = deque()
        self._start(cells)
        while self._todo or self._choose():
            while self._todo:
                self._follow(self._todo.popleft())

    def _start(self, cells: str) -> None:
        code = read_cells(cells)
        self._occur(code.strings, None)
        for path, use in sorted(code.mentions):
            name, _, rest = path.partition(".")
            if name in code.imports:
                for target in self.package.resolve(join_path(code.imports[name], rest)):
                    self._reach(target, WHOLE if use == LOOKUP else use, None)
        for star in code.stars:
            for target in self.package.resolve(star):
                self._reach(target, WHOLE, None)

    def _reach(self, target: Target, use: str, source: Node | None) -> None:
        """Something is mentioned."""
        node, rest = target
        if node.name == ALL:
            self._reach_all(node.module, source)
            return
        self._add(node, source)
        definition = self.package.definition(node)
        if not definition:
            return
        if rest:  # TABLE.get("key"), TABLE.items()
            use = LOOKUP if rest == ("get",) else WHOLE
        if use == WHOLE and _lists_files(definition):
            self._lists.add(self.package.room(node.module))
        if (node, use) in self._uses:
            return
        self._uses.add((node, use))
        for key in definition.entries:
            if use in (WHOLE, f"[{key}]"):
                self._occur({key}, node)  # what goes through a table may use its keys elsewhere
                self._add(node._replace(key=key), node)
        for path in definition.merged:
            for merged in self.package.mentioned(node.module, definition.codes[0], path):
                self._reach(merged, use, node)
        for module in self.package.submodules(node.module) if definition.gathered else ():
            table = Node(module, definition.gathered)
            if self.package.definition(table):
                self._reach(Target(table), use, node)

    def _reach_all(self, module: str, source: Node | None) -> None:
        """A module is used as an object: all that it defines and hands on counts."""
        node = Node(module, ALL)
        content = self.package.module(module)
        if content is None or node in self.because:
            return
        self.because[node] = source
        self._add(Node(module, REST), source)
        handed = [*content.rest.imports.values(), *content.rest.stars]
        targets = [Target(Node(module, name)) for name in content.definitions]
        targets += [Target(Node(name, ALL)) for name in self.package.submodules(module)]
        for target in [*targets, *(t for path in handed for t in self.package.resolve(path))]:
            self._reach(target, WHOLE, node)

    def _add(self, node: Node, source: Node | None) -> None:
        if node not in self.because:
            self.because[node] = source
            self._todo.append(node)
            room = node.module
            while room:  # importing a module runs its packages first
                if room != node.module or node.name != REST:
                    self._add(Node(room, REST), node)
                room = room.rpartition(".")[0]

    def codes(self, node: Node) -> list[Code]:
        """The source of a node."""
        module = self.package.module(node.module)
        if module is None or node.name == ALL:
            return []
        if node.name == REST:
            return [module.rest]
        definition = module.definitions[node.name]
        return definition.codes if node.key is None else [definition.entries[node.key]]

    def _follow(self, node: Node) -> None:
        for code in self.codes(node):
            self._occur(code.strings, node)
            for path, use in sorted(code.mentions):
                for target in self.package.mentioned(node.module, code, path):
                    self._reach(target, use, node)

    def _occur(self, strings: Iterable[str], source: Node | None) -> None:
        for text in sorted(strings):
            self.occurring.setdefault(text, source)

    def _choose(self) -> bool:
        """Count entries and files whose names occur by now; whether there are new ones."""
        before = len(self.because) + len(self.files)
        for node in sorted(node for node, use in self._uses if use == LOOKUP):
            definition = self.package.definition(node)
            for key in definition.entries if definition else ():
                if key in self.occurring:
                    self._add(node._replace(key=key), node)
        for file, source in list(self._named_files()):
            if file not in self.files:
                self.files[file] = source
                if file.suffix == ".json":
                    self._occur(_strings(json.loads(file.read_text("utf-8"))), source)
        return len(self.because) + len(self.files) > before

    def _named_files(self) -> Iterator[tuple[Path, Node | None]]:
        """Data files that count by now, and the node that leads to each."""
        rooms = {self.package.room(node.module): node for node in reversed(self.because)}
        for room, first in sorted(rooms.items()):
            for file in _data_files(self.package, room):
                named = {file.stem, file.name} & set(self.occurring)
                if file.suffix != ".json" or room in self._lists:
                    yield file, first
                elif named:
                    yield file, self.occurring[min(named)]
        for file in sorted(self.data.rglob("*.json")):
            parts = file.relative_to(self.data).parts
            if all(part in self.occurring for part in parts):
                yield file, self.occurring[parts[-1]]

    def why(self, file: Path, name: str | None = None) -> str | None:
        """How the notebook comes to depend on a file, or on a definition in it; None if not.

        Args:
            file: Module or data file of the package.
            name: Name of a definition, or of an entry, `TABLE[key]`, which may be one that is not
                there yet.
        """
        if file in self.files:
            return self._chain(self.files[file])
        for node in self.because:
            empty = node.name == REST and not self.codes(node)[0].text
            definition = self.package.definition(node)
            if definition and definition.entries and node.key is None:
                empty = name is None and (node, WHOLE) not in self._uses  # none of them counts
            if self.package.file(node.module) == file and name in (None, str(node)) and not empty:
                return self._chain(node)
        table, _, key = (name or "").removesuffix("]").partition("[")
        for node, use in sorted(self._uses) if key else ():
            found = use == WHOLE or (use == LOOKUP and key in self.occurring)
            if found and node.name == table and self.package.file(node.module) == file:
                return self._chain(node)
        return None

    def _chain(self, node: Node | None) -> str:
        """From a cell to a node."""
        links: list[str] = []
        while node is not None:
            where = self.occurring.get(node.key) if node.key is not None else node
            if where != self.because[node] and node.key is not None:
                place = f'"{node.key}" is in {where or "a cell"}'
                links.insert(0, f"{node} ({place})")
            else:
                links.insert(0, str(node))
            node = self.because[node]
        return " > ".join(["cell", *links])

    def fingerprint(self) -> str:
        """A hash of all that counts."""
        digest = sha256()
        for node in sorted(self.because, key=repr):
            digest.update(f"\0{node!r}".encode())
            if (node, WHOLE) in self._uses and (definition := self.package.definition(node)):
                digest.update(repr(list(definition.entries)).encode())  # their order
            for code in self.codes(node):
                digest.update(code.text.encode())
                for path in sorted({mention.path for mention in code.mentions}):
                    digest.update(self._meaning(node.module, code, path).encode())
        for file in sorted(self.files):
            digest.update(f"\0{file.relative_to(self.package.root).as_posix()}\0".encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def _meaning(self, module: str, code: Code, path: str) -> str:
        """What a name stands for, where that is not to be seen from its text."""
        content = self.package.module(module)
        imports = (content.rest.imports if content else {}) | code.imports
        found = self.package.mentioned(module, code, path)
        stands = [repr(target) for target in found] or [imports.get(path.partition(".")[0], "")]
        return f"\0{path}={stands}"


def _lists_files(definition: Definition) -> bool:
    return any(f"attr='{name}'" in code.text for code in definition.codes for name in LISTING)


def _data_files(package: Package, room: str) -> Iterator[Path]:
    """JSON files of a room, and all that is in its data folders."""
    folder = package.root.joinpath(*room.split("."))
    yield from sorted(folder.glob("*.json"))
    for below in sorted(folder.glob("[!_.]*/")):
        if below.is_dir() and not (below / "__init__.py").exists():
            yield from sorted(file for file in below.glob("*.*") if file.stem != "README")


def _strings(value: Any) -> set[str]:
    """Every string in a JSON value, keys too."""
    if isinstance(value, dict):
        return set(value) | _strings(list(value.values()))
    if isinstance(value, list):
        return set().union(*map(_strings, value))
    return words(value) if isinstance(value, str) else set()
