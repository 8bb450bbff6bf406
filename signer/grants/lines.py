"""Where each value of a TOML or JSON file stands, so that an error can name the line.

The parsers of the standard library do not tell. What is scanned here has passed them already, so
it is enough to step over values without checking them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

Place = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_COMMAS = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_KEY = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|[A-Za-z0-9_-]+')
# A multi-line string may end in two quotes of its own before the three that close it.
_VALUE = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')'
    r'|"(?:\\.|[^"\\])*"|\'[^\']*\'|[^,\]}#\n]+',
    re.DOTALL,
)


class Lines:
    """The line of every key and list element of a document.

    Attributes:
        repeated: Places of JSON members that are given twice, which the parser lets pass.
    """

    def __init__(self, text: str, unquote: Callable[[str], str]) -> None:
        """Prepare; :func:`toml_lines` and :func:`json_lines` scan.

        Args:
            text: The document.
            unquote: Returns the name that a key in double quotes stands for.
        """
        self.repeated: Final[list[Place]] = []
        self._text = text
        self._unquote = unquote
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._found: dict[Place, int] = {(): 1}
        self._last: dict[Place, int] = {}

    def line(self, place: Place) -> int:
        """Return the line of a place, or that of the nearest table around it."""
        while place not in self._found:
            place = place[:-1]
        return self._found[place]

    def scan_statements(self) -> None:
        """Scan a TOML document."""
        table: Place = ()
        while self._skip(_BLANK) < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
                # To the end of the line, or of the text where find() returns -1.
                self._at = self._text.find("\n", self._at) % (len(self._text) + 1)

    def scan_value(self, place: Place = ()) -> None:
        """Scan a value: all of a JSON document, or one of TOML's."""
        self._skip(_BLANK)
        opening = self._text[self._at]
        if opening == "{":
            while self._enter() != "}":
                self._pair(place)
                self._at -= 1
            self._at += 1
        elif opening == "[":
            index = 0
            while self._enter() != "]":
                self._note((*place, index))
                self.scan_value((*place, index))
                self._at -= 1
                index += 1
            self._at += 1
        else:
            self._skip(_VALUE)

    def _enter(self) -> str:
        """Step over a bracket or the end of the value before, and return what comes next."""
        self._at += 1
        self._skip(_COMMAS)
        return self._text[self._at]

    def _header(self) -> Place:
        """Scan ``[table]`` or ``[[table]]``, and return the place that it opens."""
        start = self._at
        width = 2 if self._text.startswith("[[", start) else 1
        self._at += width
        self._skip(_SPACE)
        names = self._names()
        self._skip(_SPACE)
        self._at += width
        place: Place = ()
        for position, name in enumerate(names, 1):
            place = (*place, name)
            if position == len(names) and width > 1:
                self._last[place] = self._last.get(place, -1) + 1
            self._found.setdefault(place, self._line_at(start))
            if place in self._last:
                place = (*place, self._last[place])
                self._found.setdefault(place, self._line_at(start))
        return place

    def _pair(self, place: Place) -> None:
        """Scan a key and its value; a dotted key makes tables on its way."""
        start = self._at
        names = self._names()
        for name in names[:-1]:
            place = (*place, name)
            self._found.setdefault(place, self._line_at(start))
        place = (*place, names[-1])
        if place in self._found:
            self.repeated.append(place)
        self._found[place] = self._line_at(start)
        self._skip(_BLANK)
        self._at += 1
        self.scan_value(place)

    def _names(self) -> list[str]:
        names = [self._name()]
        while (dot := _DOT.match(self._text, self._at)) is not None:
            self._at = dot.end()
            names.append(self._name())
        return names

    def _name(self) -> str:
        start = self._at
        raw = self._text[start : self._skip(_KEY)]
        if raw.startswith('"'):
            return self._unquote(raw)
        return raw.strip("'")

    def _note(self, place: Place) -> None:
        self._found.setdefault(place, self._line_at(self._at))

    def _line_at(self, position: int) -> int:
        return bisect_right(self._starts, position)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at
