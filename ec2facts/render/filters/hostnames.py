"""Filters that validate host names, which cannot be quoted: a valid name is returned unchanged, others are refused.

Every public function is a filter of that name; registry.py describes the form of the docstrings.
"""

from __future__ import annotations

import re
from typing import Any

from ec2facts.render.printable import printable

_NUMBER = re.compile("[0-9]+|0[Xx][0-9A-Fa-f]*")
"""A last label that makes the C library (inet_aton(3)) and browsers read a name as an IPv4 address."""

_LABEL = re.compile("[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def dns_label(value: Any) -> str:
    """Return a host name label unchanged: up to 63 letters, digits and inner hyphens (RFC 1123); refuse others.

    {{ 'web-1' | dns_label }} → web-1
    """
    text = printable(value)
    if not _LABEL.fullmatch(text):
        raise ValueError("not a label of a host name")
    return text


def dns_name(value: Any) -> str:
    """Return a host name unchanged: up to 253 characters, not readable as an address (RFC 1123); refuse others.

    {{ 'ip-10-0-0-1.ec2.internal' | dns_name }} → ip-10-0-0-1.ec2.internal
    """
    text = printable(value)
    labels = text.split(".")
    if len(text) > 253 or _NUMBER.fullmatch(labels[-1]) or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("not a host name")
    return text
