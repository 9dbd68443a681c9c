"""The config of ``ec2facts apply``: outputs, in YAML.

    outputs:
      - path: /etc/nginx/conf.d/ec2.conf
        template: nginx-ec2.conf    # a name, or a path that holds a slash
        check_live: nginx -t
        command: systemctl try-reload-or-restart nginx
      - path: app.env               # from the config's own directory, if it is relative
        format: dotenv              # in place of a template: json, yaml, or a format of env files
        skip_unrepresentable: true
      - path: /etc/app/secret.json
        format: json
        include: user_data          # what is withheld otherwise, as in --include; beside outputs, for all of them

An output takes these keys, which mean what the options of ``ec2facts render`` and ``ec2facts env`` mean:

    include                         a name or a list; the file is then 0600 unless mode says otherwise
    mode, owner, group              what is wrong is repaired; mode is octal, with or without quotes
    check, check_suffix             a shell command for the staged file, whose name stands for {}
    check_live                      a shell command for what is installed; if it fails, the old file comes back
    command                         run once, at the end, if any of its files changed
    time_limit                      seconds for each of these commands (60)
    together                        outputs with the same word here change together or not at all
    backup, in_place, follow        true or false; follow: false refuses symbolic links
    only, prefix, separator, export, skip_unrepresentable
                                    for env formats

Names of templates are looked for in ``templates`` beside the config, then where all commands look. A directory
stands for all its files ``*.yaml`` and ``*.yml``, by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ec2facts.apply.config_values import OUTPUT, TOP, Reader
from ec2facts.apply.outputs import Output, Variables
from ec2facts.errors import ConfigError, TemplateError, UsageError
from ec2facts.install.file import File
from ec2facts.render.env import render_env
from ec2facts.render.env_formats import FORMATS
from ec2facts.render.template.search import default_search_path, find_named, list_templates
from ec2facts.text import did_you_mean


def load_config(path: Path) -> list[Output]:
    """Return the outputs of a config file, or of a directory of them; raise ConfigError for the first mistake."""
    files = sorted(filter(_is_config, path.iterdir())) if path.is_dir() else [path]
    outputs: list[Output] = []
    places: dict[str, str] = {}
    for file in files:
        for place, output in _Config(file).outputs():
            target = os.path.realpath(output.file.path)
            if target in places:
                raise place.error("path", f"{output.file.path} is an output already, at {places[target]}")
            places[target] = f"{place.file}:{place.line}"
            outputs.append(output)
    if not outputs:
        raise ConfigError(str(path), "there are no outputs")
    return outputs


def _is_config(file: Path) -> bool:
    return file.suffix in {".yaml", ".yml"} and not file.name.startswith(".")  # as an editor's lock or copy does


class _Place(NamedTuple):
    """Where something stands: what errors begin with."""

    file: Path
    line: int

    def error(self, key: str | None, reason: str) -> ConfigError:
        return ConfigError(str(self.file), reason, line=self.line, key=key)


class _Setting(NamedTuple):
    place: _Place
    value: Any


class _Config:
    """One file, read by its nodes, because these know their lines."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._directory = file.parent
        self._search_path = (
            self._directory / "templates",
            *default_search_path(os.environ, uid=os.geteuid()),
        )

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
        top = self._settings(node, TOP)
        include = top["include"].value if "include" in top else []
        for item in top["outputs"].value if "outputs" in top else []:
            yield self._place(item), self._output(item, include)

    def _output(self, node: yaml.Node, include: list[str]) -> Output:
        settings = self._settings(node, OUTPUT)
        values = {key: setting.value for key, setting in settings.items()}
        place = self._place(node)
        if "path" not in values:
            raise place.error("path", "missing")
        if ("template" in values) == ("format" in values):
            raise place.error(None, "an output takes either a format or a template")
        _check_variables(settings)
        file = {key: value for key, value in values.items() if key in File._fields}
        return Output(
            File(**{**file, "path": self._directory / values["path"]}),
            values.get("format", ""),
            self._template(settings["template"]) if "template" in settings else None,
            tuple(sorted({*include, *values.get("include", ())})),
            self._search_path,
            Variables(**{key: value for key, value in values.items() if key in Variables._fields}),
        )

    def _template(self, setting: _Setting) -> str:
        name: str = setting.value
        try:
            found = (
                self._directory / name if "/" in name else find_named(name, self._search_path, owners={0, os.geteuid()})
            )
        except TemplateError as error:
            raise setting.place.error("template", str(error)) from error
        if found is None:
            advice = did_you_mean(name, (template.name for template in list_templates()))
            searched = ", ".join(map(str, self._search_path))
            raise setting.place.error("template", f"there is no template {name!r} in {searched}{advice}")
        if not found.is_file():
            raise setting.place.error("template", f"there is no template {found}")
        return str(found.absolute())

    def _settings(self, node: yaml.Node, readers: Mapping[str, Reader]) -> dict[str, _Setting]:
        """Return what a mapping says by key; a key that no reader is for is a mistake."""
        if not isinstance(node, yaml.MappingNode):
            raise self._place(node).error(None, f"not a mapping of {', '.join(readers)}")
        settings: dict[str, _Setting] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            place = self._place(key_node)
            if key not in readers:
                hint = did_you_mean(key, readers) or f"; it takes {', '.join(readers)}"
                raise place.error(key, f"no such key{hint}")
            if key in settings:
                raise place.error(key, f"given twice, first in line {settings[key].place.line}")
            try:
                settings[key] = _Setting(place, readers[key](value_node))
            except (ValueError, UsageError) as error:
                raise place.error(key, str(error)) from error
        return settings

    def _place(self, node: yaml.Node) -> _Place:
        return _Place(self._file, node.start_mark.line + 1)


def _check_variables(settings: Mapping[str, _Setting]) -> None:
    """Refuse arguments of env files that mean nothing in this format."""
    format_name = str(settings["format"].value) if "format" in settings else ""
    arguments: dict[str, Any] = {}
    for key in Variables._fields:
        if key in settings:
            place, value = settings[key]
            if format_name not in FORMATS:
                raise place.error(key, f"only for the formats {', '.join(FORMATS)}")
            if key != "skip_unrepresentable":
                arguments[key] = value
                try:
                    render_env({}, format_name, **arguments)
                except UsageError as error:
                    raise place.error(key, str(error)) from error
