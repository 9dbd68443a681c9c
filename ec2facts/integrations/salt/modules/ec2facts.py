"""Read the facts of the EC2 instance now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from salt.exceptions import CommandExecutionError

__opts__: dict[str, Any]  # set by Salt's loader


def get(*names: str) -> Any:
    """Return one fact, or several by name.

    A name is a dotted name or a path of the metadata service. Nothing else is read. A withheld fact is an error.

    CLI Example:

    .. code-block:: bash

        salt '*' ec2facts.get region
        salt '*' ec2facts.get instance_id tags.Name placement/region
    """
    from ec2facts.integrations import gathering

    with _errors_for_salt():
        values = gathering.read(names, **_settings())
    return values if len(names) != 1 else values[names[0]]


def dump(*only: str, tree: bool = False) -> dict[str, Any]:
    """Return the facts, or those that match the globs ``only``; with ``tree`` the service's own tree too.

    CLI Example:

    .. code-block:: bash

        salt '*' ec2facts.dump
        salt '*' ec2facts.dump 'tags.*' 'instance_*'
        salt '*' ec2facts.dump tree=True
    """
    from ec2facts.integrations import gathering

    with _errors_for_salt():
        return gathering.gather(only=only, tree=tree, **_settings())


def _settings() -> dict[str, Any]:
    settings = __opts__.get("ec2facts") or {}
    return {name: settings[name] for name in ("endpoint", "deadline") if name in settings}


@contextmanager
def _errors_for_salt() -> Iterator[None]:
    from ec2facts.errors import EC2FactsError
    from ec2facts.integrations import gathering

    try:
        yield
    except EC2FactsError as error:
        raise CommandExecutionError(gathering.message_of(error)) from error
