"""ec2facts in asyncio: blocking calls in threads."""

from __future__ import annotations

import asyncio

from ec2facts import IMDSClient, Snapshot, crawl, facts, instances
from ec2facts.imds import Simulator


def test_one_client_serves_concurrent_crawls() -> None:
    async def both(url: str) -> list[Snapshot]:
        client = IMDSClient(url, max_rate=0)
        return list(await asyncio.gather(*(asyncio.to_thread(crawl, client) for _ in range(2))))

    with Simulator(instances.load("plain")) as url:
        first, second = asyncio.run(both(url))

    assert facts(first) == facts(second) == facts(crawl(instances.load("plain")))
