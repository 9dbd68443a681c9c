"""One collector in a process of its own, in the environment that it is installed in.

``python -m tests.benchmarks.collectors.worker MODULE`` prints the collector's version, then answers each line of
JSON on standard input with one on standard output: how long a collection took, and what it allocated at most if it
was traced. Nothing that it does leaves this machine.
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
    """Refuse, as a hook of sys.addaudithook, to reach or to look up anything but 127.0.0.1: here runs others' code."""
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else LOOPBACK  # the others are not of the Internet
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
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a collector prints
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
