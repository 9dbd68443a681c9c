"""Filters for names that no quoting makes safe: they take what is valid as it is, and refuse the rest.

Every public function is a filter by its name; see filters.py for the form of the docstrings.
"""

from __future__ import annotations

import re
from typing import Any

from ec2facts.render.printable import printable

_NUMBER = re.compile("[0-9]+|0[Xx][0-9A-Fa-f]*")
"""A last label by which the C library and browsers take a name for an IPv4 address, as inet_aton(3) does."""

_LABEL = re.compile("[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def dns_label(value: Any) -> str:
    """Take one label of a host name: letters, digits and inner hyphens, at most 63 (RFC 1123).

    {{ 'web-1' | dns_label }} → web-1
    """
    text = printable(value)
    if not _LABEL.fullmatch(text):
        raise ValueError("not a label of a host name")
    return text


def dns_name(value: Any) -> str:
    """Take a host name: labels and dots, at most 253 characters, and nothing that is read as an address (RFC 1123).

    {{ 'ip-10-0-0-1.ec2.internal' | dns_name }} → ip-10-0-0-1.ec2.internal
    """
    text = printable(value)
    labels = text.split(".")
    if len(text) > 253 or _NUMBER.fullmatch(labels[-1]) or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("not a host name")
    return text
