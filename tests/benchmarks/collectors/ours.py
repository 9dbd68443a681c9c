"""ec2facts itself: the crawl and the facts, without a rate limit."""

from __future__ import annotations

import os
from typing import Any

import ec2facts


def version() -> str:
    """Return the version."""
    return ec2facts.__version__


def collect(url: str) -> dict[str, Any]:
    """Return the facts."""
    return ec2facts.facts(ec2facts.crawl(ec2facts.IMDSClient(url, max_rate=0)))


def collect_first(url: str) -> str:
    """Return the first attribute of the drop-in API."""
    os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = url
    return ec2facts.EC2Metadata().instance_id
