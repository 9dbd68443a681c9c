"""Variables of the user's own: their names, and the ones that a template that ships declares.

A template that ships declares each of its variables in a comment of one line, a sentence and then the default, if it
has a fixed one: ``{#- var port: The port of the health check. Default: 8080 -#}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ec2facts.errors import UsageError
from ec2facts.metadata.attributes import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.text import did_you_mean

ITEM_NAMES = frozenset({"item", "key"})
"""Names that a template gets for each item of ``for_each``; a user cannot set them."""

_OWN_WORDS = frozenset({"facts", "vars", "omit", "meta_data", "dynamic", "collection"})

_JINJA_WORDS = frozenset(
    (
        *("and", "caller", "do", "elif", "else", "false", "False", "if", "import", "in", "include", "is", "kwargs"),
        *("loop", "none", "None", "not", "or", "self", "super", "true", "True", "varargs"),
    )
)

_DECLARATION = re.compile(r"^\{#-? var (?P<name>\w+): (?P<sentence>.+?\.)(?: Default: (?P<default>.+?))? -?#\}$", re.M)


class Variable(NamedTuple):
    """A variable that a template declares; ``default`` is None if it is computed or the variable is optional."""

    name: str
    sentence: str
    default: str | None


def reserved_names() -> frozenset[str]:
    """Return the names that a variable cannot have: the attributes, the names of ``for_each``, the words of Jinja."""
    from jinja2.defaults import DEFAULT_NAMESPACE

    return frozenset({*attributes(EC2Metadata), *_OWN_WORDS, *ITEM_NAMES, *_JINJA_WORDS, *DEFAULT_NAMESPACE})


def check_names(names: Iterable[Any], *, allowed: Iterable[str] = ()) -> None:
    """Raise UsageError for the first name that a variable cannot have, unless it is one of ``allowed``."""
    reserved = reserved_names().difference(allowed)
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            raise UsageError(f"variable {name!r}: a name has letters, digits and _, and does not begin with a digit")
        if name in reserved:
            kind = "a fact" if name in attributes(EC2Metadata) else "a word of the template language"
            raise UsageError(f"variable {name!r}: the name is reserved for {kind}; choose another name")


def declared_variables(source: str) -> list[Variable]:
    """Return the variables that the text of a template declares, in its order."""
    return [Variable(**match.groupdict()) for match in _DECLARATION.finditer(source)]


def check_declared(variables: Mapping[str, Any], source: str, template: str) -> None:
    """Raise UsageError for the first variable that the text of a template does not declare."""
    declared = [variable.name for variable in declared_variables(source)]
    for name in variables:
        if name not in declared and name not in ITEM_NAMES:
            known = f"; it has {', '.join(declared)}" if declared else ""
            advice = did_you_mean(name, declared) or known
            raise UsageError(f"template {template} has no variable {name!r}{advice}")
