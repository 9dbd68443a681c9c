"""The facts by the names of Ansible's module amazon.aws.ec2_metadata_facts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

PREFIX = "ansible_ec2_"

LISTS = {"security-groups", "security-group-ids"}
"""Bodies whose lines the module joins with commas."""


def amazon_names(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``facts``, which need the service's tree, by the names of amazon.aws.ec2_metadata_facts.

    A name is the path with ``_`` for ``/``, ``-`` and ``:``. A JSON object is text, and each of its values has a name
    too. Absent and withheld facts are left out, where that module returns the text "None" and the secrets.
    """
    if not facts:
        return {}
    metadata = dict(facts.get("meta_data", {}))
    keys = metadata.pop("public-keys", {})
    values = {**dict(_leaves(metadata, "")), **dict(_leaves(facts.get("dynamic", {}), ""))}
    tags = facts.get("tags", {})
    values["instance_tags_keys"] = list(tags)
    values["instance_tags"] = dict(tags)
    if "openssh-key" in keys.get("0", {}):
        values["public-key"] = keys["0"]["openssh-key"]
    renamed = {"iam_role_name": "iam-instance-profile-role", "region": "placement-region", "user_data": "user-data"}
    values.update({theirs: facts[ours] for ours, theirs in renamed.items() if ours in facts})
    return {PREFIX + name.replace("-", "_").replace(":", "_"): value for name, value in values.items()}


def _leaves(tree: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    """Yield the name and the value of every leaf of the tree, and of every member of a JSON object."""
    for key, value in tree.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value.keys() != {"base64"}:
            yield from _leaves(value, f"{name}-")
            continue
        yield name, value.replace("\n", ",") if key in LISTS else value
        for member, inner in _json_object(value).items():
            yield f"{name}:{member.lower()}", inner


def _json_object(value: Any) -> dict[str, Any]:
    try:
        document = json.loads(value)
    except (ValueError, TypeError):
        return {}
    return document if isinstance(document, dict) else {}
