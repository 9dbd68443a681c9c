"""The bare crawler: asyncio, which parses only listings and decodes nothing."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

ROOTS = ("meta-data/", "dynamic/", "user-data")
ROLES = "meta-data/iam/security-credentials/"
IN_FLIGHT = 8
TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds: 21600"
TOKEN_HEADER = "X-aws-ec2-metadata-token: "


def version() -> str:
    """Return the library and its version."""
    return f"asyncio of Python {platform.python_version()}"


def collect(url: str) -> dict[str, bytes]:
    """Return the bodies by path; like ec2facts, skip credentials."""
    return asyncio.run(crawl(url, ROOTS))


def collect_one(url: str) -> dict[str, bytes]:
    """Return only the body of the instance id."""
    return asyncio.run(crawl(url, ["meta-data/instance-id"]))


async def crawl(url: str, roots: Sequence[str]) -> dict[str, bytes]:
    """Return the bodies at and below ``roots``, with at most IN_FLIGHT requests at a time."""
    address = urlsplit(url)
    token = await _request(address.hostname, address.port, "PUT", "api/token", TTL_HEADER)
    header = TOKEN_HEADER + token.decode()
    bodies: dict[str, bytes] = {}
    unasked: asyncio.Queue[str] = asyncio.Queue()
    for root in roots:
        unasked.put_nowait(root)

    async def ask() -> None:
        while True:
            path = await unasked.get()
            bodies[path] = await _request(address.hostname, address.port, "GET", path, header)
            if path.endswith("/") and path != ROLES:
                for line in bodies[path].decode().split("\n"):
                    child = line.partition("=")[0] + "/" if path.endswith("public-keys/") else line
                    if child and (child != "security-credentials/" or path + child == ROLES):
                        unasked.put_nowait(path + child)
            unasked.task_done()

    tasks = [asyncio.create_task(ask()) for _ in range(IN_FLIGHT)]
    await unasked.join()
    for task in tasks:
        task.cancel()
    return bodies


async def _request(host: str | None, port: int | None, method: str, path: str, header: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"{method} /latest/{quote(path)} HTTP/1.1\r\nHost: {host}\r\n{header}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2]
