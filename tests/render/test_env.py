"""Env files, read by the programs in env_readers."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2facts.collection.unread import Unread
from ec2facts.errors import IncompleteError, UnrepresentableError, UsageError
from ec2facts.metadata.schema import DOCUMENTS
from ec2facts.render.env import ON_EVERY_INSTANCE, render_env, scalars
from ec2facts.render.env_formats import FORMATS
from tests.fuzzing import examples
from tests.render.env_readers import READERS, Program, Variables

CANARY = "executed"
"""The file that hostile values try to create."""

HELD_BY_ALL = [
    "",
    " ",
    "  leading and trailing  ",
    "\ttabs\t",
    "a  b",
    "'",
    "''",
    "it's",
    "'\"'\"'",
    "'\\''",
    '"',
    '"quoted"',
    "'\"",
    "\\",
    "\\\\",
    "C:\\",
    "C:\\new folder\\",
    "'\\",
    "\\'",
    '\\"',
    "\\n\\x41\\u0041",
    "a\\ b",
    f"$(touch {CANARY})",
    f"`touch {CANARY}`",
    f"'; touch {CANARY}; '",
    f"'$(touch {CANARY})'",
    f'"; touch {CANARY}; "',
    f"(touch {CANARY})",
    f"x; touch {CANARY}",
    f"& touch {CANARY} &",
    f"|| touch {CANARY}",
    f"> {CANARY}",
    f"<(touch {CANARY})",
    "$HOME",
    "${HOME}",
    "${HOME:-x}",
    "${",
    "$${",
    "${${HOME}}",
    "${:-$}{",
    "$",
    "$$",
    "$'\\n'",
    "}",
    "~",
    "~root",
    "*",
    "?[a-z]{a,b}",
    "!",
    "!!",
    "^a^b",
    ";",
    "; comment",
    "#",
    "# comment",
    "a # comment",
    "=",
    "a=b",
    "export A=b",
    "-n",
    "%s%n",
    "\r",
    "a\r",
    "a\r\r",
    "\ra",
    "'\r",
    "\x01\x07\x08\x1b\x7f",
    "\x0b\x0c",
    "\x85\xa0\u2028\u2029",
    "\ufeff",
    "é ü ß Ω 日本語",
    "😀",
    "\U0010fffd",
    "\ue000\uf600\uf8ff",
    "012345678901",
    "true",
    "x" * 65000,
]
LINES = ["\n", "a\nb", "a\r\nb", "\\\n", "'\n'", f"'\ntouch {CANARY}\n'", "a\nEC2_EVIL=1", "a\n#\n"]
NONCHARACTERS = ["\ufffe", "a\uffffb", "\ufdd0", "\ufdef", "\U0001fffe", "\U0010ffff"]
LONG = ["x" * 131000, "'" * 131000, "\\" * 131000]
HELD_BY_NONE = ["\0", "a\0b", "\ud800", "a\udfffb"]
HOSTILE = [*HELD_BY_ALL, *LINES, *NONCHARACTERS, *LONG, *HELD_BY_NONE]

REFUSED = {
    "sh": HELD_BY_NONE,
    "systemd": HELD_BY_NONE + NONCHARACTERS,
    "docker": HELD_BY_NONE + LINES + LONG,
    "dotenv": HELD_BY_NONE,
    "fish": HELD_BY_NONE,
    "null": HELD_BY_NONE,
}

every_format = pytest.mark.parametrize("format_name", FORMATS)
every_reader = pytest.mark.parametrize(
    ("format_name", "reader"), [(name, reader) for name in FORMATS for reader in READERS[name]]
)


def read(text: str, format_name: str, reader: str, program: Program) -> Variables:
    """Return the variables that the reader reads from ``text``; fail if it executes any of it."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "variables")
        file.write_bytes(text.encode())
        variables = READERS[format_name][reader](program, file)
        assert not Path(directory, CANARY).exists()
    return variables


