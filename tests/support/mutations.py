"""Wrong formulas, made of right ones: every small change of a function's source, one at a time.

The changes are those that people make by mistake: a sign, a factor, an index off by one, a sum
that should be a mean, a square for an absolute value, min for max, a comparison the other way
round, axes or arguments swapped. Checks that end in an exception are left alone, and so is what
says where and in which precision something is computed.
"""

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType

Place = Callable[[ast.AST], None]  # puts something else where a node is

METHODS = {  # by what a method or function is replaced by mistake
    **{"min": "max", "amin": "amax", "argmin": "argmax", "minimum": "maximum"},
    **{"max": "min", "amax": "amin", "argmax": "argmin", "maximum": "minimum"},
    **{"mean": "sum", "sum": "mean", "square": "abs", "abs": "square", "any": "all", "all": "any"},
    **{"sin": "cos", "cos": "sin", "floor": "ceil", "ceil": "floor", "std": "var", "var": "std"},
    **{"rsqrt": "sqrt", "norm": "sum", "softplus": "relu", "sigmoid": "tanh", "log": "log1p"},
    **{"exp": "expm1", "cumprod": "cumsum"},
}
BUILTINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
DROPPED = {"sqrt", "relu", "normalize", "detach", "abs", "clamp", "tanh", "sort", "round", "diff"}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
}
FLIPPED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    **{ast.Lt: (ast.Gt, ast.LtE), ast.Gt: (ast.Lt, ast.GtE), ast.Eq: (ast.NotEq,)},
    **{ast.LtE: (ast.GtE, ast.Lt), ast.GtE: (ast.LtE, ast.Gt), ast.NotEq: (ast.Eq,)},
}
PAIRS = (("real", "fake"), ("first", "second"))
ALONE = {"device", "dtype", "memory_format", "strict", "keepdim", "generator", "compute_mode"}
LOOSE = {"rel", "abs", "atol", "rtol", "match", "seed"}  # how near is near enough in a test
DRAWN = {"seeded", "randn", "rand", "randint", "linspace", "tensor", "arange", "zeros", "ones"}
SYMMETRIC = {"min", "max", "minimum", "maximum", "isinstance", "assert_close"}
CHECKS = ("_check", "_require", "refuse")  # functions that end in an exception
COMPOUND = (ast.If, ast.For, ast.While, ast.With)


@dataclass(frozen=True)
class Mutant:
    """A function with one thing changed."""

    function: str  # path and qualified name
    lines: range  # of the statement that is changed
    before: str
    after: str
    codes: dict[str, CodeType]  # of the function and those inside it, by qualified name

    def __str__(self) -> str:
        return f"{self.function}:{self.lines.start}\n    - {self.before}\n    + {self.after}"


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def definitions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions and methods of a module with their qualified names, but not those inside them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from definitions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef):
            yield prefix + child.name, child


