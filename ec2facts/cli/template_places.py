"""A warning about default template directories."""

from __future__ import annotations

import os

from ec2facts.cli.streams import warn


def warn_unsearchable() -> None:
    """Warn of each default template directory that this user has no permission to search."""
    from ec2facts.render.template.search import default_search_path, unsearchable

    for directory, reason in unsearchable(default_search_path(os.environ, uid=os.geteuid())).items():
        warn(f"{directory} is not searched for templates: {reason}")
