"""Rewrites of a template's syntax tree before it is compiled."""

from __future__ import annotations

from jinja2 import nodes
from jinja2.visitor import NodeTransformer


class Rewriter(NodeTransformer):
    """Inserts calls of environment methods where Jinja's generated code has no hook."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Concat:  # noqa: N802 (Jinja's name)
        """Finalize every operand of ``~`` like a printed value."""
        self.generic_visit(node)
        node.nodes = [_call("finalize", joined) for joined in node.nodes]
        return node

    def visit_Sub(self, node: nodes.Sub) -> nodes.Sub:  # noqa: N802 (Jinja's name)
        """Pass the left operand through ``minuend`` with the key that ``tags.a-b`` may mean."""
        operands = [node.right]
        inner = node
        while isinstance(inner.left, nodes.Sub):
            inner = inner.left
            operands.append(inner.right)
        first = inner.left
        if isinstance(first, (nodes.Name, nodes.Getattr)):
            own = first.name if isinstance(first, nodes.Name) else first.attr
            key = "-".join([own, *map(_first_name, reversed(operands))])
            inner.left = _call("minuend", first, nodes.Const(key))
        self.generic_visit(node)
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Call:  # noqa: N802 (Jinja's name)
        """Look up ``name`` in ``x.name()`` as a method, not as a key."""
        self.generic_visit(node)
        if isinstance(node.node, nodes.Getattr):
            node.node = _call("method", node.node.node, nodes.Const(node.node.attr))
        return node


def _first_name(node: nodes.Expr | None) -> str:
    """Return the leading name or number of an expression, such as ``b`` of ``b.c | upper``."""
    while isinstance(node, (nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test, nodes.Call)):
        node = node.node
    return str(getattr(node, "name", getattr(node, "value", "")))


def _call(method: str, *arguments: nodes.Expr) -> nodes.Call:
    """Return the call of an environment method, with the line of its first argument."""
    lineno, environment = arguments[0].lineno, arguments[0].environment
    return nodes.Call(
        nodes.EnvironmentAttribute(method), list(arguments), [], None, None, lineno=lineno, environment=environment
    )
