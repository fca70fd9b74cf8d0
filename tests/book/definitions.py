"""What a piece of Python defines at its top level, and what each definition mentions.

Nothing is run. Layout, quotes, comments and docstrings make no difference, and neither does the
version of Python. Annotations are part of a definition's text, but the names in them are not
followed: nothing computes with them.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

# How a name is used. It matters for registries, dictionaries that choose something by name: for
# `TABLE[name]` the key must occur as a string somewhere, and of a loop over `TABLE`, or anything
# else, nothing is known. The use of `TABLE["a"]` is "[a]".
LOOKUP, WHOLE = "lookup", "whole"
# Calls that go through all of a registry, or keep it.
THROUGH_ALL = {"all", "any", "dict", "enumerate", "filter", "frozenset", "iter", "len", "list"}
THROUGH_ALL |= {"map", "max", "min", "next", "reversed", "set", "sorted", "sum", "tuple", "zip"}
UNNAMED = {"ctx", "kind", "type_comment"}  # fields of syntax trees that say nothing of their own
ANNOTATIONS = {"annotation", "returns", "type_params"}

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Described = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Mention(NamedTuple):
    """A name with its attributes, as it is written, and how it is used."""

    path: str
    use: str


@dataclass
class Code:
    """A piece of source: its text in a normal form, and what occurs in it."""

    text: str = ""
    mentions: set[Mention] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)  # a name, and what it stands for
    stars: list[str] = field(default_factory=list)  # modules of which everything is imported


@dataclass
class Definition:
    """What gives a name of a module its value; of a registry, without the entries."""

    codes: list[Code]
    entries: dict[str, Code] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)  # registries that this one takes in
    gathered: str = ""  # the registry of that name in every module of the package is taken in


@dataclass
class Module:
    """Definitions and imports of a file, and the statements that are neither."""

    definitions: dict[str, Definition] = field(default_factory=dict)
    rest: Code = field(default_factory=Code)


def read_module(source: str, package: str) -> Module:
    """A module's definitions.

    Args:
        source: Text of the file.
        package: Package that relative imports start from.
    """
    module, rest = Module(), list[ast.stmt]()
    for statement in without_docstrings(ast.parse(source)).body:
        names = defined_names(statement)
        if isinstance(statement, ast.AugAssign):  # of an imported name, it is no definition
            names = [name for name in names if name in module.definitions]
        if is_main(statement):
            continue
        if not names:
            rest.append(statement)
        for name in names:
            if name in module.definitions:
                module.definitions[name].codes.append(read_code([statement], package))
            else:
                module.definitions[name] = _definition(statement, package)
    module.rest = read_code(rest, package)
    return module


def defined_names(statement: ast.stmt) -> list[str]:
    """Names that a statement defines and does nothing else."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            nodes = [node for target in targets for node in ast.walk(target)]
            simple = all(isinstance(n, ast.Name | ast.Tuple | ast.expr_context) for n in nodes)
            return [node.id for node in nodes if isinstance(node, ast.Name)] if simple else []
    return []


def is_main(statement: ast.stmt) -> bool:
    """Whether it runs only when the file is a program."""
    return isinstance(statement, ast.If) and (
        ast.unparse(statement.test) == "__name__ == '__main__'" and not statement.orelse
    )


def _definition(statement: ast.stmt, package: str) -> Definition:
    value = getattr(statement, "value", None)
    match value:
        case ast.Call(func=ast.Name(id="gather"), args=[_, ast.Constant(value=str(name))]):
            return Definition([read_code([statement], package)], gathered=name)
    table = _Table()
    if isinstance(statement, ast.AugAssign) or value is None or not table.take(value):
        return Definition([read_code([statement], package)])
    entries = {key: read_code([node], package) for key, node in table.entries.items()}
    for display in table.displays:  # what stays is the definition without its entries
        kept = [i for i, key in enumerate(display.keys) if key is None]
        display.values = [display.values[i] for i in kept]
        display.keys = [None for _ in kept]
    code = read_code([statement], package)
    code.mentions -= {Mention(path, WHOLE) for path in table.merged}
    return Definition([code], entries, table.merged)


class _Table:
    """The entries of a dictionary that is written out, perhaps in pieces."""

    def __init__(self) -> None:
        self.entries: dict[str, ast.expr] = {}
        self.displays: list[ast.Dict] = []
        self.merged: list[str] = []

    def take(self, node: ast.expr) -> bool:
        """Whether `node` is such a dictionary: `{"a": a, **B}`, `A | {...}`, or a call of one."""
        match node:
            case ast.Dict():
                self.displays.append(node)
                return all(map(self._take_item, node.keys, node.values))
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return all(self._take_merged(side) or self.take(side) for side in (left, right))
            case ast.Call(args=arguments, keywords=[]):
                tables = [a for a in arguments if isinstance(a, ast.Dict | ast.BinOp)]
                return len(tables) == 1 and self.take(tables[0])
        return False

    def _take_item(self, key: ast.expr | None, value: ast.expr) -> bool:
        if key is None:
            return self._take_merged(value)
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            return False
        self.entries[key.value] = value
        return True

    def _take_merged(self, node: ast.expr) -> bool:
        path = dotted(node)
        if path:
            self.merged.append(path)
        return bool(path)


def read_cells(source: str) -> Code:
    """What occurs in a program that is one piece."""
    return read_code(ast.parse(source).body)


