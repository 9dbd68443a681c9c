"""User-defined variables: reserved names, and the variables that a shipped template declares.

A shipped template declares each variable in a one-line comment, with a sentence and the default if it is fixed:
``{#- var port: The port of the health check. Default: 8080 -#}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ec2facts.errors import UsageError
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.text import did_you_mean

ITEM_NAMES = frozenset({"item", "key"})
"""Names that ``for_each`` sets and users cannot."""

_OWN_WORDS = frozenset({"facts", "vars", "omit", "meta_data", "dynamic", "collection"})

_JINJA_WORDS = frozenset(
    (
        *("and", "caller", "do", "elif", "else", "false", "False", "if", "import", "in", "include", "is", "kwargs"),
        *("loop", "none", "None", "not", "or", "self", "super", "true", "True", "varargs"),
    )
)

_DECLARATION = re.compile(r"^\{#-? var (?P<name>\w+): (?P<sentence>.+?\.)(?: Default: (?P<default>.+?))? -?#\}$", re.M)


class Variable(NamedTuple):
    """A declared variable; ``default`` is None if the template computes it or has none."""

    name: str
    sentence: str
    default: str | None


def reserved_names() -> frozenset[str]:
    """Return the names that a variable cannot have: attributes, the names of ``for_each``, keywords of Jinja."""
    from jinja2.defaults import DEFAULT_NAMESPACE

    return frozenset({*attributes(EC2Metadata), *_OWN_WORDS, *ITEM_NAMES, *_JINJA_WORDS, *DEFAULT_NAMESPACE})


def check_names(names: Iterable[Any], *, allowed: Iterable[str] = ()) -> None:
    """Raise UsageError for the first name that is invalid, or reserved and not ``allowed``."""
    reserved = reserved_names().difference(allowed)
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            raise UsageError(f"variable {name!r}: a name has letters, digits and _, and does not begin with a digit")
        if name in reserved:
            kind = "a fact" if name in attributes(EC2Metadata) else "the template language"
            raise UsageError(f"variable {name!r}: the name is reserved for {kind}; choose another name")


def declared_variables(source: str) -> list[Variable]:
    """Return the variables that a template ``source`` declares, in its order."""
    return [Variable(**match.groupdict()) for match in _DECLARATION.finditer(source)]


def check_declared(variables: Mapping[str, Any], source: str, template: str) -> None:
    """Raise UsageError for the first variable that the ``source`` of ``template`` does not declare."""
    declared = [variable.name for variable in declared_variables(source)]
    for name in variables:
        if name not in declared and name not in ITEM_NAMES:
            known = f"; it has {', '.join(declared)}" if declared else ""
            advice = did_you_mean(name, declared) or known
            raise UsageError(f"template {template} has no variable {name!r}{advice}")
