"""Capture what the service answers, to replay it elsewhere."""

from __future__ import annotations

import argparse

from ec2facts.cli.source_options import SourceOptions, add_source_options, open_source, warn_unread
from ec2facts.cli.streams import OutputOptions, add_output_options, write
from ec2facts.collection.crawl import crawl
from ec2facts.errors import IncompleteError

EXAMPLE = "ec2facts snapshot --simulate busy -o busy.json && ec2facts dump --from busy.json"


class Options(SourceOptions, OutputOptions):
    """What this command takes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    add_output_options(parser, default_mode="0600")
    add_source_options(parser)


def run(options: Options) -> None:
    """Do what the command line says."""
    with open_source(options) as source:
        snapshot = crawl(source, include=options.include)
    if snapshot.unread and not options.allow_partial:
        raise IncompleteError(snapshot.unread)
    for path, reason in snapshot.unread.items():
        warn_unread(path, reason)
    write(snapshot.dump(), options, secret=True)
