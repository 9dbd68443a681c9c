"""Configs of ``ec2facts apply``: YAML files that list outputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ec2facts.apply.config_keys import CONTENT_KEYS, OUTPUT_KEYS, TOP_KEYS, Key
from ec2facts.apply.expansion import EXPRESSION, check_directory
from ec2facts.apply.outputs import EnvOptions, Output
from ec2facts.apply.variables import check_variables, plain_value, read_variables
from ec2facts.errors import ConfigError, EC2FactsError, UsageError
from ec2facts.install.file import File
from ec2facts.install.settings import group_number, user_number
from ec2facts.render.env import render_env
from ec2facts.render.env_formats import FORMATS
from ec2facts.render.template.search import SUFFIX, default_search_path
from ec2facts.render.tree import TREE_FORMATS
from ec2facts.text import did_you_mean
from ec2facts.trust import trace

_TREE_ONLY = ("under", "tree")

_COPIED = ("format", "include", "only", "under", "tree", "allow_partial", "when", "for_each", "exclude")
"""Keys that are copied to the field of the same name of an Output."""


def load_config(*paths: Path, may_be_empty: bool = False) -> list[Output]:
    """Return the outputs of configs, each a file or a directory of files; raise ConfigError for the first mistake.

    A config without outputs is an error unless it ``may_be_empty``.
    A missing template, user or directory fails its output, not the config; ``check_config`` finds it.
    """
    outputs = [output for _, output in _outputs(paths)]
    if not outputs and not may_be_empty:
        raise ConfigError(", ".join(map(str, paths)), "there are no outputs")
    return outputs


def check_config(*paths: Path) -> list[ConfigError]:
    """Return an error for each missing template, directory, user or group, and for each syntax error."""
    return [error for place, output in _outputs(paths) for error in _errors(place, output)]


def _outputs(paths: Sequence[Path]) -> list[tuple[_Place, Output]]:
    found: list[tuple[_Place, Output]] = []
    places: dict[str, str] = {}
    for file in _files(paths):
        for place, output in _Config(file).outputs():
            target = os.path.realpath(output.file.path)
            if target in places and output.when is None:  # outputs of one path may exclude each other
                raise place.error("path", f"{output.file.path} is already an output, at {places[target]}")
            places[target] = f"{place.file}:{place.line}"
            found.append((place, output))
    return found


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        for file in sorted(filter(_is_config, path.iterdir())) if path.is_dir() else [path]:
            _refuse_untrusted(file)
            yield file


def _refuse_untrusted(file: Path) -> None:
    """Raise ConfigError if other users can change a config: its commands run as this user."""
    try:
        reason = trace(file, content=True).reason
    except OSError as error:
        reason = error.strerror or str(error)
    if reason is not None:
        raise ConfigError(str(file), reason)


def _is_config(file: Path) -> bool:
    return file.suffix in {".yaml", ".yml"} and not file.name.startswith(".")  # skips the lock files of editors


def _errors(place: _Place, output: Output) -> Iterator[ConfigError]:
    for key, check, value in _checks(output):
        if value is not None:
            try:
                check(str(value))
            except EC2FactsError as error:
                yield place.error(key, str(error))


def _checks(output: Output) -> Iterator[tuple[str, Callable[[str], object], Any]]:
    """Yield the key, the check and the value of each setting that can fail on this machine."""
    from ec2facts.render.template.environment import check_expression, check_template

    check = partial(check_template, search_path=output.search_path)
    yield "template", check, output.template
    if output.directory is not None:
        yield "directory", check_directory, output.directory
        yield from (("directory", check, file) for file in sorted(output.directory.rglob(f"*{SUFFIX}")))
    yield "when", check_expression, output.when
    yield "for_each", check_expression, output.for_each
    yield from (("path", check_expression, match[1].strip()) for match in EXPRESSION.finditer(output.path))
    yield "owner", user_number, output.file.owner
    yield "group", group_number, output.file.group


class _Place(NamedTuple):
    """The file and line of a node, for errors."""

    file: Path
    line: int

    def error(self, key: str | None, reason: str) -> ConfigError:
        return ConfigError(str(self.file), reason, line=self.line, key=key)


class _Setting(NamedTuple):
    place: _Place
    value: Any


class _Config:
    """One file, read as YAML nodes, which have line numbers."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._directory = file.parent
        self._search_path = (self._directory / "templates", *default_search_path(os.environ, uid=os.geteuid()))

    def outputs(self) -> Iterator[tuple[_Place, Output]]:
        """Yield every output and its place."""
        try:
            node = yaml.compose(self._file.read_bytes(), yaml.SafeLoader)
        except OSError as error:
            raise ConfigError(str(self._file), error.strerror or str(error)) from error
        except RecursionError as error:
            raise ConfigError(str(self._file), "nested too deeply") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or " ".join(str(error).split())
            raise ConfigError(str(self._file), reason, line=mark and mark.line + 1) from error
        if node is None:
            return
        top = self._settings(node, TOP_KEYS)
        include = top["include"].value if "include" in top else ()
        shared = self._variables(top)
        for item in top["outputs"].value if "outputs" in top else []:
            output = self._output(item)
            included = tuple(sorted({*include, *output.include}))
            yield self._place(item), output._replace(include=included, shared_variables=shared)

    def _output(self, node: yaml.Node) -> Output:
        settings = self._settings(node, OUTPUT_KEYS)
        values = {key: setting.value for key, setting in settings.items()}
        place = self._place(node)
        if "path" not in values:
            raise place.error("path", "missing")
        if sum(key in values for key in CONTENT_KEYS) != 1:
            raise place.error(None, f"an output needs exactly one of {', '.join(CONTENT_KEYS)}")
        _check_format_options(settings)
        file = {key: value for key, value in values.items() if key in File._fields}
        options = {key: value for key, value in values.items() if key in _COPIED}
        return Output(
            File(**{**file, "path": self._directory / values["path"]}),
            **options,
            template=self._template(values["template"]) if "template" in values else None,
            directory=self._directory / values["directory"] if "directory" in values else None,
            variables=self._variables(settings),
            path=values["path"] if "{{" in values["path"] else "",
            base=self._directory,
            env=EnvOptions(**{key: value for key, value in values.items() if key in EnvOptions._fields}),
            search_path=self._search_path,
        )

    def _template(self, name: str) -> str:
        return str((self._directory / name).absolute()) if "/" in name else name

    def _variables(self, settings: Mapping[str, _Setting]) -> dict[str, Any]:
        variables: dict[str, Any] = {}
        for key in ("vars_files", "vars"):
            if key in settings:
                place, value = settings[key]
                try:
                    for each in value if key == "vars_files" else [value]:
                        variables.update(self._read_variables(each) if key == "vars_files" else each)
                    check_variables(variables)
                except UsageError as error:
                    raise place.error(key, str(error)) from error
        return variables

    def _read_variables(self, name: str) -> dict[str, Any]:
        _refuse_untrusted(self._directory / name)
        return read_variables(self._directory / name)

    def _settings(self, node: yaml.Node, keys: Mapping[str, Key]) -> dict[str, _Setting]:
        """Return the settings of a mapping by key; raise ConfigError for an unknown or duplicate key."""
        if not isinstance(node, yaml.MappingNode):
            raise self._place(node).error(None, f"not a mapping; the keys are {', '.join(keys)}")
        settings: dict[str, _Setting] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            place = self._place(key_node)
            if key not in keys:
                hint = did_you_mean(key, keys) or f"; the keys are {', '.join(keys)}"
                raise place.error(key, f"no such key{hint}")
            if key in settings:
                raise place.error(key, f"duplicate key, first on line {settings[key].place.line}")
            try:
                settings[key] = _Setting(place, _read(keys[key], value_node))
            except (ValueError, UsageError) as error:
                raise place.error(key, str(error)) from error
        return settings

    def _place(self, node: yaml.Node) -> _Place:
        return _Place(self._file, node.start_mark.line + 1)


