"""Relations between parameters, such as `fast < slow` or `2 * fast + 5 <= slow`, on whole columns.

A small language of its own, read by Python's parser and carried out here: names, numbers,
+ - * /, comparisons (also chained), `and`, `or`, `not`. Nothing else is ever evaluated.
"""

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[np.float64]]
_SUMS: Final[Mapping[type, Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
}
_ORDERS: Final[Mapping[type, Callable[[Any, Any], Any]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@dataclass(frozen=True, slots=True)
class Relation:
    """A condition on parameters; `text` is how it was given, `names` what it speaks of."""

    text: str
    names: frozenset[str]

    def holds(self, columns: Columns) -> NDArray[np.bool_]:
        """(n,) whether it holds in each row of the columns it names."""
        tree = ast.parse(self.text, mode="eval").body
        length = len(next(iter(columns.values())))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.broadcast_to(_truth(tree, columns), (length,))


def relation(text: str, known: Collection[str]) -> Relation:
    """The relation that `text` says.

    known   parameters that it may name
    raises  ValueError naming what cannot be read
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f"where {text!r}: cannot be read: write it like fast < slow") from None
    names = frozenset(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
    unknown = names - set(known)
    if unknown:
        axes = ", ".join(sorted(known))
        raise ValueError(f"where {text!r}: {min(unknown)} is no axis of the space: use {axes}")
    found = Relation(text.strip(), names)
    try:
        found.holds({name: np.ones(1) for name in known})
    except TypeError as error:
        raise ValueError(f"where {text!r}: {error}: write it like fast < slow") from None
    return found


def _truth(node: ast.expr, columns: Columns) -> Any:
    if isinstance(node, ast.BoolOp):
        parts = [_truth(v, columns) for v in node.values]
        joined = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        out = parts[0]
        for part in parts[1:]:
            out = joined(out, part)
        return out
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return np.logical_not(_truth(node.operand, columns))
    if isinstance(node, ast.Compare):
        values = [_value(v, columns) for v in (node.left, *node.comparators)]
        out = np.True_
        for left, op, right in zip(values[:-1], node.ops, values[1:], strict=True):
            if type(op) not in _ORDERS:
                raise TypeError("only < <= > >= == != compare")
            out = np.logical_and(out, _ORDERS[type(op)](left, right))
        return out
    raise TypeError("it is no comparison")


def _value(node: ast.expr, columns: Columns) -> Any:
    if isinstance(node, ast.Name):
        return columns[node.id]
    if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
        return np.float64(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, columns)
    if isinstance(node, ast.BinOp) and type(node.op) in _SUMS:
        return _SUMS[type(node.op)](_value(node.left, columns), _value(node.right, columns))
    raise TypeError("only names, numbers and + - * / make a value")
