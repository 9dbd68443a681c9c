"""A public key that the instance was launched with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ec2facts.metadata.attributes import Attribute
from ec2facts.metadata.decoders import text
from ec2facts.metadata.part import Part

if TYPE_CHECKING:
    from ec2facts.metadata.instance import EC2Metadata


class PublicKey(Part[int]):
    """The public key at ``index``, of the instance ``parent``, by default of this one."""

    pattern = "meta-data/public-keys/{index}/"
    within = "public_keys."

    def __init__(self, index: int, parent: EC2Metadata | None = None) -> None:
        super().__init__(index, parent)
        self.index = index

    openssh_key = Attribute("openssh-key", text, "Key in OpenSSH's format, its newline kept.", when_absent=None)
