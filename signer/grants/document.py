"""Reading a grants file strictly, with errors that name line and field."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, NoReturn

from signer.errors import GrantError, excerpt
from signer.grants.lines import Lines, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

_LARGEST_FILE = 1_000_000
_BARE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
    type(None): "null",
}


class Fields:
    """One table of a grants file, and where it is.

    :meth:`allow` names the keys that there may be, before any is read.
    """

    def __init__(self, source: str, lines: Lines, values: object, place: Place = ()) -> None:
        """Wrap a parsed value, which must be a table."""
        self._source = source
        self._lines = lines
        self._place = place
        if not isinstance(values, dict):
            raise self._error(place, f"is {described(values)}, not a table")
        self._values: dict[str, object] = values

    def error(
        self, key: str, problem: str, *, code: str, advice: str = "", index: int | None = None
    ) -> GrantError:
        """Return the error for one of this table's keys, or for an element of a list."""
        place = (*self._place, key) if index is None else (*self._place, key, index)
        return self._error(place, problem, code=code, advice=advice)

    def located(self, key: str, error: GrantError) -> GrantError:
        """Put file, line and field in front of an error about a key's value."""
        return self.error(key, error.message, code=error.code, advice=error.advice)

    @property
    def line(self) -> int:
        """The line on which the table begins."""
        return self._lines.line(self._place)

    def keys(self) -> list[str]:
        """Return all keys of a table whose keys are names that the author chose."""
        return list(self._values)

    def take_string(self, key: str) -> str:
        """Return a text that must be there."""
        value = self.maybe_string(key)
        if value is None:
            raise self.error(key, "is missing", code="grants_missing")
        return value

    def maybe_string(self, key: str) -> str | None:
        """Return a text, or None when the key is absent."""
        value = self.take(key)
        if value is None or type(value) is str:
            return value
        raise self.wrong_kind(key, value, "text")

    def flag(self, key: str) -> bool:
        """Return true or false; false when the key is absent."""
        value = self.take(key)
        if value is None or type(value) is bool:
            return bool(value)
        raise self.wrong_kind(key, value, "true or false")

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """Return one of the allowed texts; the first when the key is absent."""
        value = self.maybe_string(key)
        if value is None or value in allowed:
            return value or allowed[0]
        raise self.error(
            key,
            f"is {excerpt(value)}{suggestion(value, allowed)}",
            code="grants_choice",
            advice=f"allowed are: {', '.join(allowed)}",
        )

    def items(self, key: str) -> list[object] | None:
        """Return the elements of a list; None when the list is absent."""
        value = self.take(key)
        if value is None or isinstance(value, list):
            return value
        advice = f"write [{json.dumps(value)}]" if isinstance(value, str | int) else ""
        raise self.wrong_kind(key, value, "a list", advice=advice)

    def table(self, key: str) -> Fields | None:
        """Return a table in this table, or None when the key is absent."""
        return None if self.take(key) is None else self.only_table(key)

    def only_table(self, key: str) -> Fields:
        """Return a table that must be there."""
        return Fields(self._source, self._lines, self.take(key), (*self._place, key))

    def tables(self, key: str) -> list[Fields]:
        """Return a list of tables (``[[key]]``); empty when the key is absent."""
        return [
            Fields(self._source, self._lines, value, (*self._place, key, index))
            for index, value in enumerate(self.items(key) or ())
        ]

    def take(self, key: str) -> object:
        """Return any value, or None when the key is absent."""
        value = self._values.get(key)
        if value is None and key in self._values:
            raise self.wrong_kind(key, None, "a value; leave the field out")
        return value

    def allow(self, *known: str) -> None:
        """Refuse every other key, so that a misspelt one is not told as one that is missing."""
        for key in self._values:
            if key not in known:
                raise self.error(
                    key,
                    f"is not a known field{suggestion(key, known)}",
                    code="grants_unknown_field",
                    advice=f"known here are: {', '.join(sorted(known))}",
                )

    def wrong_kind(
        self, key: str, value: object, wanted: str, *, index: int | None = None, advice: str = ""
    ) -> GrantError:
        """Return the error for a value of another kind than the one wanted."""
        problem = f"is {described(value)}, not {wanted}"
        return self.error(key, problem, code="grants_type", advice=advice, index=index)

    def _error(
        self, place: Place, problem: str, *, code: str = "grants_type", advice: str = ""
    ) -> GrantError:
        line = self._lines.line(place)
        return _error(self._source, line, field_name(place), problem, code=code, advice=advice)


def read_toml(text: str, source: str) -> Fields:
    """Parse TOML.

    Raises:
        GrantError: ``grants_syntax``.
    """
    lines = Lines(_checked(text, source), lambda raw: str(tomllib.loads(f"k={raw}")["k"]))
    try:
        values = tomllib.loads(text)
        lines.scan_statements()
    except RecursionError:
        _refuse_depth(source)
    except ValueError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        problem = f"is not TOML: {str(error).partition(' (at ')[0]}"
        raise _error(source, line, "", problem, code="grants_syntax") from None
    return Fields(source, lines, values)


def read_json(text: str, source: str) -> Fields:
    """Parse JSON.

    Raises:
        GrantError: ``grants_syntax``; ``grants_duplicate`` for a member given twice.
    """
    lines = Lines(_checked(text, source), lambda raw: str(json.loads(raw)))
    try:
        values = json.loads(text, parse_constant=_no_constant)
        lines.scan_value()
    except RecursionError:
        _refuse_depth(source)
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        problem = f"is not JSON: {error.msg if isinstance(error, json.JSONDecodeError) else error}"
        raise _error(source, line, "", problem, code="grants_syntax") from None
    for place in lines.repeated:
        raise _error(
            source,
            lines.line(place),
            field_name(place),
            "is given twice",
            code="grants_duplicate",
        )
    return Fields(source, lines, values)


def described(value: object) -> str:
    """Describe a value by its kind."""
    return _KINDS.get(type(value), "a date or time")


def suggestion(value: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest known word, or nothing."""
    import difflib  # noqa: PLC0415 - for a table with a mistake in it

    nearest = difflib.get_close_matches(value, list(known), n=1, cutoff=0.6)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def field_name(place: Place) -> str:
    """Write a place as in ``grants[0].when.groups``."""
    name = ""
    for part in place:
        if isinstance(part, int):
            name += f"[{part}]"
        else:
            name += f".{part if _BARE.fullmatch(part) else excerpt(part)}"
    return name.removeprefix(".")


def _checked(text: str, source: str) -> str:
    if not isinstance(text, str):
        raise GrantError("grants_type", f"the grants must be a str, not {type(text).__name__}")
    if len(text) > _LARGEST_FILE:
        raise GrantError("grants_too_large", f"{source} is larger than a megabyte")
    return text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _refuse_depth(source: str) -> NoReturn:
    raise GrantError("grants_syntax", f"{source} is nested too deeply") from None


def _error(
    source: str, line: int, field: str, problem: str, *, code: str, advice: str = ""
) -> GrantError:
    place = f"{source}:{line}: {field}" if field else f"{source}:{line}"
    return GrantError(
        code, f"{place}: {problem}", advice=advice, source=source, line=line, field=field
    )
