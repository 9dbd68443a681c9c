"""The logger ``ec2facts``."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from ec2facts import IMDSClient, crawl, instances
from ec2facts.imds import Simulator

SECRETS = ("wJalrXUtnFEMI", "AQAE", "EXAMPLEKEY")
"""Parts of the placeholder credentials, and the start of each token."""


def test_requests_are_logged_at_debug_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ec2facts")

    with Simulator(instances.load("plain")) as url:
        crawl(IMDSClient(url, max_rate=0), include=["iam_security_credentials"])

    messages = [record.getMessage() for record in caplog.records if record.name == "ec2facts"]
    assert "GET meta-data/instance-id: HTTP 200, 19 bytes" in messages
    assert [message for message in messages if any(secret in message for secret in SECRETS)] == []


def test_wait_is_logged_at_info_when_it_begins_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ec2facts")
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with Simulator(instances.load("plain"), faults=["status=503@#1-2"]) as url:
        client = IMDSClient(url, attempts=1, wait=60, clock=lambda: now[0], sleep=sleep)
        client.get("meta-data/mac")

    first, last = (record.getMessage() for record in caplog.records if record.name == "ec2facts")
    assert first == f"waiting up to 60 s for {url}: no token (HTTP 503)"
    assert last == f"{url} answers after 2 s"


def test_program_without_logging_does_not_import_it() -> None:
    script = "import sys; from ec2facts.log import log; log('info', 'x'); sys.exit('logging' in sys.modules)"

    assert subprocess.run([sys.executable, "-S", "-c", script], check=False, env={"PYTHONPATH": "."}).returncode == 0
