"""Notices of what is about to happen to an instance."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple, cast

from ec2facts.metadata.decoders import field, json_object, timestamp


class SpotInstanceAction(NamedTuple):
    """What happens to a Spot Instance at ``time``, an aware UTC datetime."""

    action: Literal["hibernate", "stop", "terminate"]
    time: datetime


def spot_action(body: bytes) -> SpotInstanceAction:
    """Return the action and the time of a JSON object with both."""
    notice = json_object(body)
    return SpotInstanceAction(cast(Any, field(notice, "action")), timestamp(field(notice, "time")))


def notice_time(body: bytes) -> datetime:
    """Return the ``noticeTime`` of a JSON object."""
    return timestamp(field(json_object(body), "noticeTime"))
