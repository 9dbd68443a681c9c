"""Facts as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def render_json(facts: Mapping[str, Any]) -> str:
    """Return the facts as one JSON object, in their own order, non-ASCII text as it is.

    Raises ValueError for NaN and infinities, which JSON does not have and no fact is.
    """
    text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
    # A document may say "\ud800". No encoding can write the character, but the escape can be written again.
    return re.sub("[\ud800-\udfff]", lambda lone: f"\\u{ord(lone[0]):04x}", text) + "\n"
