"""Reading a table of a configuration file with errors that name file and field."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, TypeVar

from signer.errors import ConfigurationError, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Part = TypeVar("Part")

_KINDS: dict[type, str] = {str: "a string", bool: "true or false", int: "a whole number"}


class Table:
    """One table of a configuration file, and where it is.

    Every ``take_*`` method marks its key as known; :meth:`finish` refuses the keys that are left.
    """

    def __init__(self, file: Path, values: object, path: str = "") -> None:
        """Wrap a parsed value, which must be a table.

        Raises:
            ConfigurationError: It is something else.
        """
        self.file = file
        self.path = path
        if not isinstance(values, dict):
            raise self._error(path, f"is {_described(values)}, not a table")
        self._values: dict[str, object] = values
        self._known: list[str] = []

    def error(self, key: str, problem: str, *, advice: str = "") -> ConfigurationError:
        """Make the error for one of this table's keys."""
        return self._error(self.field(key), problem, advice=advice)

    def field(self, key: str) -> str:
        """Return the full path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def take_string(self, key: str) -> str:
        """Return a string that must be there."""
        value = self.maybe_string(key)
        if value is None:
            raise self.error(key, "is missing")
        return value

    def maybe_string(self, key: str) -> str | None:
        """Return a string, or None when the key is absent."""
        value = self._take(key)
        if value is None or isinstance(value, str):
            return value
        raise self._type_error(key, value, str)

    def maybe_bool(self, key: str) -> bool | None:
        """Return true or false, or None when the key is absent."""
        value = self._take(key)
        if value is None or isinstance(value, bool):
            return value
        raise self._type_error(key, value, bool)

    def maybe_int(self, key: str) -> int | None:
        """Return a whole number, or None when the key is absent."""
        value = self._take(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise self._type_error(key, value, int)

    def maybe_number(self, key: str) -> float | None:
        """Return a number, or None when the key is absent."""
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        raise self.error(key, f"is {_described(value)}, not a number")

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; empty when the key is absent."""
        value = self._take(key)
        if value is None:
            return ()
        if isinstance(value, list):
            for index, item in enumerate(value):
                if not isinstance(item, str):
                    raise self.error(f"{key}[{index}]", f"is {_described(item)}, not a string")
            return tuple(value)
        raise self.error(key, f"is {_described(value)}, not a list of strings")

    def choice(self, key: str, allowed: Iterable[str]) -> str | None:
        """Return one of the allowed strings, or None when the key is absent."""
        value = self.maybe_string(key)
        choices = tuple(allowed)
        if value is None or value in choices:
            return value
        raise self.error(
            key,
            f"is {excerpt(value)}{_suggestion(value, choices)}",
            advice=f"allowed are: {', '.join(choices)}",
        )

    def table(self, key: str) -> Table | None:
        """Return a table in this table, or None when the key is absent."""
        value = self._take(key)
        return None if value is None else Table(self.file, value, self.field(key))

    def tables(self, key: str) -> list[Table]:
        """Return a list of tables (``[[key]]``); empty when the key is absent."""
        value = self._take(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.error(key, f"is {_described(value)}, not a list of tables ([[{key}]])")
        return [
            Table(self.file, item, f"{self.field(key)}[{index}]")
            for index, item in enumerate(value)
        ]

    def keys(self) -> list[str]:
        """Return all keys of a table whose keys are names chosen by the user."""
        return list(self._values)

    def finish(self) -> None:
        """Refuse every key that nothing has read.

        Raises:
            ConfigurationError: ``configuration_unknown``; suggests the nearest known key.
        """
        for key in self._values:
            if key not in self._known:
                raise self.error(
                    key,
                    f"is not a known setting{_suggestion(key, self._known)}",
                    advice=f"known here are: {', '.join(sorted(set(self._known)))}",
                )

    def _take(self, key: str) -> object:
        self._known.append(key)
        return self._values.get(key)

    def _type_error(self, key: str, value: object, wanted: type) -> ConfigurationError:
        return self.error(key, f"is {_described(value)}, not {_KINDS[wanted]}")

    def _error(self, field: str, problem: str, *, advice: str = "") -> ConfigurationError:
        place = f"{self.file}: {field}" if field else str(self.file)
        return ConfigurationError(
            "configuration_field",
            f"{place}: {problem}",
            advice=advice,
            file=str(self.file),
            field=field,
        )


def located(error: ConfigurationError, table: Table) -> ConfigurationError:
    """Put file and table in front of an error that a part of the model raised."""
    inner = str(error.evidence.get("field", ""))
    field = table.field(inner) if inner else table.path
    problem = error.message.removeprefix(inner).removeprefix(":").strip()
    return ConfigurationError(
        error.code,
        f"{table.file}: {field}: {problem}",
        advice=error.advice,
        file=str(table.file),
        field=field,
    )


def built(part: type[Part], table: Table, settings: Mapping[str, Any]) -> Part:
    """Construct a part of the model from the settings that were given.

    Raises:
        ConfigurationError: The part refuses one; file and table are in front of its error.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    try:
        return part(**given)
    except ConfigurationError as error:
        raise located(error, table) from None


def _suggestion(value: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(value, list(known), n=1, cutoff=0.6)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _described(value: object) -> str:
    """Describe a value by its type; it may be secret."""
    kinds: Mapping[type, str] = {**_KINDS, float: "a number", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time")