def _read(key: Key, node: yaml.Node) -> Any:
    """Return the value of a node; raise ValueError or UsageError for a value that is invalid for the key."""
    if key.shape == "boolean":
        if node.tag != "tag:yaml.org,2002:bool":
            raise ValueError("neither true nor false")
        return str(node.value).lower() in {"true", "yes", "on"}
    if key.shape == "outputs":
        return _items(node)
    if key.shape == "mapping":
        if not isinstance(node, yaml.MappingNode):
            raise ValueError("not a mapping")
        return plain_value(node)
    if key.shape == "texts":
        nodes = [node] if isinstance(node, yaml.ScalarNode) else _items(node)
        return tuple(key.parse(_text(each)) for each in nodes)
    return key.parse(_text(node, takes_null=bool(key.limits.get("enum"))))


def _text(node: yaml.Node, *, takes_null: bool = False) -> str:
    # The text in the file, not YAML's value: to YAML, 0644 is octal, "0644" is text, and 644 is another number.
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("not text")
    if node.tag == "tag:yaml.org,2002:null" and not (takes_null and node.value):  # null is also a format
        raise ValueError("has no value")
    text: str = node.value
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text


def _items(node: yaml.Node) -> list[yaml.Node]:
    if not isinstance(node, yaml.SequenceNode):
        raise ValueError("not a list")
    items: list[yaml.Node] = node.value
    return items


def _check_format_options(settings: Mapping[str, _Setting]) -> None:
    """Raise ConfigError for an option that the format does not have, or a value that render_env refuses."""
    format_name = str(settings["format"].value) if "format" in settings else ""
    _check_formats(settings, EnvOptions._fields, FORMATS, format_name)
    _check_formats(settings, _TREE_ONLY, TREE_FORMATS, format_name)
    _check_formats(settings, ["only"], [*TREE_FORMATS, *FORMATS], format_name)
    if format_name in FORMATS:
        arguments: dict[str, Any] = {}
        for key in ("prefix", "separator", "export", "only"):
            if key in settings:
                place, arguments[key] = settings[key]
                try:
                    render_env({}, format_name, **arguments)
                except UsageError as error:
                    raise place.error(key, str(error)) from error


def _check_formats(
    settings: Mapping[str, _Setting], keys: Collection[str], formats: Collection[str], format_name: str
) -> None:
    for key in keys:
        if key in settings and format_name not in formats:
            raise settings[key].place.error(key, f"only for the formats {', '.join(formats)}")
