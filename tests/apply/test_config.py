from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from ec2facts.apply.config import check_config, load_config
from ec2facts.apply.config_keys import OUTPUT_KEYS, TOP_KEYS, documentation, json_schema
from ec2facts.apply.outputs import EnvOptions, Output
from ec2facts.errors import ConfigError
from ec2facts.install.file import File
from ec2facts.render.env_formats import FORMATS
from ec2facts.render.template.search import find_template
from ec2facts.render.tree import TREE_FORMATS


def load(directory: Path, text: str, *, name: str = "ec2facts.yaml") -> list[Output]:
    (directory / name).write_text(text)
    return load_config(directory / name)


def test_path_and_format_are_enough_for_an_output(tmp_path: Path) -> None:
    (output,) = load(tmp_path, "outputs: [{path: facts, format: yaml}]")

    assert output._replace(search_path=(), base=Path()) == Output(File(tmp_path / "facts"), "yaml")


@pytest.mark.parametrize("name", [*TREE_FORMATS, *FORMATS])
def test_every_format_is_accepted(tmp_path: Path, name: str) -> None:
    (output,) = load(tmp_path, f"outputs: [{{path: x, format: {name}}}]")

    assert output.format == name


def test_every_key_sets_its_field_of_the_output(tmp_path: Path) -> None:
    (output,) = load(
        tmp_path,
        """
        include: user_data
        outputs:
          - path: /run/env
            format: sh
            include: [identity_credentials]
            mode: 0640
            owner: root
            group: 12
            check: sh -n {}
            check_suffix: .sh
            check_live: "true"
            command: systemctl restart app
            time_limit: 1.5
            together: app
            backup: true
            in_place: yes
            follow: false
            only: tags.*
            prefix: MY_
            separator: __
            export: true
            skip_unrepresentable: true
            allow_partial: true
            prune: true
            parents: true
            when: region == "us-east-1"
        """,
    )

    assert output._replace(search_path=(), base=Path()) == Output(
        File(
            Path("/run/env"),
            mode=0o640,
            owner="root",
            group="12",
            check="sh -n {}",
            check_suffix=".sh",
            check_live="true",
            command="systemctl restart app",
            time_limit=1.5,
            together="app",
            backup=True,
            in_place=True,
            follow=False,
            prune=True,
            parents=True,
        ),
        "sh",
        include=("identity_credentials", "user_data"),
        only=("tags.*",),
        env=EnvOptions("MY_", "__", export=True, skip_unrepresentable=True),
        allow_partial=True,
        when='region == "us-east-1"',
    )


def test_every_field_has_a_key_and_the_documentation_names_it() -> None:
    computed = {"content", "secret", "remove", "file", "search_path", "base", "env", "variables", "shared_variables"}
    fields = {*File._fields, *EnvOptions._fields, *Output._fields} - computed

    assert fields | {"vars", "vars_files"} == OUTPUT_KEYS.keys()
    assert [key for key in (*OUTPUT_KEYS, *TOP_KEYS) if f"    {key} " not in documentation()] == []


def test_json_schema_has_every_key_with_its_meaning() -> None:
    schema = json_schema()

    outputs = schema["properties"]["outputs"]["items"]["properties"]
    assert {name: value["description"] for name, value in outputs.items()} == {
        name: key.meaning for name, key in OUTPUT_KEYS.items()
    }
    assert schema["properties"].keys() == TOP_KEYS.keys()


def test_json_and_yaml_accept_their_own_options(tmp_path: Path) -> None:
    (output,) = load(tmp_path, "outputs: [{path: x, format: json, only: [tags, region], under: ec2, tree: false}]")

    assert (output.only, output.under, output.tree) == (("tags", "region"), "ec2", False)