@every_reader
def test_reader_reads_every_hostile_value_unchanged(format_name: str, reader: str, program: Program) -> None:
    tags = {str(number): value for number, value in enumerate(HOSTILE)}
    held = {f"EC2_TAGS_{key}": value for key, value in tags.items() if value not in REFUSED[format_name]}

    text = render_env({"tags": tags}, format_name, on_skip=lambda name, reason: None)

    assert read(text, format_name, reader, program) == held


@every_reader
@examples(40)
@given(values=st.lists(st.text() | st.text("'\"\\$`{}:-=#; \t\r\n!\ufffeé😀a0"), min_size=1, max_size=50))
def test_reader_reads_any_value_unchanged(format_name: str, reader: str, program: Program, values: list[str]) -> None:
    skipped: dict[str, str] = {}

    text = render_env({"tags": dict(enumerate(values))}, format_name, on_skip=skipped.__setitem__)

    written = {f"EC2_TAGS_{number}": value for number, value in enumerate(values)}
    assert read(text, format_name, reader, program) == {k: v for k, v in written.items() if k not in skipped}


@every_reader
def test_reader_does_not_read_a_skipped_variable(format_name: str, reader: str, program: Program) -> None:
    hostile_keys = {f"{number}{key}": "\0" for number, key in enumerate(HELD_BY_ALL[:-1] + LINES)}

    text = render_env({"tags": hostile_keys, "last": "read"}, format_name, on_skip=lambda name, reason: None)

    assert read(text, format_name, reader, program) == {"EC2_LAST": "read"}


def test_fish_keeps_the_colons_of_a_path_variable(program: Program) -> None:
    text = render_env({"tags": {"path": "/bin::/sbin:"}}, "fish")

    assert read(text, "fish", "fish", program) == {"EC2_TAGS_PATH": "/bin::/sbin:"}


@every_format
def test_error_names_every_refused_variable_without_its_value(format_name: str) -> None:
    tags = {str(number): f"secret{value}" for number, value in enumerate(HELD_BY_NONE)}

    with pytest.raises(UnrepresentableError) as caught:
        render_env({"tags": tags}, format_name)

    assert list(caught.value.offenders) == ["EC2_TAGS_0", "EC2_TAGS_1", "EC2_TAGS_2", "EC2_TAGS_3"]
    assert "secret" not in str(caught.value)


LONGEST = {
    ("sh", "dash"): "x" * 131065,
    ("fish", "fish"): "x" * 131065,
    ("dotenv", "python-dotenv"): "é" * 65532 + "x",
    ("docker", "docker"): "x" * 65529,
    ("docker", "docker's grammar"): "x" * 65527 + "\r",
}


@pytest.mark.parametrize(("format_name", "reader"), LONGEST)
def test_reader_reads_the_longest_value(format_name: str, reader: str, program: Program) -> None:
    value = LONGEST[format_name, reader]

    text = render_env({"a": value}, format_name)

    assert read(text, format_name, reader, program) == {"EC2_A": value}


@pytest.mark.parametrize(("format_name", "reader"), LONGEST)
def test_value_one_byte_too_long_is_refused(format_name: str, reader: str) -> None:
    value = "x" + LONGEST[format_name, reader]

    with pytest.raises(UnrepresentableError, match="EC2_A: NAME=value is"):
        render_env({"a": value}, format_name)


@pytest.mark.parametrize(
    ("format_name", "reader", "value"),
    [
        ("sh", "dash", "x" * 131066),
        ("fish", "fish", "x" * 131066),
        ("systemd", "systemd", "\ufffe"),
        ("systemd", "systemd", "\ufdd0"),
        ("docker", "docker", "a\nb"),
        ("docker", "docker", "x" * 65530),
        ("docker", "docker", "x" * 65528 + "\r"),
    ],
    ids=lambda value: ascii(value[:9]),
)
def test_reader_cannot_read_a_refused_value(format_name: str, reader: str, value: str, program: Program) -> None:
    encoding = FORMATS[format_name]

    text = encoding.encode("EC2_A", value)

    assert encoding.refusal("EC2_A", value)
    with pytest.raises((OSError, subprocess.CalledProcessError, AssertionError)):
        assert read(text, format_name, reader, program) == {"EC2_A": value}