def codes_of(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from codes_of(constant)


def mutants(path: Path, name: str, shown: str, test: bool = False) -> Iterator[Mutant]:
    """All mutants of the function `name` of a file; of a test, only its formulas are changed."""
    tree = tree_of(path)
    function = dict(definitions(tree))[name]
    names = {getattr(node, "id", getattr(node, "arg", "")) for node in ast.walk(function)}
    for statement, place, node in places(function, test):
        before = text_of(statement)
        for other in variants(node, test):
            if isinstance(other, ast.Name) and other.id not in names:
                continue
            place(ast.copy_location(other, node))
            ast.fix_missing_locations(tree)
            after = text_of(other if node is statement else statement)
            if after != before:
                codes = {
                    code.co_qualname: code
                    for code in codes_of(compile(tree, str(path), "exec", dont_inherit=True))
                    if f"{code.co_qualname}.".startswith(f"{name}.")
                }
                yield Mutant(f"{shown}.{name}", lines_of(statement), before, after, codes)
        place(node)


def text_of(statement: ast.AST) -> str:
    text = "(left out)" if isinstance(statement, ast.Pass) else ast.unparse(statement)
    return text.splitlines()[0] if isinstance(statement, COMPOUND) else " ".join(text.split())


def lines_of(statement: ast.stmt) -> range:
    last = statement.body[0].lineno - 1 if isinstance(statement, COMPOUND) else None
    return range(statement.lineno, max(statement.lineno, last or statement.end_lineno or 0) + 1)


def places(function: ast.FunctionDef, test: bool) -> Iterator[tuple[ast.stmt, Place, ast.AST]]:
    """Everything below a function's body, with its statement and the way to replace it."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    for number, statement in enumerate(function.body):
        if statement in body:
            yield from below(statement, into_list(function.body, number), statement, test)


def below(
    node: ast.AST, place: Place, statement: ast.stmt, test: bool
) -> Iterator[tuple[ast.stmt, Place, ast.AST]]:
    if isinstance(node, ast.stmt):
        statement = node
    if is_left_alone(node, test):
        return
    yield statement, place, node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "args") and not isinstance(node, ast.Call):
            continue
        if field in ("decorator_list", "ops", "op", "format_spec"):
            continue
        if test and isinstance(node, ast.For) and field == "iter":
            continue
        for number, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST):
                where = into_list(value, number) if isinstance(value, list) else into(node, field)
                yield from below(child, where, statement, test)


def into_list(values: list[ast.stmt] | list[ast.AST], number: int) -> Place:
    return lambda other: values.__setitem__(number, other)  # type: ignore[call-overload]


def into(node: ast.AST, field: str) -> Place:
    return lambda other: setattr(node, field, other)


def is_left_alone(node: ast.AST, test: bool) -> bool:
    if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise):
        return True
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr):  # as a whole, or it could be left out
        node = node.value
    if isinstance(node, ast.keyword) and node.arg in ALONE | (LOOSE if test else set()):
        return True
    if isinstance(node, ast.Call) and called(node).startswith(CHECKS):
        return True
    if not test:
        return False
    if isinstance(node, ast.Assert):  # only equalities say what a formula is
        orders = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
        found = (each for each in ast.walk(node) if isinstance(each, ast.Compare))
        return any(isinstance(op, orders) for each in found for op in each.ops)
    return isinstance(node, ast.comprehension) or (
        isinstance(node, ast.Call) and called(node) in DRAWN
    )


def called(call: ast.Call) -> str:
    function = call.func
    return getattr(function, "attr", getattr(function, "id", ""))


def variants(node: ast.AST, test: bool) -> Iterator[ast.AST]:
    """What stands there instead."""
    if isinstance(node, ast.BinOp):
        yield from operations(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    elif isinstance(node, ast.Call):
        yield from calls(node)
    elif isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        yield node.value
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for pair in PAIRS:
            for one, other in (pair, pair[::-1]):
                if node.id.startswith(one):
                    yield ast.Name(node.id.replace(one, other, 1), node.ctx)
    elif isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:
        yield ast.AugAssign(node.target, OPERATORS[type(node.op)](), node.value)
    elif isinstance(node, ast.Constant) and not test:
        yield from constants(node)
    elif isinstance(node, ast.Subscript) and test:
        for number in (each for each in ast.walk(node.slice) if is_whole(each)):
            yield deepcopy_with(node, number, ast.Constant(number.value + 1))  # type: ignore[attr-defined]
    elif not test:
        yield from choices(node)


def is_whole(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def deepcopy_with(node: ast.AST, old: ast.AST, new: ast.AST) -> ast.AST:
    return deepcopy(node, {id(old): new})


def operations(node: ast.BinOp) -> Iterator[ast.AST]:
    left, right = node.left, node.right
    if type(node.op) in OPERATORS:
        yield ast.BinOp(left, OPERATORS[type(node.op)](), right)
    if isinstance(node.op, ast.Sub | ast.MatMult):
        yield ast.BinOp(right, node.op, left)
    if isinstance(node.op, ast.Div | ast.Mod):
        yield left
    factors = isinstance(left, ast.Constant) or isinstance(right, ast.Constant)
    if isinstance(node.op, ast.Mult | ast.Div) and not factors:
        yield ast.BinOp(ast.BinOp(ast.Constant(2), ast.Mult(), left), node.op, right)
    if isinstance(node.op, ast.Pow):
        if ast.unparse(right) == "2":
            yield ast.Call(ast.Name("abs", ast.Load()), [left], [])
        if not isinstance(right, ast.Constant):
            yield ast.BinOp(left, node.op, ast.BinOp(right, ast.Add(), ast.Constant(1)))
    if isinstance(node.op, ast.FloorDiv):  # rounded up
        down = ast.BinOp(ast.UnaryOp(ast.USub(), left), node.op, right)
        yield ast.UnaryOp(ast.USub(), down)


def calls(node: ast.Call) -> Iterator[ast.AST]:
    function, values = node.func, node.args
    if isinstance(function, ast.Attribute):
        owner = ast.unparse(function.value)
        of_module = owner in ("torch", "np", "math", "nn.functional")
        name = function.attr
        if (other := METHODS.get(name)) and not (owner == "math" and other in ("square", "log1p")):
            if name == "softplus":
                other, of_module = "relu", True
            yield ast.Call(ast.Attribute(function.value, other, ast.Load()), values, node.keywords)
        if name in DROPPED:
            kept = values[0] if of_module and values else function.value
            yield (
                kept
                if name != "sort"
                else ast.Call(
                    ast.Attribute(function.value, "flip", ast.Load()), [ast.Constant(0)], []
                )
            )
        ends = {"min": "max", "max": "min"}
        if name == "clamp" and any(word.arg in ends for word in node.keywords):
            words = [ast.keyword(ends.get(w.arg or "", w.arg), w.value) for w in node.keywords]
            yield ast.Call(function, values, words)
    elif isinstance(function, ast.Name) and values:
        if function.id in BUILTINS:
            yield ast.Call(ast.Name(BUILTINS[function.id], ast.Load()), values, node.keywords)
        if function.id == "softplus":
            yield ast.Call(ast.Attribute(values[0], "relu", ast.Load()), [], [])
        elif function.id == "abs":
            yield ast.BinOp(values[0], ast.Pow(), ast.Constant(2))
        elif function.id in DROPPED:
            yield values[0]
    ordered = called(node) not in SYMMETRIC and not any(
        isinstance(each, ast.Starred) for each in values[:2]
    )
    if len(values) > 1 and ordered:
        yield ast.Call(function, [values[1], values[0], *values[2:]], node.keywords)


def constants(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
    elif isinstance(node.value, float):
        yield ast.Constant(2 * node.value or 1.0)


def choices(node: ast.AST) -> Iterator[ast.AST]:
    """Comparisons and conditions the other way round, statements left out."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in FLIPPED.get(type(node.ops[0]), ()):
            yield ast.Compare(node.left, [other()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.If) and not isinstance(node.test, ast.Compare):
        yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
