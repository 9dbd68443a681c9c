"""cloud-init's data source Ec2: its crawl, as at boot of an instance on AWS."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from cloudinit.sources.DataSourceEc2 import CloudNames, DataSourceEc2
from cloudinit.version import version_string


class Led(DataSourceEc2):  # type: ignore[misc]  # cloud-init has no stubs
    """The data source on AWS, regardless of the hardware."""

    cloud_name = CloudNames.AWS


def version() -> str:
    """Return the version."""
    return str(version_string())


def collect(url: str) -> dict[str, Any]:
    """Return the crawled metadata."""
    assert urlsplit(url).hostname == "127.0.0.1"
    Led.metadata_urls = [url]
    source = Led({"datasource": {"Ec2": {"metadata_urls": [url]}}}, None, None)
    assert source.ds_cfg["metadata_urls"] == [url]
    crawled: dict[str, Any] = source.crawl_metadata()
    if not crawled:  # it logs the error and tries the next data source
        raise RuntimeError("cloud-init rejected the data source")
    return crawled