def test_sh_and_systemd_write_the_same_bytes() -> None:
    facts = {"tags": dict(enumerate(HELD_BY_ALL + LINES + LONG))}

    files = {render_env(facts, format_name) for format_name in ("sh", "systemd")}

    assert len(files) == 1


def test_curated_facts_are_named_by_their_path() -> None:
    facts = {
        "instance_id": "i-0123456789abcdef0",
        "account_id": "012345678901",
        "ami_launch_index": 0,
        "hibernation_configured": False,
        "security_groups": ["default", "web"],
        "product_codes": [],
        "network_interfaces": {
            "0a:ff:ff:ff:ff:01": {"device_number": 0, "subnet_id": "subnet-1", "ipv6s": ["2001:db8::1"]},
            "02:ff:ff:ff:ff:02": {"device_number": 1, "subnet_id": "subnet-2", "ipv6s": []},
        },
        "tags": {"Name": "web 1", "aws:ec2/fleet-id": "fleet-1", "LD_PRELOAD": "/tmp/evil.so"},
        "user_data": {"base64": "H4sI"},
        "meta_data": {"ami-id": "ami-1"},
        "dynamic": {"fws": {"instance-monitoring": "enabled"}},
        "collection": {"withheld": {"user-data": "…"}},
    }

    text = render_env(facts)

    assert text == (
        "EC2_INSTANCE_ID='i-0123456789abcdef0'\n"
        "EC2_ACCOUNT_ID='012345678901'\n"
        "EC2_AMI_LAUNCH_INDEX='0'\n"
        "EC2_HIBERNATION_CONFIGURED='false'\n"
        "EC2_SECURITY_GROUPS_0='default'\n"
        "EC2_SECURITY_GROUPS_1='web'\n"
        "EC2_NETWORK_INTERFACES_0_DEVICE_NUMBER='0'\n"
        "EC2_NETWORK_INTERFACES_0_SUBNET_ID='subnet-1'\n"
        "EC2_NETWORK_INTERFACES_0_IPV6S_0='2001:db8::1'\n"
        "EC2_NETWORK_INTERFACES_1_DEVICE_NUMBER='1'\n"
        "EC2_NETWORK_INTERFACES_1_SUBNET_ID='subnet-2'\n"
        "EC2_TAGS_NAME='web 1'\n"
        "EC2_TAGS_AWS_EC2_FLEET_ID='fleet-1'\n"
        "EC2_TAGS_LD_PRELOAD='/tmp/evil.so'\n"
        "EC2_USER_DATA_BASE64='H4sI'\n"
    )


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_document_is_written_only_by_name(name: str) -> None:
    facts = {"instance_id": "i-1", name: {"Code": "Success", "kernelId": None}}

    texts = render_env(facts), render_env(facts, only=[name])

    assert texts == ("EC2_INSTANCE_ID='i-1'\n", f"EC2_{name.upper()}_CODE='Success'\n")


@every_format
def test_file_without_facts_is_empty(format_name: str) -> None:
    text = render_env({"tags": {}, "security_groups": []}, format_name)

    assert text == ""


FACTS = {
    "instance_id": "i-1",
    "network_interfaces": {"0e:01": {"subnet_id": "subnet-1"}, "0a:02": {"subnet_id": "subnet-2"}},
    "tags": {"Name": "web", "role": "db"},
    "iam_info": {"Code": "Success"},
    "meta_data": {"ami-id": "ami-1"},
}


