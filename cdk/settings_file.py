"""Reading dataclasses from a TOML file, strictly: by their own names and types."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from signer.errors import ConfigurationError

Section = TypeVar("Section")


def filled(kind: type[Section], told: Mapping[str, Any], folder: Path, prefix: str = "") -> Section:
    """Make a dataclass of a table.

    Args:
        kind: Of texts, numbers, flags, choices, lists of texts, paths, and more such dataclasses.
        told: The table.
        folder: What paths are relative to.
        prefix: In front of the names in errors.

    Raises:
        ConfigurationError: ``stack_setting``: a name is not known, or a value of another type.
    """
    kinds = get_type_hints(kind)
    known = [one.name for one in fields(cast("Any", kind))]
    for name in told:
        if name not in known:
            advice = f"allowed here are: {', '.join(known)}"
            raise wrong(f"{prefix}{name[:64]}", "is not known", advice)
    # A table that is missing is one without settings; a path's default is relative as well.
    missing = {one.name: one for one in fields(cast("Any", kind)) if one.name not in told}
    unsaid: dict[str, Any] = {name: {} for name in missing if is_dataclass(kinds[name])}
    unsaid |= {name: str(one.default) for name, one in missing.items() if kinds[name] is Path}
    given = {
        name: _value(kinds[name], value, folder, f"{prefix}{name}")
        for name, value in {**told, **unsaid}.items()
    }
    return kind(**given)


def wrong(where: str, problem: str, advice: str = "") -> ConfigurationError:
    """Return the error for a setting."""
    return ConfigurationError("stack_setting", f"{where} {problem}", advice=advice, field=where)


def _value(kind: Any, value: object, folder: Path, where: str) -> object:  # noqa: ANN401 - a type
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise wrong(where, "is not a table")
        return filled(cast("type[Any]", kind), value, folder, f"{where}.")
    if get_origin(kind) is types.UnionType:
        kind = next(one for one in get_args(kind) if one is not type(None))
    if kind is Path:
        return folder / cast("str", _plain(str, value, where))
    return _listed(kind, value, where) if get_origin(kind) else _plain(kind, value, where)


def _listed(kind: Any, value: object, where: str) -> object:  # noqa: ANN401 - a type
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise wrong(where, f"is not one of {', '.join(get_args(kind))}")
        return value
    if not (isinstance(value, list) and all(isinstance(one, str) and one for one in value)):
        raise wrong(where, "is not a list of texts")
    return tuple(value)


def _plain(kind: type, value: object, where: str) -> object:
    # bool is an int to Python, but not to whoever wrote it.
    if type(value) is not kind or value == "":
        names = {str: "a text", int: "a whole number", bool: "true or false"}
        raise wrong(where, f"is not {names[kind]}")
    return value
