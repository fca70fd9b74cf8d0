"""What a name means in a module of the package: definitions are found through all imports."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.book.definitions import Code, Definition, Module, read_module

REST = ""  # the name of a module's statements that define nothing
ALL = "*"  # a module as an object: everything in it
_READ = cache(read_module)  # a file that stays the same is read once for all notebooks


class Node(NamedTuple):
    """A definition of a module, or an entry of a registry."""

    module: str
    name: str
    key: str | None = None

    def __str__(self) -> str:
        return f"{self.name or self.module}{'' if self.key is None else f'[{self.key}]'}"


class Target(NamedTuple):
    """What a mention leads to, and the attributes that are taken of it."""

    node: Node
    rest: tuple[str, ...] = ()


class Package:
    """The modules of a package, read when they are first needed."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name
        self.file = cache(self._file)
        self._modules: dict[str, Module | None] = {}

    def _file(self, module: str) -> Path | None:
        """Where a module is written."""
        stem = self.root.joinpath(*module.split("."))
        files = [stem.with_suffix(".py"), stem / "__init__.py"]
        return next((file for file in files if file.is_file()), None)

    def room(self, module: str) -> str:
        """The package that a module is in; of a package, itself."""
        file = self.file(module)
        is_package = file is not None and file.name == "__init__.py"
        return module if is_package else module.rpartition(".")[0]

    def module(self, name: str) -> Module | None:
        """What a module defines, if there is such a module."""
        if name not in self._modules:
            file = self.file(name) if name.split(".")[0] == self.name else None
            text = file.read_text(encoding="utf-8") if file else None
            self._modules[name] = None if text is None else _READ(text, self.room(name))
        return self._modules[name]

    def definition(self, node: Node) -> Definition | None:
        """What gives a node its value."""
        module = self.module(node.module)
        return module.definitions.get(node.name) if module else None

    def submodules(self, module: str) -> Iterator[str]:
        """The modules of a package."""
        file = self.file(module)
        for path in sorted(file.parent.glob("*")) if file and file.name == "__init__.py" else []:
            name = f"{module}.{path.stem}"
            if path.stem != "__init__" and self.file(name):
                yield name

    def mentioned(self, module: str, code: Code, path: str) -> list[Target]:
        """What a name means in a module."""
        name, _, rest = path.partition(".")
        own = self.resolve(join_path(code.imports[name], rest)) if name in code.imports else []
        return own + self._inside(module, name, rest, frozenset())

    def resolve(self, path: str, seen: frozenset[str] = frozenset()) -> list[Target]:
        """What a full name means: nothing, if it is not of this package."""
        parts = path.split(".")
        if not self.module(parts[0]) or path in seen:
            return []
        module = parts.pop(0)
        while parts:
            name, rest = parts.pop(0), ".".join(parts)
            if found := self._inside(module, name, rest, seen | {path}):
                return found
            if not self.file(f"{module}.{name}"):  # set in a way that is not understood
                known = name.startswith("__")  # such as __file__
                return [Target(Node(module, REST if known else ALL))]
            module = f"{module}.{name}"
        return [Target(Node(module, ALL))]

    def _inside(self, module: str, name: str, rest: str, seen: frozenset[str]) -> list[Target]:
        content = self.module(module)
        if content is None:
            return []
        found = []
        if name in content.definitions:
            found.append(Target(Node(module, name), tuple(filter(None, rest.split(".")))))
        if name in content.rest.imports:
            found += self.resolve(join_path(content.rest.imports[name], rest), seen)
        if not found:
            found += [
                target
                for star in content.rest.stars
                for target in self._inside(star, name, rest, seen | {star})
                if star not in seen
            ]
        return found


def join_path(path: str, rest: str) -> str:
    """A name and the attributes that are taken of it, if there are any."""
    return f"{path}.{rest}" if rest else path