@pytest.mark.parametrize(
    ("only", "names"),
    [
        (["instance_id"], ["INSTANCE_ID"]),
        (["EC2_INSTANCE_*"], ["INSTANCE_ID"]),
        (["tags.Name"], ["TAGS_NAME"]),
        (["tags"], ["TAGS_NAME", "TAGS_ROLE"]),
        (["EC2_TAGS"], ["TAGS_NAME", "TAGS_ROLE"]),
        (["EC2_TAGS_*", "instance_id", "tags.role"], ["INSTANCE_ID", "TAGS_NAME", "TAGS_ROLE"]),
        (["network_interfaces.0.subnet_id"], ["NETWORK_INTERFACES_0_SUBNET_ID"]),
        (["network_interfaces.1"], ["NETWORK_INTERFACES_1_SUBNET_ID"]),
        (["*.subnet_id"], ["NETWORK_INTERFACES_0_SUBNET_ID", "NETWORK_INTERFACES_1_SUBNET_ID"]),
        (["iam_info", "meta_data.ami-*"], ["IAM_INFO_CODE", "META_DATA_AMI_ID"]),
    ],
    ids=str,
)
def test_only_selects_facts_in_their_order(only: list[str], names: list[str]) -> None:
    text = render_env(FACTS, only=only)

    assert re.findall("^EC2_([A-Z0-9_]+)=", text, re.MULTILINE) == names


def test_error_names_globs_that_match_no_fact_of_any_instance() -> None:
    with pytest.raises(UsageError, match=r"^no fact matches 'tag\.Name', 'EC2_X\*'; "):
        render_env(FACTS, only=["tag.Name", "instance_id", "EC2_X*"])


@pytest.mark.parametrize(
    "glob",
    ["host_id", "EC2_HOST_*", "tags.name", "public_keys.*", "EC2_TAGS_NAME_OF", "*.ipv6s", "network_interfaces.7.mac"],
)
def test_glob_for_an_absent_fact_selects_nothing(glob: str) -> None:
    text = render_env(FACTS, only=["instance_id", glob])

    assert text == "EC2_INSTANCE_ID='i-1'\n"


def test_error_about_a_glob_for_a_withheld_fact_names_the_include_option() -> None:
    facts = {"collection": {"withheld": {"user-data": "included only with --include user_data"}}}

    with pytest.raises(UsageError, match=r"^user_data is withheld, .*'EC2_USER_D\*' .*: included only with --include"):
        render_env(facts, only=["EC2_USER_D*"])


def test_prefix_and_separator_are_written_unchanged() -> None:
    text = render_env(FACTS, prefix="aws_", separator="__", only=["instance_id", "aws_TAGS__*"])

    assert text == "aws_INSTANCE_ID='i-1'\naws_TAGS__NAME='web'\naws_TAGS__ROLE='db'\n"


@pytest.mark.parametrize("prefix", ["", "1_", "A-B_", "A B", "É_", "A=", "A\n", "$(id)"])
def test_invalid_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(UsageError, match="prefix"):
        render_env(FACTS, prefix=prefix)


@pytest.mark.parametrize("separator", ["-", ".", " ", "=", "\n", "ß"])
def test_invalid_separator_is_refused(separator: str) -> None:
    with pytest.raises(UsageError, match="separator"):
        render_env(FACTS, separator=separator)


def test_export_is_written_before_every_variable() -> None:
    text = render_env(FACTS, export=True, only=["tags"])

    assert text == "export EC2_TAGS_NAME='web'\nexport EC2_TAGS_ROLE='db'\n"


@pytest.mark.parametrize("format_name", FORMATS.keys() - {"sh"})
def test_export_is_refused_for_every_other_format(format_name: str) -> None:
    with pytest.raises(UsageError, match=f"not {format_name}"):
        render_env(FACTS, format_name, export=True)


def test_error_about_an_unknown_format_lists_the_formats() -> None:
    with pytest.raises(UsageError, match="no format 'csh', choose from sh, systemd"):
        render_env(FACTS, "csh")


COLLISION = {"instance_id": "i-1", "tags": {"a-b": "1", "c": "2", "a_b": "3", "A.B": "4"}}


def test_error_names_all_facts_that_share_a_variable() -> None:
    with pytest.raises(UnrepresentableError) as caught:
        render_env(COLLISION)

    assert caught.value.offenders == {"EC2_TAGS_A_B": "shared by 'tags.a-b' and 'tags.a_b' and 'tags.A.B'"}


