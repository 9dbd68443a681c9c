"""The collector class of Ansible's module amazon.aws.ec2_metadata_facts, without the playbook around it."""

from __future__ import annotations

import json
import tempfile
from importlib.metadata import version as version_of
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from urllib.parse import urlsplit

from ansible_collections.amazon.aws.plugins.modules import ec2_metadata_facts


class FailedError(Exception):
    """The module would have failed with this message."""


def version() -> str:
    """Return the versions of the package and of the collection in it."""
    manifest = json.loads((Path(ec2_metadata_facts.__file__).parents[2] / "MANIFEST.json").read_text())
    return f"{version_of('ansible')} (amazon.aws {manifest['collection_info']['version']})"


def collect(url: str) -> dict[str, Any]:
    """Return the facts."""
    assert urlsplit(url).hostname == "127.0.0.1"
    collector = ec2_metadata_facts.Ec2Metadata(
        MODULE,
        ec2_metadata_token_uri=f"{url}/latest/api/token",
        ec2_metadata_uri=f"{url}/latest/meta-data/",
        ec2_metadata_instance_tags_uri=f"{url}/latest/meta-data/tags/instance",
        ec2_sshdata_uri=f"{url}/latest/meta-data/public-keys/0/openssh-key",
        ec2_userdata_uri=f"{url}/latest/user-data/",
        ec2_dynamicdata_uri=f"{url}/latest/dynamic/",
    )
    assert "169.254" not in repr(vars(collector))
    facts: dict[str, Any] = collector.run()
    return facts


def _fail(**why: Any) -> NoReturn:
    raise FailedError(why["msg"])


MODULE = SimpleNamespace(
    params={"metadata_token_ttl_seconds": 60}, tmpdir=tempfile.gettempdir(), warn=lambda _: None, fail_json=_fail
)
"""The part of an AnsibleModule that the class uses, with the default parameters."""
