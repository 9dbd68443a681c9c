"""Filters that convert a value: JSON, YAML, base64, booleans, hashes, UUIDs.

Every public function is a filter of that name; registry.py describes the form of the docstrings.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

from jinja2 import Undefined

from ec2facts.render.filters.sha_crypt import DEFAULT_ROUNDS, PREFIXES, sha_crypt
from ec2facts.render.printable import RefusalError, defined, printable
from ec2facts.text import escape_lone_surrogates

_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def to_json(
    value: Any,
    indent: int | None = None,
    *,
    sort_keys: bool = True,
    ensure_ascii: bool = False,
    separators: tuple[str, str] | None = None,
) -> str:
    """Convert any value to JSON, on one line and with sorted keys; non-ASCII text is not escaped.

    ``sort_keys`` and ``ensure_ascii`` change that. ``indent`` puts each item on its own line, indented by that many
    spaces for each level. ``separators`` is the pair of texts after an item and after a key.

    {{ {'b': [1, none], 'a': '<é>'} | to_json }} → {"a": "<é>", "b": [1, null]}
    """
    try:
        text = json.dumps(
            defined(value),
            indent=indent,
            sort_keys=sort_keys,
            ensure_ascii=ensure_ascii,
            separators=separators,
            allow_nan=False,
            default=_text,
        )
    except RefusalError:
        raise
    except ValueError:
        raise ValueError("JSON cannot hold NaN, infinity or a value that contains itself") from None
    return escape_lone_surrogates(text)


tojson = to_json


def to_nice_json(
    value: Any,
    indent: int = 4,
    sort_keys: bool = True,  # noqa: FBT001, FBT002 (in the place that Ansible has it)
    *,
    ensure_ascii: bool = False,
    separators: tuple[str, str] | None = None,
) -> str:
    """Convert any value to indented JSON, with the arguments of |to_json.

    {{ {'a': [1]} | to_nice_json }} →
        {
            "a": [
                1
            ]
        }
    """
    return to_json(value, indent, sort_keys=sort_keys, ensure_ascii=ensure_ascii, separators=separators)


def from_json(value: Any) -> Any:
    """Parse a JSON text.

    {{ ('{"a": [1, 2]}' | from_json).a | last }} → 2
    """
    try:
        return json.loads(printable(value), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: error at line {error.lineno}, column {error.colno}") from None


def to_yaml(
    value: Any,
    indent: int = 2,
    *,
    sort_keys: bool = False,
    explicit_start: bool = False,
    width: int | None = None,
    default_flow_style: bool | None = None,
) -> str:
    """Convert any value to YAML that YAML 1.1 and 1.2 parsers read the same, in the value's own order.

    ``sort_keys`` sorts the keys, ``explicit_start`` writes ``---`` first, ``indent`` is the number of spaces for each
    level. ``width`` has no effect: lines are not wrapped. ``default_flow_style`` cannot be true: the style is block.

    {{ {'account_id': '012345678901', 'on': true} | to_yaml }} →
        account_id: '012345678901'
        'on': true
    """
    import yaml

    from ec2facts.render.tree import to_yaml as write

    if default_flow_style:
        raise ValueError("default_flow_style cannot be true: YAML is written in block style")
    try:
        return write(defined(value), indent=indent, sort_keys=sort_keys, explicit_start=explicit_start)
    except yaml.YAMLError as error:
        refused = error.args[-1]  # a RepresenterError holds the object
        advice = "; use |list first" if isinstance(refused, Iterable) and not isinstance(refused, str) else ""
        raise ValueError(f"YAML cannot hold the value{advice}") from error


def to_nice_yaml(value: Any, indent: int = 4, **options: Any) -> str:
    """Convert any value to YAML indented by 4 spaces, with the ``options`` of |to_yaml.

    {{ {'a': {'b': 1}} | to_nice_yaml }} →
        a:
            b: 1
    """
    return to_yaml(value, indent, **options)


def from_yaml(value: Any) -> Any:
    """Parse a YAML text; aliases are refused, because they let a short text become a huge value.

    {{ ('a: [1, 2]' | from_yaml).a | last }} → 2
    """
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                raise RefusalError("YAML with an alias is refused")
            return super().compose_node(parent, index)

    text = printable(value)
    try:
        return yaml.load(text, Loader=Loader)  # noqa: S506 (it is a SafeLoader)
    except RefusalError:
        raise
    except (yaml.YAMLError, ValueError):  # ValueError: such as an impossible date
        raise ValueError("not YAML") from None


def b64encode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:  # noqa: FBT001, FBT002 (Ansible's)
    """Encode a text as base64 of its bytes in ``encoding``; ``urlsafe`` writes - and _ instead of + and /.

    {{ 'é' | b64encode }} → w6k=
    """
    text = printable(value)
    try:
        return base64.b64encode(text.encode(encoding), b"-_" if urlsafe else None).decode()
    except UnicodeError:
        raise ValueError(f"{encoding} cannot hold the text") from None


def b64decode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:  # noqa: FBT001, FBT002 (Ansible's)
    """Decode base64, with or without line breaks, to a text in ``encoding``; ``urlsafe`` reads - and _.

    {{ 'w6k=' | b64decode }} → é
    """
    text = "".join(printable(value).split())
    try:
        return base64.b64decode(text, b"-_" if urlsafe else None, validate=True).decode(encoding)
    except UnicodeDecodeError:
        raise ValueError(f"not a text in {encoding}") from None
    except ValueError:
        raise ValueError("not base64") from None


def hash_(value: Any, hashtype: str = "sha1") -> str:
    """Return the hexadecimal digest of a text; ``hashtype`` is an algorithm of Python's hashlib.

    {{ 'a' | hash('sha256') | truncate(8, true, '') }} → ca978112
    """
    if hashtype not in hashlib.algorithms_available:
        raise ValueError(f"no hashtype {hashtype!r}, choose from {', '.join(sorted(hashlib.algorithms_guaranteed))}")
    return hashlib.new(hashtype, printable(value).encode()).hexdigest()


def password_hash(value: Any, hashtype: str = "sha512", salt: str | None = None, rounds: int | None = None) -> str:
    """Hash a password for /etc/shadow, chpasswd or mkpasswd, with sha512 or sha256.

    A ``salt`` of up to 16 letters, digits, dots and slashes is required: a random one would change the file in every
    run. ``rounds`` is 5000 by default.

    {{ 'secret' | password_hash('sha512', 'NaCl', 1000) | truncate(28, true, '') }} → $6$rounds=1000$NaCl$mXRDeUo/
    """
    password = printable(value)
    if hashtype not in PREFIXES:
        raise ValueError(f"no hashtype {hashtype!r}, choose from {', '.join(PREFIXES)}, or store the finished hash")
    if salt is None or not re.fullmatch("[A-Za-z0-9./]{1,16}", salt):
        raise ValueError("a salt is required: up to 16 letters, digits, dots and slashes")
    if rounds is not None and not 1000 <= rounds <= 999_999:
        raise ValueError("rounds must be between 1000 and 999999")
    if "\0" in password:
        raise ValueError("a password cannot hold NUL")
    return sha_crypt(password.encode(), hashtype, salt, rounds or DEFAULT_ROUNDS)


def to_uuid(value: Any, namespace: str = "361e6d51-faec-444a-9079-341386da8e2e") -> str:
    """Return the name-based UUID (version 5) of a text in a ``namespace`` (default: Ansible's).

    {{ 'i-1234567890abcdef0' | to_uuid }} → 42cdd83b-9ff5-56ac-9567-d3fe19352075
    """
    try:
        within = uuid.UUID(printable(namespace))
    except ValueError:
        raise ValueError("the namespace is not a UUID") from None
    return str(uuid.uuid5(within, printable(value)))


def bool_(value: Any) -> bool:
    """Return whether a value is true, yes, on or 1, in any case; every other value is false.

    A misspelled word is false too, as in Ansible; |onoff and |yesno refuse it.

    {{ 'Yes' | bool }} → True
    """
    return _BOOLEANS.get(str(defined(value)).lower(), False)


def onoff(value: Any) -> str:
    """Return on or off for a boolean or one of the words true, yes, on, 1, false, no, off, 0; refuse other words.

    {{ true | onoff }} → on
    """
    return "on" if _boolean(value) else "off"


def yesno(value: Any) -> str:
    """Return yes or no for a boolean or one of the words true, yes, on, 1, false, no, off, 0; refuse other words.

    {{ false | yesno }} → no
    """
    return "yes" if _boolean(value) else "no"


def ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    """Return ``true_val`` if a value is true, else ``false_val``; for ``none``, return ``none_val`` if it is given.

    {{ '' | ternary('some', 'nothing') }} → nothing
    """
    if value is None and none_val is not None:
        return none_val
    return true_val if value else false_val


def mandatory(value: Any, msg: str | None = None) -> Any:
    """Return a value unchanged; refuse an undefined one with the message ``msg``.

    {{ 'web' | mandatory('tag the instance with Name') }} → web
    """
    if isinstance(value, Undefined) and msg is not None:
        raise ValueError(msg)
    return defined(value)


def _boolean(value: Any) -> bool:
    text = printable(value).lower()
    if text not in _BOOLEANS:
        raise ValueError(f"not a boolean: write one of {', '.join(_BOOLEANS)}")
    return _BOOLEANS[text]


def _text(value: Any) -> str:
    """Convert a value that JSON has no type for, such as a date from YAML."""
    return value.isoformat() if isinstance(value, date) else printable(value)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")
