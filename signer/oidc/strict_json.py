"""JSON objects as security documents have to be read: one meaning or none.

RFC 7515, section 4 and RFC 7519, section 4 allow a parser to refuse members that are named twice.
It must: the first of two readers may take the first ``exp`` and the second the last.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final

# RFC 8259, section 8.2: half of a surrogate pair is no character, and no UTF-8 can carry it on.
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def read_object(text: bytes | str) -> dict[str, object] | None:
    """Return the JSON object, or None for anything else.

    Refused are also members named twice, numbers that are not finite, halves of characters, and
    what is not UTF-8; so every object returned can be written as JSON again.
    """
    try:
        if isinstance(text, bytes):
            # Not left to json.loads, which would detect UTF-16 and UTF-32 too.
            text = text.decode("utf-8")
        found: object = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        if _SURROGATE.search(text):
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _refuse_constant(_name: str) -> object:
    raise ValueError


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number
