"""The facts of the EC2 instance as the grain ``ec2``.

The grain is opt-in, in the minion's configuration::

    ec2facts:
      grains: true

It comes from the file that ec2facts.service writes at boot if that is fresh, else from the metadata service.
"""

from __future__ import annotations

import logging
from typing import Any

__opts__: dict[str, Any]  # set by Salt's loader

log = logging.getLogger(__name__)


def ec2() -> dict[str, Any]:
    """Return the grain ``ec2``, or an empty dict if no service answers."""
    settings = __opts__.get("ec2facts") or {}
    if not settings.get("grains"):
        return {}
    # Every minion loads this module; only one that opted in imports the library.
    from ec2facts.errors import EC2FactsError, NotReadyError, UnavailableError
    from ec2facts.integrations import gathering

    try:
        facts = gathering.boot_facts(max_age=settings.get("max_age", gathering.FRESH))
        if facts is None:
            facts = gathering.gather(endpoint=settings.get("endpoint"), deadline=settings.get("deadline", 5))
    except EC2FactsError as error:
        if isinstance(error, NotReadyError) or not isinstance(error, UnavailableError):
            log.warning("No grain ec2: %s", gathering.message_of(error))
        return {}
    for path, reason in facts["collection"]["unread"].items():
        log.warning("The grain ec2 lacks %s: %s", path, reason)
    return {"ec2": facts}