def test_outputs_of_several_configs_are_joined(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(f"outputs: [{{path: {name}.out, format: json}}]")

    outputs = load_config(tmp_path / "b.yaml", tmp_path / "a.yaml")

    assert [output.file.path.name for output in outputs] == ["b.yaml.out", "a.yaml.out"]


def test_missing_names_are_errors_of_check_config_and_not_of_load_config(tmp_path: Path) -> None:
    (tmp_path / "ec2facts.yaml").write_text(
        """outputs:
- {path: a, template: modt}
- {path: b, template: no/thing}
- {path: c, format: json, owner: no-such-user, group: no-such-group}
- {path: d, format: json, owner: root}
- {path: e, template: ./wrong.j2}
- {path: "{{ region | }}", format: json, when: "x ==", for_each: "[1"}
- {path: f, directory: nowhere}
- {path: g, directory: tree}
"""
    )

    (tmp_path / "tree").mkdir()
    for file in ("wrong.j2", "tree/wrong.j2"):
        (tmp_path / file).write_text("\n{% if %}")

    assert len(load_config(tmp_path / "ec2facts.yaml")) == 8
    errors = [str(error) for error in check_config(tmp_path / "ec2facts.yaml")]
    found = [re.sub(" in /.*", "", error.partition("ec2facts.yaml:")[2]) for error in errors]
    assert found[:4] == [
        "2: template: no template 'modt'",
        f"3: template: {tmp_path}/no/thing: no such template",
        "4: owner: there is no user 'no-such-user'",
        "4: group: there is no group 'no-such-group'",
    ]
    assert [error.partition(" ")[0] + error.partition(" ")[2].partition(": ")[0] for error in found[4:]] == [
        "6:template",
        "7:when",
        "7:for_each",
        "7:path",
        "8:directory",
        "9:directory",
    ]
    assert f"{tmp_path}/wrong.j2:2: " in found[4]
    assert f"{tmp_path}/tree/wrong.j2:2: " in found[9]


@pytest.mark.parametrize(
    ("mode", "expected"), [("0644", 0o644), ('"0644"', 0o644), ("644", 0o644), ("0o600", 0o600), ("4755", 0o4755)]
)
def test_mode_is_octal_with_or_without_quotes(tmp_path: Path, mode: str, expected: int) -> None:
    (output,) = load(tmp_path, f"outputs: [{{path: x, format: json, mode: {mode}}}]")

    assert output.file.mode == expected


def test_template_is_found_beside_the_config_by_name_and_by_path(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mine.j2").touch()

    by_name, by_path = load(tmp_path, "outputs: [{path: a, template: mine}, {path: b, template: templates/mine.j2}]")

    found = find_template(str(by_name.template), by_name.search_path)
    assert str(found) == by_path.template == str(tmp_path / "templates" / "mine.j2")


def test_directory_is_read_file_by_file_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / ".#b.yaml").symlink_to("editor@host.1234")
    for name in ("b.yaml", "a.yml", "c.txt", ".b.yaml"):
        (tmp_path / name).write_text(f"outputs: [{{path: {name}.out, format: json}}]")

    outputs = load_config(tmp_path)

    assert [output.file.path.name for output in outputs] == ["a.yml.out", "b.yaml.out"]


class Mistake(NamedTuple):
    """An invalid config, and the error after the name of the file."""

    text: str
    message: str


BEGIN = "outputs:\n- path: x\n  format: sh\n  "

MISTAKES = [
    Mistake("", " there are no outputs"),
    Mistake("outputs: []", " there are no outputs"),
    Mistake("[]", "1: not a mapping; the keys are outputs, include"),
    Mistake("\noutput: []", "2: output: no such key (did you mean 'outputs'?)"),
    Mistake("outputs: {}", "1: outputs: not a list"),
    Mistake("outputs:\n- x", "2: not a mapping; the keys are path, "),
    Mistake("outputs:\n- format: json", "2: path: missing"),
    Mistake("outputs:\n- path: x", "2: an output needs exactly one of template, format, directory"),
    Mistake(
        "outputs:\n- {path: x, format: json, template: motd}", "2: an output needs exactly one of template, format"
    ),
    Mistake("outputs:\n- path: [x]\n  format: json", "2: path: not text"),
    Mistake("outputs:\n- path:\n  format: json", "2: path: has no value"),
    Mistake("outputs:\n- path: x\n  format: xml", "3: format: no format 'xml', choose from json, yaml, sh,"),
    Mistake("outputs: [{format: json, path: ~/x}]", "1: path: ~ is not expanded in '~/x'; write the whole path"),
    Mistake("outputs: [{format: json, path: $HOME/x}]", "1: path: variables of the environment are not expanded in"),
    Mistake("outputs: [{format: json, path: x/}]", "1: path: 'x/' is a directory; name a file in it"),
    Mistake("outputs:\n- path: x\n  format: sh\n  under: x", "4: under: only for the formats json, yaml"),
    Mistake("outputs:\n- path: x\n  template: motd\n  tree: false", "4: tree: only for the formats json, yaml"),
    Mistake("outputs:\n- path: x\n  template: motd\n  only: x", "4: only: only for the formats json, yaml, sh,"),
    Mistake("outputs:\n- path: x\n  format: json\n- format: yaml\n  path: ./x", "4: path: "),
    Mistake(BEGIN + "comand: x", "4: comand: no such key (did you mean 'command'?)"),
    Mistake(BEGIN + "zzz: x", "4: zzz: no such key; the keys are path, "),
    Mistake(BEGIN + "format: sh", "4: format: duplicate key, first on line 3"),
    Mistake(BEGIN + "mode: 0888", "4: mode: '0888' is not octal"),
    Mistake(BEGIN + "mode: 77777", "4: mode: '77777' is not a mode"),
    Mistake(BEGIN + "check: nginx -t", "4: check: the check 'nginx -t' has no {} for the name of the file"),
    Mistake(BEGIN + "owner: 4294967295", "4: owner: no user can have the number 4294967295"),
    Mistake(BEGIN + "group: 99999999999999999999", "4: group: no group can have the number 9999"),
    Mistake(BEGIN + 'check: "true\\0 {}"', "4: check: holds a NUL"),
    Mistake(BEGIN + "check_suffix: /../x.conf", "4: check_suffix: the suffix '/../x.conf' holds a slash"),
    Mistake(BEGIN + 'path: ""', "4: path: "),
    Mistake("outputs: [{format: json, path: ''}]", "1: path: the file name is empty"),
    Mistake("[" * 5000, " nested too deeply"),
    Mistake(BEGIN + "time_limit: -1", "4: time_limit: '-1' is not a number of seconds"),
    Mistake(BEGIN + "time_limit: soon", "4: time_limit: 'soon' is not a number of seconds"),
    Mistake(BEGIN + "backup: maybe", "4: backup: neither true nor false"),
    Mistake(BEGIN + "include: nothing", "4: include: 'nothing' is not a withheld fact"),
    Mistake(BEGIN + "prefix: ''", "4: prefix: an empty prefix"),
    Mistake("outputs:\n- path: x\n  format: sh\n  only: [region, tag.*]", "4: only: no fact matches 'tag.*'"),
    Mistake(
        "outputs:\n- path: x\n  format: sh\n  only: EC2_TAGS_*\n  prefix: MY_",
        "4: only: no fact matches 'EC2_TAGS_*'; ",
    ),
    Mistake("outputs:\n- path: x\n  format: docker\n  export: true", "4: export: export needs the format sh"),
    Mistake("vars: [x]\noutputs: []", "1: vars: not a mapping"),
    Mistake("vars: {region: x}", "1: vars: variable 'region': the name is reserved for a fact; choose another name"),
    Mistake("vars: {item: x}", "1: vars: variable 'item': the name is reserved for the template language"),
    Mistake("vars: {a-b: x}", "1: vars: variable 'a-b': a name has letters"),
    Mistake("vars: {a: !x y}", "1: vars: line 1: the tag !x is not supported"),
    Mistake("vars_files: missing.yaml", "1: vars_files: "),
    Mistake("outputs:\n- {path: x", "2: expected ',' or '}'"),
    Mistake("outputs: !!python/object/apply:os.system [id]", "1: not a mapping; the keys are path"),
    Mistake("a: 1\n---\nb: 2", "2: but found another document"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.message for mistake in MISTAKES])
def test_mistake_is_reported_with_file_line_and_key(tmp_path: Path, mistake: Mistake) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, mistake.text)

    assert str(error.value).startswith(f"{tmp_path}/ec2facts.yaml:{mistake.message}")
    assert error.value.exit_status == 2


