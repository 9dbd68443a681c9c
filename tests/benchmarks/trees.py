"""The served trees: shipped instances, and one with any number of leaves."""

from __future__ import annotations

from ec2facts import instances
from ec2facts.imds.snapshot import Snapshot
from ec2facts.imds.source import PUBLIC_KEYS

MACS = "meta-data/network/interfaces/macs/"
TAGS = "meta-data/tags/instance/"
CREDENTIALS = "security-credentials"
ROLES = f"meta-data/iam/{CREDENTIALS}/"
"""The only directory of credentials that is listed, for the name of the role."""


def leaves(tree: Snapshot) -> set[str]:
    """Return the paths of the values that a collector should read: all except credentials."""
    return {path for path in tree.bodies if path and not path.endswith("/") and CREDENTIALS not in path.split("/")}


def requested(tree: Snapshot) -> set[str]:
    """Return every path that a complete collection requests, including listed paths that are absent."""
    paths = {path for path in (*tree.bodies, *tree.gaps) if path and CREDENTIALS not in path.split("/")}
    return paths | {"api/token", "user-data"} | ({ROLES} & tree.bodies.keys())


def grown(count: int) -> Snapshot:
    """Return the plain instance with ``count`` leaves: more network interfaces, and tags for the rest.

    Listings are derived from the leaves, except for public keys, whose lines are not the names of children.
    """
    plain, busy = instances.load("plain"), instances.load("busy")
    mac = busy.bodies["meta-data/mac"].decode()
    interface = {path[len(MACS + mac) :]: body for path, body in busy.bodies.items() if path.startswith(MACS + mac)}
    values = {path: body for path, body in interface.items() if not path.endswith("/")}
    bodies = {path: body for path, body in plain.bodies.items() if path == PUBLIC_KEYS or not path.endswith("/")}
    room = count - len(leaves(plain))
    for number in range(room // len(values)):
        mac = f"0e:ff:{number >> 8:02x}:{number & 255:02x}:53:2b"
        bodies.update({MACS + mac + path: body for path, body in values.items()})
        bodies[f"{MACS}{mac}/mac"] = mac.encode()
        bodies[f"{MACS}{mac}/device-number"] = str(number + 1).encode()
    for number in range(room % len(values)):
        bodies[f"{TAGS}tag-{number}"] = b"value"
    return Snapshot(bodies, plain.gaps)
