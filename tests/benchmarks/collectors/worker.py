"""One collector in its own process and environment.

``python -m tests.benchmarks.collectors.worker MODULE`` prints the collector's version, then answers each line of JSON
on standard input with one on standard output: the time of a collection, and its peak memory if it was traced. The
collector can reach only loopback.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
import tracemalloc
from typing import Any

LOOPBACK = "127.0.0.1"


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse, as an audit hook, all connections and look-ups except to 127.0.0.1: collectors are foreign code."""
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else LOOPBACK  # other families are local
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host != LOOPBACK:
        raise PermissionError(f"a collector tried to reach {host}")


def main(name: str) -> None:
    """Answer until standard input ends."""
    sys.addaudithook(refuse)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # for the output of a collector
    module_name, _, function = name.partition(":")
    collector = importlib.import_module(f"tests.benchmarks.collectors.{module_name}")
    collect = getattr(collector, function or "collect")
    print(json.dumps(collector.version()), file=answers, flush=True)
    for line in sys.stdin:
        url, traced = json.loads(line)
        gc.collect()
        if traced:
            tracemalloc.start()
        start = time.perf_counter()
        collected = collect(url)
        seconds = time.perf_counter() - start
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        del collected
        print(json.dumps([seconds, peak]), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