def read_code(nodes: Iterable[ast.AST], package: str = "") -> Code:
    """What occurs in statements or expressions."""
    nodes = list(nodes)
    reader = _Reader(package)
    for node in nodes:
        reader.visit(node, WHOLE, frozenset(), inside=False)
    reader.code.text = "\n".join(filter(None, map(normal, nodes)))
    return reader.code


def normal(node: object) -> str:
    """A syntax tree as text that is the same whatever the layout and the version of Python."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return ""  # what a name stands for belongs to whoever mentions it
    if isinstance(node, ast.AST):
        named = [(name, value) for name, value in ast.iter_fields(node) if name not in UNNAMED]
        parts = [f"{name}={normal(value)}" for name, value in named if value not in (None, [])]
        return f"{type(node).__name__}({', '.join(parts)})"
    return f"[{', '.join(map(normal, node))}]" if isinstance(node, list) else repr(node)


def without_docstrings(tree: ast.Module) -> ast.Module:
    """The tree, which is changed, without docstrings and other strings that nothing uses."""
    for node in ast.walk(tree):
        if isinstance(node, Described):
            node.body = [statement for statement in node.body if not _does_nothing(statement)]
    return tree


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name with attributes; nothing of anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{path}.{attribute}" if (path := dotted(value)) else ""
    return ""


class _Reader:
    """Collects mentions, strings and imports."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.code = Code()

    def visit(self, node: ast.AST, use: str, local: frozenset[str], inside: bool) -> None:
        """Read a node.

        Args:
            node: What is read.
            use: How the node around it uses it.
            local: Names that are variables here.
            inside: Whether a function is around it.
        """
        path = dotted(node)
        if path:
            loaded = not isinstance(node, ast.Name) or isinstance(node.ctx, ast.Load)
            if loaded and path.split(".")[0] not in local:
                self.code.mentions.add(Mention(path, use))
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.code.strings |= words(node.value)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._take_import(node)
        inside = inside or isinstance(node, Function)
        inner = local | own_names(node)
        for child, how in uses(node, inside):
            outside = isinstance(node, Function) and not in_body(node, child)
            self.visit(child, how, local if outside else inner, inside and not outside)

    def _take_import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.split(".")[0]
                self.code.imports[alias.asname or name] = name
            return
        parents = self.package.split(".")
        above = parents[: len(parents) + 1 - node.level] if node.level else []
        base = ".".join([*above, *filter(None, [node.module])])
        for alias in node.names:
            if alias.name == "*":
                self.code.stars.append(base)
            else:
                self.code.imports[alias.asname or alias.name] = f"{base}.{alias.name}"


def words(text: str) -> set[str]:
    """What a string may name: itself, the parts of a path, the words of a command."""
    command = text.split() if re.search(r"(^|\s)--?[a-z]", text) else [text]
    parts = [part for word in command for part in re.split("[/=]", word)]
    return {text, *command, *parts} - {""}


def in_body(function: Function, child: ast.AST) -> bool:
    """Whether a part of a function runs when it is called: not its decorators and defaults."""
    return child in function.body if isinstance(function.body, list) else child is function.body


def own_names(node: ast.AST) -> frozenset[str]:
    """Names that a function or comprehension keeps to itself."""
    if isinstance(node, Comprehension):
        targets = _names(part.target for part in node.generators)
        return targets - _names(part.iter for part in node.generators)  # [a for a in a]
    if not isinstance(node, Function):
        return frozenset()
    some = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    names = {each.arg for each in [*some, node.args.vararg, node.args.kwarg] if each}
    public = set[str]()
    for part in _same_scope(node.body if isinstance(node.body, list) else []):
        if isinstance(part, ast.Global):
            public |= set(part.names)
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, ast.FunctionDef | ast.ClassDef):
            names.add(part.name)
    return frozenset(names - public)


def _names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    parts = [part for node in nodes for part in ast.walk(node)]
    return frozenset(part.id for part in parts if isinstance(part, ast.Name))


def _same_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield node
        if not isinstance(node, Function | ast.ClassDef | Comprehension):
            yield from _same_scope(ast.iter_child_nodes(node))


def uses(node: ast.AST, inside: bool) -> Iterator[tuple[ast.AST, str]]:
    """The children of a node, without annotations, and how it uses them."""
    for name, value in ast.iter_fields(node):
        if name not in ANNOTATIONS:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield child, _use(node, name, child, inside)


def _use(node: ast.AST, name: str, child: ast.AST, inside: bool) -> str:
    match node, name:
        case ast.Subscript(slice=ast.Constant(value=str(key))), "value":
            return f"[{key}]"
        case (ast.Subscript(), "value") | (
            ast.Compare(ops=[ast.In() | ast.NotIn()]),
            "comparators",
        ):
            return LOOKUP
        # A function may be handed a registry to choose from. What a module makes of one is kept.
        case ast.Call(func=ast.Name(id=function)), "args":
            return LOOKUP if inside and function not in THROUGH_ALL else WHOLE
        case ast.Call(func=ast.Attribute(attr=method)), "args":
            return LOOKUP if inside and method != "update" else WHOLE
        case (ast.keyword(arg=str()), "value") | (ast.Tuple(), "elts"):
            return LOOKUP if inside else WHOLE
    return WHOLE
