"""User variables: ``NAME=VALUE``, and YAML or JSON files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ec2facts.errors import UsageError


def parse_variable(text: str) -> tuple[str, str]:
    """Return the name and the value of ``NAME=VALUE``; raise UsageError for an invalid name."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r} is not NAME=VALUE")
    check_variables([name])
    return name, value


def check_variables(names: Iterable[Any]) -> None:
    """Raise UsageError for the first name that is invalid for a variable."""
    from ec2facts.render.template.variables import check_names

    check_names(names)


def read_variables(file: Path) -> dict[str, Any]:
    """Return the variables in a YAML or JSON file; raise UsageError if it is not a mapping with valid names."""
    import yaml

    try:
        node = yaml.compose(file.read_bytes(), yaml.SafeLoader)
        variables = None if node is None else plain_value(node)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from error
    except RecursionError as error:
        raise UsageError(f"{file}: nested too deeply") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise UsageError(f"{where}: {getattr(error, 'problem', None) or 'not YAML'}") from error
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from error
    if not isinstance(variables, dict):
        raise UsageError(f"{file}: not a mapping of variables")
    try:
        check_variables(variables)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error
    return variables


def plain_value(node: Any) -> Any:
    """Return the value of a YAML node as a JSON value; a date stays text."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        return [plain_value(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): plain_value(value) for key, value in node.value}
    kind = node.tag.rpartition(":")[2]
    if not node.tag.startswith("tag:yaml.org,2002:"):
        raise ValueError(f"line {node.start_mark.line + 1}: the tag {node.tag} is not supported")
    if kind in {"null", "bool", "int", "float"}:
        return yaml.SafeLoader("").construct_object(node)
    return node.value