def test_comment_names_each_skipped_variable() -> None:
    text = render_env(COLLISION, on_skip=lambda name, reason: None)

    assert text == "# left out: EC2_TAGS_A_B\nEC2_INSTANCE_ID='i-1'\nEC2_TAGS_C='2'\n"


@every_format
def test_every_format_has_a_description(format_name: str) -> None:
    description = FORMATS[format_name].description

    assert re.fullmatch(r"[^\n]{10,80}[^.\n]", description)


def test_scalars_in_lists_and_network_interfaces_are_named_by_position() -> None:
    facts = {"network_interfaces": {"0a:01": {"device_number": 0, "ipv6s": ["::1"]}}, "monitoring": True, "x": 1.5}

    found = [(scalar.dotted, scalar.value, scalar.text) for scalar in scalars(facts)]

    assert found == [
        ("network_interfaces.0.device_number", 0, "0"),
        ("network_interfaces.0.ipv6s.0", "::1", "::1"),
        ("monitoring", True, "true"),
        ("x", 1.5, "1.5"),
    ]


def test_unread_fact_fails_the_file_only_if_it_is_selected() -> None:
    facts = {**FACTS, "kernel_id": Unread("meta-data/kernel-id", "HTTP 500")}

    with pytest.raises(IncompleteError) as error:
        render_env(facts)

    assert error.value.unread == {"meta-data/kernel-id": "HTTP 500"}
    assert render_env(facts, only=["instance_id"]) == "EC2_INSTANCE_ID='i-1'\n"


@pytest.mark.parametrize("only", [["tags"], ["tags.Name"], ["EC2_TAGS_NAME"], ["EC2_TAGS_*"], ["*"]], ids=str)
def test_glob_for_a_fact_in_an_unread_directory_selects_the_directory(only: list[str]) -> None:
    facts = {**FACTS, "tags": Unread("meta-data/tags/instance/", "HTTP 500")}

    with pytest.raises(IncompleteError):
        render_env(facts, only=only)


@every_format
def test_partial_file_names_unread_facts_in_comments(format_name: str) -> None:
    facts = {"instance_id": "i-1", "tags": Unread("meta-data/tags/instance/", "HTTP 500\nEC2_X=1 \\")}
    told: list[tuple[str, str]] = []

    text = render_env(facts, format_name, on_unread=lambda path, reason: told.append((path, reason)))

    comment = "# unread: meta-data/tags/instance/: HTTP 500\\nEC2_X=1 \\.\n"
    assert text == comment * FORMATS[format_name].has_comments + render_env({"instance_id": "i-1"}, format_name)
    assert told == [("meta-data/tags/instance/", "HTTP 500\nEC2_X=1 \\")]


@every_reader
def test_reader_reads_no_variable_from_a_comment_about_unread_facts(
    format_name: str, reader: str, program: Program
) -> None:
    unread = {str(number): Unread(f"meta-data/{key}", key) for number, key in enumerate(HELD_BY_ALL[:-1] + LINES)}

    text = render_env({"tags": unread, "last": "read"}, format_name, on_unread=lambda path, reason: None)

    assert read(text, format_name, reader, program) == {"EC2_LAST": "read"}


@pytest.mark.parametrize("name", sorted(ON_EVERY_INSTANCE))
def test_partial_file_requires_the_facts_of_every_instance(name: str) -> None:
    facts = {name: Unread("meta-data/x", "HTTP 500"), "hostname": Unread("meta-data/hostname", "HTTP 500")}

    if name in DOCUMENTS:
        assert render_env(facts, on_unread=lambda path, reason: None).startswith("# unread: meta-data/hostname")
    else:
        with pytest.raises(IncompleteError) as error:
            render_env(facts, on_unread=lambda path, reason: None)
        assert error.value.unread == {"meta-data/x": "HTTP 500"}
        assert "--allow-partial" not in str(error.value)


def test_tags_and_withheld_facts_are_not_on_every_instance() -> None:
    assert {"instance_id", "region", "mac"} <= ON_EVERY_INSTANCE
    assert not ON_EVERY_INSTANCE & {"tags", "user_data", "public_ipv4", "iam_info", "iam_security_credentials"}
