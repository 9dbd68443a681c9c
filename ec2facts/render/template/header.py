"""The header: a first line that sets options for its own template, as in Ansible, and is not printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ec2facts.errors import TemplateError

_HEADER = "#jinja2:"

_SETTINGS: Mapping[str, Mapping[str, object]] = {
    "trim_blocks": {"true": True, "false": False},
    "lstrip_blocks": {"true": True, "false": False},
    "newline_sequence": {r"\n": "\n", r"\r\n": "\r\n", r"\r": "\r"},
}
"""Options with fixed values, by their spelling in the header."""

_STARTS = {"block_start_string": "{%", "variable_start_string": "{{", "comment_start_string": "{#"}

_DELIMITERS = (*_STARTS, *(name.replace("start", "end") for name in _STARTS))
"""Options that accept any text."""


def split_header(source: str, name: str) -> tuple[dict[str, Any] | None, str]:
    """Return the options in the header of template ``name`` (None if it has no header) and the rest of ``source``."""
    if not source.startswith(_HEADER):
        return None, source
    header, _, rest = source.partition("\n")
    return _settings(header[len(_HEADER) :], name), rest


def _settings(header: str, name: str) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for setting in header.split(","):
        key, _, value = (part.strip() for part in setting.partition(":"))
        value = value.strip("'\"")
        if key in _DELIMITERS and value:
            settings[key] = value
            continue
        try:
            settings[key] = _SETTINGS[key][value.lower()]
        except KeyError as error:
            known = "; ".join(f"{key}: {' or '.join(values)}" for key, values in _SETTINGS.items())
            raise TemplateError(f"the header takes {known}; {', '.join(_DELIMITERS)}", file=name, line=1) from error
    if len({settings.get(key, default) for key, default in _STARTS.items()}) < len(_STARTS):
        raise TemplateError(f"{', '.join(_STARTS)} must differ", file=name, line=1)
    return settings
