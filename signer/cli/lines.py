"""Arguments that may also come from standard input, a line each."""

from __future__ import annotations

import sys


def read_lines(given: tuple[str, ...]) -> list[str]:
    """Return the arguments, with the lines of standard input in place of ``-``."""
    lines: list[str] = []
    for one in given:
        if one == "-":
            lines += [line.strip() for line in sys.stdin if line.strip()]
        else:
            lines.append(one)
    return lines
