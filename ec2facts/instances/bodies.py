"""The inverse of decoding: the service's bodies for given facts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ec2facts.collection.facts import TREE, facts
from ec2facts.collection.withholding import WITHHELD_NAMES
from ec2facts.errors import UsageError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import PUBLIC_KEYS
from ec2facts.metadata.descriptor import Resource, attributes
from ec2facts.metadata.instance import EC2Metadata, NetworkInterface, PublicKey
from ec2facts.text import did_you_mean

_KEYS = {
    "account_id": "accountId",
    "region": "region",
    "instance_profile_arn": "InstanceProfileArn",
    "instance_profile_id": "InstanceProfileId",
    "rebalance_recommendation": "noticeTime",
}
"""The attributes that are one key of a JSON document."""


def bodies_of(given: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the bodies by path that yield the facts ``given``; an attribute overrides the trees.

    Raises UsageError for an unknown name.
    """
    declared = attributes(EC2Metadata)
    bodies: dict[str, bytes] = {}
    for name in TREE:
        bodies.update(_served(name.replace("_", "-") + "/", given.get(name, {})))
    known = facts(Snapshot(bodies), include=WITHHELD_NAMES)
    for name, value in given.items():
        if name in {*TREE, "collection"} or known.get(name) == value:
            continue
        if name not in declared:
            raise UsageError(f"{name!r} is not a fact{did_you_mean(name, declared)}")
        if name == "network_interfaces":
            _put_interfaces(bodies, known.get(name, {}), value)
        elif name == "public_keys":
            _put_public_keys(bodies, value)
        elif name in {"iam_security_credentials", "identity_credentials"}:
            leaf = "ec2-instance" if name == "identity_credentials" else given.get("iam_role_name", "role")
            _put(bodies, EC2Metadata, "", name, {leaf: value})
        elif name == "iam_role_name" and "iam_security_credentials" in given:
            _put(bodies, EC2Metadata, "", name, {value: given["iam_security_credentials"]})
        elif name == "instance_profile_name":
            arn = _document(bodies, declared[name].path).get("InstanceProfileArn", "")
            prefix = arn.rpartition("/")[0] or "arn:aws:iam::123456789012:instance-profile"
            _put(bodies, EC2Metadata, "", "instance_profile_arn", f"{prefix}/{value}")
        else:
            _put(bodies, EC2Metadata, "", name, value)
    return bodies


def _served(path: str, value: Any) -> Iterator[tuple[str, bytes]]:
    """Yield the bodies at and below ``path`` from a tree of the facts."""
    if isinstance(value, str):
        yield path, value.encode()
    elif value.keys() == {"base64"}:
        yield path, base64.b64decode(value["base64"])
    else:
        directory = path if path.endswith("/") else path + "/"
        if not value and directory.count("/") > 1:
            yield directory, b""
        for name, child in value.items():
            yield from _served(directory + name, child)


def _put(bodies: dict[str, bytes], kind: type[Resource], directory: str, name: str, value: Any) -> None:
    """Set the body, or the bodies below the directory, of one attribute."""
    attribute = attributes(kind)[name]
    path = directory + attribute.path
    if name in _KEYS:
        bodies[path] = _encode({**_document(bodies, path), _KEYS[name]: value})
    elif not path.endswith("/"):
        is_json = attribute.document and not isinstance(value, str)
        bodies[path] = json.dumps(value, indent=2).encode() if is_json else _encode(value)
    else:
        _drop(bodies, path)
        leaves = {value: ""} if isinstance(value, str) else value
        bodies.update({path + leaf: _encode(each) for leaf, each in leaves.items()} or {path: b""})


def _put_interfaces(bodies: dict[str, bytes], known: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    if not given:
        bodies[attributes(EC2Metadata)["network_interfaces"].path] = b""
    for mac in known.keys() - given.keys():
        _drop(bodies, _directory(NetworkInterface, mac))
    for mac, values in given.items():
        directory, before = _directory(NetworkInterface, mac), known.get(mac, {})
        for name, attribute in attributes(NetworkInterface).items():
            if name in before and name not in values:
                _drop(bodies, directory + attribute.path)
        for name, value in {"mac": mac, **values}.items():
            if before.get(name) != value:
                _put(bodies, NetworkInterface, directory, name, value)


def _put_public_keys(bodies: dict[str, bytes], given: Mapping[str, Any]) -> None:
    depth = PUBLIC_KEYS.count("/")
    indexes = sorted({int(path.split("/")[depth]) for path in bodies if path.startswith(PUBLIC_KEYS)})
    if len(indexes) != len(given):
        _drop(bodies, PUBLIC_KEYS)
        indexes = list(range(len(given)))
    for index, values in zip(indexes, given.values()):
        for name, value in values.items():
            _put(bodies, PublicKey, _directory(PublicKey, str(index)), name, value)
    bodies[PUBLIC_KEYS] = "\n".join(f"{index}={name}" for index, name in zip(indexes, given)).encode()


def _directory(kind: type[Resource], key: str) -> str:
    start, _, end = kind.pattern.partition("{")
    return start + key + end.partition("}")[2]


def _drop(bodies: dict[str, bytes], path: str) -> None:
    for each in [each for each in bodies if each == path or (path.endswith("/") and each.startswith(path))]:
        del bodies[each]


def _document(bodies: Mapping[str, bytes], path: str) -> dict[str, Any]:
    return dict(json.loads(bodies.get(path, b"{}")))


def _encode(value: Any) -> bytes:
    """Return the body of a value: text unchanged, a list of texts as lines, a mapping as JSON."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value).encode()
    if isinstance(value, dict) and value.keys() == {"base64"}:
        return base64.b64decode(value["base64"])
    return json.dumps(value, indent=2).encode()
