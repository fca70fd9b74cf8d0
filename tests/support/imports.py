"""Which modules import which, read from their source: nothing is run."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

Graph = dict[str, set[str]]  # a module's name, and the names of the modules that it imports


def modules(root: Path, tops: Iterable[str]) -> dict[str, Path]:
    """Modules of some folders by their dotted names."""
    found = {}
    for file in sorted(file for top in tops for file in (root / top).rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def mentions(source: str, package: str) -> Iterator[tuple[str, str | None]]:
    """Every import of a source, inside functions too: the module, and the name taken from it.

    Args:
        source: Python.
        package: Dotted name of the package that it is in, for imports that begin with a dot.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            yield from ((base, alias.name) for alias in node.names)


def graph(files: dict[str, Path]) -> Graph:
    """Edges to the module that is named: of `from a import b` to `a.b` if that is a module.

    Importing `a.b` runs the package `a` first; `closure` adds that. A package that gathers tables
    from its modules imports all of them.
    """
    edges: Graph = {}
    for name, file in files.items():
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        edges[name] = set()
        for base, part in mentions(file.read_text(encoding="utf-8"), package):
            whole = f"{base}.{part}"
            edges[name] |= {whole if whole in files else base} & files.keys()
            if part == "gather" and name == package:
                edges[name] |= {other for other in files if other.rpartition(".")[0] == name}
    return edges


def closure(edges: Graph, starts: Iterable[str]) -> set[str]:
    """Modules that run when some are imported: themselves, their packages, what these import."""
    todo, seen = list(starts), set[str]()
    while todo:
        name = todo.pop()
        if name in edges and name not in seen:
            seen.add(name)
            todo += [name.rpartition(".")[0], *edges[name]]
    return seen


def cycle(edges: Graph) -> list[str]:
    """A chain of modules that leads back to its beginning; empty if there is none."""
    done, path = set[str](), list[str]()

    def visit(name: str) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        path.append(name)
        found = next(filter(None, map(visit, sorted(edges[name]))), [])
        path.pop()
        done.add(name)
        return found

    return next(filter(None, map(visit, sorted(edges))), [])
