from __future__ import annotations

import pytest

from ec2facts.imds.snapshot import Snapshot
from ec2facts.metadata import EC2Metadata, PublicKey


def instance(**bodies: bytes) -> EC2Metadata:
    return EC2Metadata(source=Snapshot({f"meta-data/public-keys/0/{name}": body for name, body in bodies.items()}))


@pytest.mark.parametrize("key", ["ssh-ed25519 AAAA my-key\n", "ssh-ed25519 AAAA my-key", ""])
def test_key_is_as_served_its_newline_kept(key: str) -> None:
    parent = EC2Metadata(source=Snapshot({"meta-data/public-keys/0/openssh-key": key.encode()}))

    assert PublicKey(0, parent).openssh_key == key


def test_key_that_is_listed_and_not_there_is_none() -> None:
    parent = EC2Metadata(source=Snapshot({"meta-data/public-keys/": b"0=my-key"}))

    assert parent.public_keys["my-key"].openssh_key is None


def test_representation_is_the_call_that_makes_one() -> None:
    assert repr(PublicKey(0, EC2Metadata(source=Snapshot({})))) == "PublicKey(0)"


def test_keys_are_equal_where_index_and_parent_are() -> None:
    first, second = EC2Metadata(source=Snapshot({})), EC2Metadata(source=Snapshot({}))

    assert PublicKey(0, first) == PublicKey(0, first)
    assert len({PublicKey(0, first), PublicKey(0, first)}) == 1
    assert PublicKey(0, first) != PublicKey(1, first)
    assert PublicKey(0, first) != PublicKey(0, second)


def test_index_is_known() -> None:
    assert PublicKey(3, EC2Metadata(source=Snapshot({}))).index == 3
