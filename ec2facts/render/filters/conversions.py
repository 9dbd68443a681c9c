"""Filters that change what a value is: to and from JSON, YAML and base64, booleans, hashes and UUIDs.

Every public function is a filter by its name; see filters.py for the form of the docstrings.
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
    """Write any value as JSON, keys sorted, non-ASCII text as it is.

    ``sort_keys`` and ``ensure_ascii`` say otherwise. It is one line, unless ``indent`` is the number of blanks for
    each depth. ``separators`` are a pair: what stands behind an item, and behind a key.

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
        raise ValueError("JSON has no NaN, no infinity and no value that holds itself") from None
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
    """Write any value as JSON for people, keys sorted, non-ASCII text as it is; the arguments are those of |to_json.

    {{ {'a': [1]} | to_nice_json }} →
        {
            "a": [
                1
            ]
        }
    """
    return to_json(value, indent, sort_keys=sort_keys, ensure_ascii=ensure_ascii, separators=separators)


def from_json(value: Any) -> Any:
    """Read a text as JSON.

    {{ ('{"a": [1, 2]}' | from_json).a | last }} → 2
    """
    try:
        return json.loads(printable(value), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON, from line {error.lineno}, column {error.colno} on") from None


def to_yaml(
    value: Any,
    indent: int = 2,
    *,
    sort_keys: bool = False,
    explicit_start: bool = False,
    width: int | None = None,
    default_flow_style: bool | None = None,
) -> str:
    """Write any value as YAML that reads back equal in YAML 1.1 and 1.2, in the value's own order.

    With ``sort_keys`` keys are sorted, with ``explicit_start`` it begins with ``---``; ``indent`` is the number of
    blanks for each depth. ``default_flow_style`` cannot be true: it is in blocks. ``width`` means nothing: no text is
    folded.

    {{ {'account_id': '012345678901', 'on': true} | to_yaml }} →
        account_id: '012345678901'
        'on': true
    """
    import yaml

    from ec2facts.render.tree import to_yaml as write

    if default_flow_style:
        raise ValueError("YAML is written in blocks here, never in flow style")
    try:
        return write(defined(value), indent=indent, sort_keys=sort_keys, explicit_start=explicit_start)
    except yaml.YAMLError as error:
        refused = error.args[-1]  # of a RepresenterError the object itself
        advice = "; put |list before it" if isinstance(refused, Iterable) and not isinstance(refused, str) else ""
        raise ValueError(f"YAML cannot hold the value{advice}") from error


def to_nice_yaml(value: Any, indent: int = 4, **options: Any) -> str:
    """Write any value as YAML for people; the ``options`` are those of |to_yaml.

    {{ {'a': {'b': 1}} | to_nice_yaml }} →
        a:
            b: 1
    """
    return to_yaml(value, indent, **options)


def from_yaml(value: Any) -> Any:
    """Read a text as YAML. Aliases are refused: with them, a short text can become a huge value.

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
    except (yaml.YAMLError, ValueError):  # of a date that is none, for example
        raise ValueError("not YAML") from None


def b64encode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:  # noqa: FBT001, FBT002 (Ansible's)
    """Write a text, in an ``encoding``, in base64; if it is to be ``urlsafe``, with - and _ in place of + and /.

    {{ 'é' | b64encode }} → w6k=
    """
    text = printable(value)
    try:
        return base64.b64encode(text.encode(encoding), b"-_" if urlsafe else None).decode()
    except UnicodeError:
        raise ValueError(f"{encoding} cannot hold the text") from None


def b64decode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:  # noqa: FBT001, FBT002 (Ansible's)
    """Read a text, in an ``encoding``, from base64, which may be wrapped, and ``urlsafe``.

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
    """Return the digest of a text, by the name of an algorithm in Python's hashlib, in hexadecimal.

    {{ 'a' | hash('sha256') | truncate(8, true, '') }} → ca978112
    """
    if hashtype not in hashlib.algorithms_available:
        raise ValueError(f"no hashtype {hashtype!r}, choose from {', '.join(sorted(hashlib.algorithms_guaranteed))}")
    return hashlib.new(hashtype, printable(value).encode()).hexdigest()


def password_hash(value: Any, hashtype: str = "sha512", salt: str | None = None, rounds: int | None = None) -> str:
    """Hash a password for /etc/shadow, chpasswd or mkpasswd, with sha512 or sha256.

    A ``salt`` is required, up to 16 letters, digits, dots and slashes: with a random one the file would change in
    every run. ``rounds`` is 5000 by default.

    {{ 'secret' | password_hash('sha512', 'NaCl', 1000) | truncate(28, true, '') }} → $6$rounds=1000$NaCl$mXRDeUo/
    """
    password = printable(value)
    if hashtype not in PREFIXES:
        raise ValueError(f"no hashtype {hashtype!r}, choose from {', '.join(PREFIXES)}, or store the finished hash")
    if salt is None or not re.fullmatch("[A-Za-z0-9./]{1,16}", salt):
        raise ValueError("give a salt of up to 16 letters, digits, dots and slashes")
    if rounds is not None and not 1000 <= rounds <= 999_999:
        raise ValueError("rounds are from 1000 to 999999")
    if "\0" in password:
        raise ValueError("a password cannot hold NUL")
    return sha_crypt(password.encode(), hashtype, salt, rounds or DEFAULT_ROUNDS)


def to_uuid(value: Any, namespace: str = "361e6d51-faec-444a-9079-341386da8e2e") -> str:
    """Return the UUID of a text, always the same one, in a ``namespace``, by default Ansible's.

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
    """Write a boolean, or a word such as true, yes, on, 1 and its opposite, as on or off.

    {{ true | onoff }} → on
    """
    return "on" if _boolean(value) else "off"


def yesno(value: Any) -> str:
    """Write a boolean, or a word such as true, yes, on, 1 and its opposite, as yes or no.

    {{ false | yesno }} → no
    """
    return "yes" if _boolean(value) else "no"


def ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    """Choose ``true_val`` or ``false_val`` by whether a value is true; for none ``none_val``, if that is given.

    {{ '' | ternary('some', 'nothing') }} → nothing
    """
    if value is None and none_val is not None:
        return none_val
    return true_val if value else false_val


def mandatory(value: Any, msg: str | None = None) -> Any:
    """Take a value that has to be there; if it is not, ``msg`` says why.

    {{ 'web' | mandatory('tag the instance with Name') }} → web
    """
    if isinstance(value, Undefined) and msg is not None:
        raise ValueError(msg)
    return defined(value)


def _boolean(value: Any) -> bool:
    text = printable(value).lower()
    if text not in _BOOLEANS:
        raise ValueError(f"not a boolean: none of {', '.join(_BOOLEANS)}")
    return _BOOLEANS[text]


def _text(value: Any) -> str:
    """Return the text of what JSON has no kind for: dates, which YAML has."""
    return value.isoformat() if isinstance(value, date) else printable(value)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")
