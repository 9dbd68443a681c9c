"""The first line of a template that sets options for it alone, as in Ansible; it is not printed."""

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
"""The options of the header, and how it writes their values."""


def split_header(source: str, name: str) -> tuple[dict[str, Any] | None, str]:
    """Return the options that a template sets, None if it begins with no header, and the rest of it."""
    if not source.startswith(_HEADER):
        return None, source
    header, _, rest = source.partition("\n")
    return _settings(header[len(_HEADER) :], name), rest


def _settings(header: str, name: str) -> dict[str, Any]:
    settings = {}
    for setting in header.split(","):
        key, _, value = (part.strip() for part in setting.partition(":"))
        try:
            settings[key] = _SETTINGS[key][value.strip("'\"").lower()]
        except KeyError as error:
            known = "; ".join(f"{key}: {' or '.join(values)}" for key, values in _SETTINGS.items())
            raise TemplateError(f"the header takes {known}", file=name, line=1) from error
    return settings
