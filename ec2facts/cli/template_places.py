"""The default template directories that this user may not search."""

from __future__ import annotations

import os

from ec2facts.cli.streams import warn


def warn_unsearchable() -> None:
    """Warn of each such directory: its templates are not found."""
    from ec2facts.render.template.search import default_search_path, unsearchable

    for directory, reason in unsearchable(default_search_path(os.environ, uid=os.geteuid())).items():
        warn(f"{directory} is not searched for templates: {reason}")
