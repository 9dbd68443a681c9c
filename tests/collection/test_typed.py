from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from ec2facts import EC2Metadata, facts, instances
from ec2facts.collection.names import TREES
from ec2facts.collection.typed import FactsDict, NetworkInterfaceFacts, PublicKeyFacts
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.documents import InstanceIdentityDocumentDict
from ec2facts.metadata.instance import NetworkInterface, PublicKey
from tests.collection import typed_facts


def test_types_equal_the_declarations() -> None:
    assert typed_facts.FILE.read_text(encoding="utf-8") == typed_facts.written(), (
        "run `python -m tests.collection.typed_facts`"
    )


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (FactsDict, [*attributes(EC2Metadata), *TREES]),
        (NetworkInterfaceFacts, [*attributes(NetworkInterface)]),
        (PublicKeyFacts, [*attributes(PublicKey)]),
    ],
)
def test_every_fact_has_a_type(typed: Any, names: list[str]) -> None:
    assert list(typed.__annotations__) == names


@pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 cannot evaluate the types, only type checkers do")
@pytest.mark.parametrize("name", instances.names())
def test_facts_of_an_instance_have_their_types(name: str) -> None:
    everything = facts(instances.load(name), include=("meta-data/", "dynamic/", "user_data"))

    hints = get_type_hints(FactsDict)

    assert {key: value for key, value in everything.items() if not conforms(value, hints[key])} == {}


def conforms(value: Any, hint: Any) -> bool:
    """Whether a value of the facts conforms to a type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if hint is InstanceIdentityDocumentDict:  # whose privateIp is null on an instance with IPv6 alone
        return isinstance(value, dict) and "instanceId" in value
    if hasattr(hint, "__required_keys__"):
        keys = get_type_hints(hint)
        return isinstance(value, dict) and all(conforms(value[key], keys[key]) for key in keys if key in value)
    if origin is dict:
        return isinstance(value, dict) and all(conforms(each, arguments[1]) for each in value.values())
    if origin is list:
        return isinstance(value, list) and all(conforms(each, arguments[0]) for each in value)
    if arguments:  # the members of a union
        return any(conforms(value, argument) for argument in arguments)
    return type(value) is hint


def test_type_checker_knows_the_facts_and_finds_a_mistyped_name(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from typing import cast\n"
        "from ec2facts import FactsDict, Snapshot, facts\n"
        "everything = cast(FactsDict, facts(Snapshot({})))\n"
        "reveal_type(everything['tags'])\n"
        "reveal_type(next(iter(everything['network_interfaces'].values()))['subnet_id'])\n"
        "everything['instance_idea']\n"
    )

    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(program)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, encoding="utf-8", timeout=300)

    assert 'Revealed type is "dict[str, str]"' in done.stdout.replace("builtins.", "")
    assert 'Revealed type is "str"' in done.stdout.replace("builtins.", "")
    assert 'has no key "instance_idea"' in done.stdout