def test_error_for_a_second_output_of_a_path_names_the_line_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("x")

    with pytest.raises(ConfigError, match=f":2: path: {tmp_path}/link is already an output, at .*ec2facts.yaml:1"):
        load(tmp_path, "outputs: [{path: x, format: json},\n{path: link, format: json}]")


@pytest.mark.parametrize("content", [b"\xff", b"a: \x00", b"a: \x85\xff"])
def test_config_that_is_not_text_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.yaml").write_bytes(content)

    with pytest.raises(ConfigError, match=r"x\.yaml"):
        load_config(tmp_path / "x.yaml")


def test_missing_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml: No such file or directory"):
        load_config(tmp_path / "missing.yaml")


def test_alias_of_itself_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a mapping"):
        load(tmp_path, "outputs: &a [*a]")


def test_variables_come_from_files_in_order_and_then_from_the_config(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("a: one\nb: one\nc: one\nd: [1, true, null, 2024-01-01]")
    (tmp_path / "two.json").write_text('{"b": "two", "c": "two"}')

    (output,) = load(
        tmp_path,
        """
        vars: {shared: true}
        outputs: [{path: x, template: motd, vars_files: [one.yaml, two.json], vars: {c: config}}]
        """,
    )

    assert output.variables == {"a": "one", "b": "two", "c": "config", "d": [1, True, None, "2024-01-01"]}
    assert output.shared_variables == {"shared": True}


def test_variables_file_that_others_can_change_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open.yaml").write_text("a: 1")
    (tmp_path / "open.yaml").chmod(0o666)

    with pytest.raises(ConfigError, match=r"ec2facts\.yaml:1: vars_files: .*open\.yaml"):
        load(tmp_path, "vars_files: open.yaml\noutputs: [{path: x, format: json}]")


def test_outputs_with_exclusive_conditions_can_share_a_path(tmp_path: Path) -> None:
    outputs = load(
        tmp_path,
        "outputs: [{path: x, format: json, when: tags is defined}, {path: x, format: yaml, when: tags is undefined}]",
    )

    assert [output.format for output in outputs] == ["json", "yaml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a directory")
@pytest.mark.parametrize("changed", ["directory", "file"])
def test_config_of_another_user_is_refused(tmp_path: Path, changed: str) -> None:
    config = tmp_path / "d" / "a.yaml"
    config.parent.mkdir()
    config.write_text("outputs: [{path: x, format: json}]")
    os.chown(config if changed == "file" else config.parent, 12345, 12345)

    for path in (config, config.parent):
        with pytest.raises(ConfigError, match="belongs to user 12345, who can change it: give it to root"):
            load_config(path)


def test_config_that_everybody_can_write_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "a.yaml"
    config.write_text("outputs: [{path: x, format: json}]")
    config.chmod(0o666)

    with pytest.raises(ConfigError, match=r"a\.yaml: everybody can write to .*/a\.yaml, which belongs to"):
        load_config(config)
