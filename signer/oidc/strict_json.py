"""JSON objects as security documents have to be read: one meaning or none.

RFC 7515, section 4 and RFC 7519, section 4 allow a parser to refuse members that are named twice.
It must: the first of two readers may take the first ``exp`` and the second the last.
"""

from __future__ import annotations

import json


def read_object(text: bytes | str) -> dict[str, object] | None:
    """Return the JSON object, or None for anything else.

    Refused are also members named twice, ``NaN`` and ``Infinity``, and what is not UTF-8.
    """
    try:
        if isinstance(text, bytes):
            # Not left to json.loads, which would detect UTF-16 and UTF-32 too.
            text = text.decode("utf-8")
        found: object = json.loads(
            text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
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
