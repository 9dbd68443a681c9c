"""The types of the facts, made from the declarations; ``python -m tests.collection.typed_facts`` writes them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from ec2facts.metadata import documents
from ec2facts.metadata.descriptor import Resource, attributes
from ec2facts.metadata.instance import EC2Metadata, NetworkInterface, PublicKey

FILE = Path(__file__).parent.parent.parent / "ec2facts" / "collection" / "typed.py"

_IN_JSON = {
    "bytes": "str | Base64Facts",
    "datetime": "str",
    "InstanceTags": "dict[str, str]",
    "NetworkInterface": "NetworkInterfaceFacts",
    "PublicKey": "PublicKeyFacts",
    "SpotInstanceAction": "SpotInstanceActionFacts",
    "Mapping": "dict",
}
"""The types of the Python API that have another type in the facts."""

_HEAD = '''"""The types of the facts, for type checkers and editors; made from the declarations, not written by hand."""

from __future__ import annotations

from typing import Any, TypedDict

from ec2facts.metadata.documents import (
    {documents},
)


class Base64Facts(TypedDict):
    """Bytes that are not UTF-8."""

    base64: str


class SpotInstanceActionFacts(TypedDict):
    """The action that interrupts a Spot Instance, and its ISO 8601 time."""

    action: str
    time: str


class CollectionFacts(TypedDict):
    """The withheld and the unread paths, each with the reason."""

    withheld: dict[str, str]
    unread: dict[str, str]
'''


def written() -> str:
    """Return the module."""
    parts = [
        _typed_dict("NetworkInterfaceFacts", "One network interface in the facts.", NetworkInterface),
        _typed_dict("PublicKeyFacts", "One public key in the facts.", PublicKey),
        _typed_dict("FactsDict", "The facts of one instance. A value that the instance lacks has no key.", EC2Metadata),
    ]
    trees = '''    meta_data: dict[str, Any]
    """The service's own tree below ``meta-data/``, as served."""
    dynamic: dict[str, Any]
    """The service's own tree below ``dynamic/``, as served."""
    collection: CollectionFacts
    """The withheld and the unread paths."""
'''
    body = "".join(parts) + trees
    used = sorted(name for name in vars(documents) if re.search(rf": .*\b{name}\b", body) and name.endswith("Dict"))
    text = _HEAD.format(documents=",\n    ".join(used)) + body
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(FILE), "-"]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout


def _typed_dict(name: str, sentence: str, kind: type[Resource]) -> str:
    lines = [f'\n\nclass {name}(TypedDict, total=False):\n    """{sentence}"""\n\n']
    for key, attribute in attributes(kind).items():
        type_name = attribute.type_name.replace(" | None", "")
        type_name = re.sub(r"\w+", lambda word: _IN_JSON.get(word[0], word[0]), type_name)
        lines.append(f'    {key}: {type_name}\n    """{attribute.__doc__}"""\n')
    return "".join(lines)


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
