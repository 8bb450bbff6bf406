"""The ``Range`` header, as CloudFront treats it.

AWS source: "How CloudFront processes partial requests for an object" (RangeGETs): ranges that are
valid, ascending and do not overlap are answered with 206, anything else with the whole object.
"""

from __future__ import annotations

import re

_RANGES = re.compile(r"bytes=[ \t]*([0-9\-, \t]+)")
_RANGE = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")
_MOST_RANGES = 100


def byte_ranges(header: str, size: int) -> list[tuple[int, int]] | None:
    """Return the ranges to send for a ``Range`` header.

    Args:
        header: Its value.
        size: Length of the object.

    Returns:
        First and last byte of each range, both included; empty when none can be satisfied
        (416); None when the header is not a list of valid, ascending, separate ranges, so that
        the whole object is the answer.
    """
    match = _RANGES.fullmatch(header.strip(" \t"))
    if match is None:
        return None
    wanted: list[tuple[int, int]] = []
    end = -1
    parts = match[1].split(",")
    if len(parts) > _MOST_RANGES:
        return None
    for part in parts:
        bounds = _bounds(part.strip(" \t"), size)
        if bounds is None or bounds[0] <= end:
            return None
        end = bounds[1]
        if bounds[0] < size:
            wanted.append((bounds[0], min(bounds[1], size - 1)))
    return wanted


def forwardable(header: str) -> bool:
    """Tell whether a ``Range`` header goes to an origin whose object size is not known here.

    A suffix (``-500``) alone does; beside others its place is not known, so it does not.
    """
    match = _RANGES.fullmatch(header.strip(" \t"))
    if match is None:
        return False
    parts = [part.strip(" \t") for part in match[1].split(",")]
    if any(part.startswith("-") for part in parts):
        return len(parts) == 1 and _RANGE.fullmatch(parts[0]) is not None and parts[0] != "-"
    return byte_ranges(header, size=10**18) is not None


def _bounds(part: str, size: int) -> tuple[int, int] | None:
    """Return first and last byte of one range; None when it is not one."""
    match = _RANGE.fullmatch(part)
    if match is None or part == "-":
        return None
    first, last = match.groups()
    if not first:
        # A suffix of no bytes cannot be satisfied; of more than there are, it is everything.
        return (max(size - int(last), 0), size - 1) if int(last) and size else (size, size)
    if last and int(last) < int(first):
        return None
    return int(first), int(last) if last else max(size - 1, int(first))
