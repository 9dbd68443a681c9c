"""The keys of a config of ``ec2facts apply``, with their meanings and values.

The parser, the documentation and the JSON Schema of configs are built from them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from ec2facts.apply.parsers import (
    parse_file,
    parse_group,
    parse_include,
    parse_owner,
    parse_seconds,
)
from ec2facts.errors import UsageError
from ec2facts.install.settings import parse_check, parse_mode, parse_suffix
from ec2facts.render.env_formats import FORMATS
from ec2facts.render.tree import TREE_FORMATS

Shape = Literal["text", "texts", "boolean", "mapping", "outputs"]
"""The shape of a value: text, text or a list of texts, true or false, a mapping, the list of outputs."""

OUTPUT_FORMATS = (*TREE_FORMATS, *FORMATS)
"""The formats of outputs without a template."""


class Key(NamedTuple):
    """One key of a config: its meaning, the shape of its value, the parser of a text, and limits for editors."""

    meaning: str
    shape: Shape = "text"
    parse: Callable[[str], Any] = str
    limits: Mapping[str, Any] = MappingProxyType({})
    """Keywords of JSON Schema for a text."""


def _parse_format(text: str) -> str:
    if text not in OUTPUT_FORMATS:
        raise UsageError(f"no format {text!r}, choose from {', '.join(OUTPUT_FORMATS)}")
    return text


def _parse_path(text: str) -> str:
    # A shell expands these; here they would become part of the file name.
    if text.startswith("~"):
        raise UsageError(f"~ is not expanded in {text!r}; write the whole path")
    if "$" in text:
        raise UsageError(f"variables of the environment are not expanded in {text!r}; write the whole path")
    return parse_file(text)


_NUMBERS = {"type": ["string", "number"]}

OUTPUT_KEYS: Mapping[str, Key] = {
    "path": Key(
        "the file to write, relative to the directory of the config; each {{expression}} yields one path component",
        parse=_parse_path,
    ),
    "template": Key("the template to render: a name, or a path with a slash"),
    "directory": Key(
        "a directory to install at path instead: files that end in .j2 are rendered and lose the suffix, others are "
        "copied"
    ),
    "exclude": Key("globs of files in directory to skip", "texts"),
    "format": Key(
        f"the format to write instead of a template: {', '.join(OUTPUT_FORMATS)}",
        parse=_parse_format,
        limits={"enum": list(OUTPUT_FORMATS)},
    ),
    "include": Key(
        "the withheld facts to include; the file then has mode 0600 unless mode is set", "texts", parse_include
    ),
    "only": Key("globs of the facts to write, such as tags.*; not for templates", "texts"),
    "under": Key("the key to write the facts under; only for json and yaml"),
    "tree": Key("whether to write meta_data and dynamic (default: true); only for json and yaml", "boolean"),
    "prefix": Key("the prefix of each name (default: EC2_); only for env formats"),
    "separator": Key("the text between the parts of a name (default: _); only for env formats"),
    "export": Key("whether to export each variable; only for sh", "boolean"),
    "skip_unrepresentable": Key("whether to leave out values that the env format cannot hold", "boolean"),
    "allow_partial": Key("whether to write the file without facts that could not be read", "boolean"),
    "vars": Key("variables of the template, by name", "mapping"),
    "vars_files": Key("YAML or JSON files with variables of the template; the last one wins, vars overrides", "texts"),
    "when": Key("an expression over facts and variables; if it is false, the output is skipped"),
    "for_each": Key(
        "an expression for a list or a mapping; each item becomes one file, and path and template can use item and key"
    ),
    "prune": Key("whether to remove the file when the config no longer asks for it", "boolean"),
    "parents": Key("whether to create missing directories, with mode 0755 and the owner of the file", "boolean"),
    "mode": Key(
        "the permissions of the file, in octal, with or without quotes",
        parse=parse_mode,
        limits={"type": ["string", "integer"]},
    ),
    "owner": Key("the owner of the file, by name or number", parse=parse_owner, limits={"type": ["string", "integer"]}),
    "group": Key("the group of the file, by name or number", parse=parse_group, limits={"type": ["string", "integer"]}),
    "check": Key("a shell command that checks a copy of the new file, named {}, before the install", parse=parse_check),
    "check_suffix": Key("the suffix of the name of the copy for check, such as .conf", parse=parse_suffix),
    "check_live": Key("a shell command that checks the installed file; if it fails, the old file is restored"),
    "command": Key("a shell command to run after files have changed, once for all outputs that name it"),
    "time_limit": Key(
        "the seconds after which a check or command is killed (default: 60)", parse=parse_seconds, limits=_NUMBERS
    ),
    "together": Key("the name of a group of outputs, which change together or not at all"),
    "backup": Key("whether to keep the old file as PATH~", "boolean"),
    "in_place": Key("whether to write into the existing file, such as a mount point; not atomic", "boolean"),
    "follow": Key("whether to follow a symbolic link at the path (default: true)", "boolean"),
}
"""The keys of an output."""

CONTENT_KEYS = ("template", "format", "directory")
"""The keys for the content; an output has exactly one of them."""

TOP_KEYS: Mapping[str, Key] = {
    "outputs": Key("the list of outputs", "outputs"),
    "include": Key("the withheld facts to include in every output", "texts", parse_include),
    "vars": Key(
        "variables of every template; a template that ships with ec2facts gets only those it declares", "mapping"
    ),
    "vars_files": Key("YAML or JSON files with variables of every template; the last one wins", "texts"),
}
"""The keys of a config."""

_EXAMPLE = """\
outputs:
  - path: /etc/nginx/conf.d/ec2.conf
    template: nginx-ec2.conf
    check_live: nginx -t
    command: systemctl try-reload-or-restart nginx
  - path: app.env
    format: dotenv
    skip_unrepresentable: true
  - path: /etc/app/secret.json
    format: json
    include: user_data
"""


def documentation(width: int = 120) -> str:
    """Return the reference of the config's keys, as text for the terminal and for Markdown."""
    return "\n".join(
        [
            textwrap.indent(_EXAMPLE, "    "),
            "Keys of an output:\n",
            *_described(OUTPUT_KEYS, width),
            "\nKeys of the config:\n",
            *_described(TOP_KEYS, width),
            "\nA template is looked up by name in ``templates`` beside the config, then in the default directories.",
            "A directory of configs means its files ``*.yaml`` and ``*.yml``, in the order of their names.",
        ]
    )


def _described(keys: Mapping[str, Key], width: int) -> list[str]:
    indent = max(map(len, OUTPUT_KEYS)) + 6
    return [
        textwrap.fill(key.meaning, width, initial_indent=f"    {name}".ljust(indent), subsequent_indent=" " * indent)
        for name, key in keys.items()
    ]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a config, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The config of ec2facts apply",
        **_object(TOP_KEYS),
    }


def _object(keys: Mapping[str, Key], **more: Any) -> dict[str, Any]:
    properties = {name: {"description": key.meaning, **_value(key)} for name, key in keys.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def _value(key: Key) -> dict[str, Any]:
    text = {"type": "string", **key.limits}
    if key.shape == "texts":
        return {"anyOf": [text, {"type": "array", "items": text}]}
    if key.shape == "outputs":
        either = [{"required": [key]} for key in CONTENT_KEYS]
        return {"type": "array", "items": _object(OUTPUT_KEYS, required=["path"], oneOf=either)}
    return text if key.shape == "text" else {"type": "boolean" if key.shape == "boolean" else "object"}
