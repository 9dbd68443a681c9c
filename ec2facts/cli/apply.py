"""Bring many files up to date from one collection of facts, as at boot."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ec2facts.apply.config_keys import documentation, json_schema
from ec2facts.apply.parsers import parse_seconds
from ec2facts.cli.arguments import argument, help_width, path
from ec2facts.cli.install_options import PlanOptions, add_plan_options, exit_status, state_directory
from ec2facts.cli.source_options import SourceOptions, add_source_options, open_source
from ec2facts.cli.streams import say, write_stdout
from ec2facts.cli.template_places import warn_unsearchable
from ec2facts.errors import UsageError

if TYPE_CHECKING:
    from ec2facts.apply.outputs import Output

EXAMPLE = "echo 'outputs: [{path: facts.json, format: json}]' > my.yaml && ec2facts apply my.yaml --diff -q --simulate"

INTERVAL = 5.0
"""Seconds of --watch without a value."""

DEFAULT_CONFIGS = (Path("/etc/ec2facts/ec2facts.yaml"), Path("/etc/ec2facts/ec2facts.d"))


class Options(SourceOptions, PlanOptions):
    configs: list[Path]
    allow_stale: bool
    watch: float | None
    check_config: bool
    config_schema: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = f"{documentation(max(60, help_width()))}\n\n{parser.epilog}".replace("``", "`")
    parser.add_argument(
        "configs",
        nargs="*",
        type=path,
        metavar="CONFIG",
        help="a file that lists outputs, or a directory of such files; repeatable "
        f"(default: {' and '.join(map(str, DEFAULT_CONFIGS))})",
    )
    parser.add_argument(
        "--watch",
        nargs="?",
        const=INTERVAL,
        type=argument(_parse_interval),
        metavar="SECONDS",
        help="keep running, and apply again within SECONDS (default: 5) of a change to a fact that the outputs use; "
        "SIGHUP reloads and applies the configs",
    )
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="only validate the configs, their templates, users and groups; needs no service",
    )
    parser.add_argument(
        "--config-schema", action="store_true", help="only print the JSON Schema of configs, for editors"
    )
    add_plan_options(parser)
    add_source_options(parser)
    parser.add_argument(
        "--allow-stale",
        action="store_true",
        help="use the facts of the last complete run on this instance for facts that cannot be read",
    )


def run(options: Options) -> int:
    """Apply the configs, validate them, or print their schema."""
    if options.config_schema:
        write_stdout((json.dumps(json_schema(), indent=2) + "\n").encode())
        return 0
    from ec2facts.apply.config import check_config, load_config

    configs = options.configs or _default_configs()
    if options.check_config:
        errors = check_config(*configs)
        for error in errors:
            say(f"error: {error}")
        return UsageError.exit_status if errors else 0
    from ec2facts.apply.last_facts import LastFacts
    from ec2facts.apply.run import apply
    from ec2facts.cli.apply_printer import ApplyPrinter

    def load() -> list[Output]:
        return [
            output._replace(
                include=tuple(sorted({*output.include, *options.include})),
                allow_partial=output.allow_partial or options.allow_partial,
            )
            for output in load_config(*configs, may_be_empty=not options.configs)
        ]

    state = state_directory(options)
    name = ":".join(str(config.resolve()) for config in configs)
    warn_unsearchable()
    if options.watch is not None:
        return _watch(options, load, state, name)
    outputs = load()
    if not outputs:  # `ec2facts units install` writes a default config without outputs
        say(f"no outputs in {', '.join(map(str, configs))}")
        return 0
    with open_source(options, settled=False) as source, ApplyPrinter(options) as printer:
        changes = apply(
            outputs,
            source,
            state=state,
            name=name,
            last=LastFacts(state),
            allow_stale=options.allow_stale,
            settle_within=min(options.settle, options.deadline),
            dry_run=options.dry_run,
            observer=printer,
        )
    return exit_status(changes, options)


def _watch(options: Options, load: Callable[[], list[Output]], state: Path, name: str) -> int:
    from ec2facts.apply.last_facts import LastFacts
    from ec2facts.apply.watch import Watch
    from ec2facts.cli.watching import WatchPrinter, watch

    excluded = {
        "--from": options.file is not None,
        "--dry-run": options.dry_run,
        "--exit-code": options.exit_code,
        "--allow-stale": options.allow_stale,
        "--deadline": not math.isinf(options.deadline),
    }
    for option, is_given in excluded.items():
        if is_given:
            raise UsageError(f"{option} cannot be combined with --watch")
    with open_source(options) as source, WatchPrinter(options) as printer:
        return watch(
            lambda wait, notify: Watch(
                load,
                source,
                state=state,
                name=name,
                last=LastFacts(state),
                interval=options.watch or INTERVAL,
                observer=printer,
                wait=wait,
                notify=notify,
            )
        )


def _parse_interval(text: str) -> float:
    try:
        return parse_seconds(text)
    except UsageError as error:
        raise UsageError(f"{error}; put other arguments before --watch") from error


def _default_configs() -> list[Path]:
    """Return the default configs that exist; raise UsageError if none does."""
    configs = [config for config in DEFAULT_CONFIGS if config.exists()]
    if not configs:
        places = " or ".join(map(str, DEFAULT_CONFIGS))
        raise UsageError(f"no config at {places}; name one, or see `ec2facts apply --help` for an example")
    return configs
