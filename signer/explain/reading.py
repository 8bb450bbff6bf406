"""Reading what arrived with good will: damaged base64, and policies of any shape.

The verifier reads strictly, as the edge does; here the point is to find out what was meant.
"""

from __future__ import annotations

import binascii
import json
import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

Damage = Literal["encoded", "quoted", "white_space", "standard", "url_safe", "unpadded"]

_ABSURD: Final = 10**18  # beyond any date in milliseconds or microseconds
_SPACE: Final = re.compile(r"\s+")
_QUOTES: Final = "\"'"
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]")
_LONE_BACKSLASH: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\\?")
_ALPHABETS: Final = {
    "cloudfront": str.maketrans("-~_", "+/="),
    "url_safe": str.maketrans("-_", "+/"),
}


@dataclass(frozen=True, slots=True)
class ReadBase64:
    """A base64 value as far as it could be read.

    Attributes:
        candidates: What it may decode to, the likeliest first; empty when nothing helps.
        damage: What is wrong with the text, in the order in which it was undone.
    """

    candidates: tuple[bytes, ...]
    damage: tuple[Damage, ...]


def read_base64(text: str) -> ReadBase64:
    """Decode a ``Policy`` or ``Signature`` value, undoing the usual accidents."""
    damage: list[Damage] = []
    if (plain := unquote(text, errors="replace")) != text:
        text = plain
        damage.append("encoded")
    if text and text[0] in _QUOTES and text[0] == text[-1]:
        text = text.strip(_QUOTES)
        damage.append("quoted")
    if _SPACE.search(text):
        text = _SPACE.sub("", text)
        damage.append("white_space")
    if re.search(r"[+=/]", text):
        damage.append("standard")
    if "_" in text.rstrip("_="):
        damage.append("url_safe")
    if len(text) % 4:
        damage.append("unpadded")
    order = ("url_safe", "cloudfront") if "url_safe" in damage else ("cloudfront", "url_safe")
    found = [data for name in order if (data := _decoded(text, name)) is not None]
    return ReadBase64(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(damage)))


def _decoded(text: str, alphabet: str) -> bytes | None:
    body = text.translate(_ALPHABETS[alphabet]).rstrip("=")
    if not body or _NOT_BASE64.search(body) or len(body) % 4 == 1:
        return None
    return binascii.a2b_base64(body + "=" * (-len(body) % 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPolicy:
    """A custom policy, read with good will.

    Attributes:
        text: The JSON text as it arrived.
        resource: Its Resource, if it is a string.
        date_less_than: End, if it can be taken for a number.
        date_greater_than: Start, likewise.
        ip_address: Source address condition, if it is a string.
        statements: Number of statements; None when it is not JSON.
        lone_backslash: The JSON was broken by a backslash before a question mark.
    """

    text: str
    resource: str | None = None
    date_less_than: int | None = None
    date_greater_than: int | None = None
    ip_address: str | None = None
    statements: int | None = None
    lone_backslash: bool = False


def read_policy(data: bytes) -> ReadPolicy:
    """Read a policy document, whatever is wrong with it."""
    text = data.decode("utf-8", errors="backslashreplace")
    document = _json(text)
    repaired = False
    if document is None and _LONE_BACKSLASH.search(text):
        document = _json(_LONE_BACKSLASH.sub(r"\1\\\\?", text))
        repaired = document is not None
    statement = document.get("Statement") if isinstance(document, dict) else None
    several = statement if isinstance(statement, list) else [statement]
    first = several[0] if several else None
    fields = first if isinstance(first, dict) else {}
    condition = fields.get("Condition")
    conditions = condition if isinstance(condition, dict) else {}
    resource = fields.get("Resource")
    address = _inner(conditions.get("IpAddress"), "AWS:SourceIp")
    return ReadPolicy(
        text=text,
        resource=resource if isinstance(resource, str) else None,
        date_less_than=_number(_inner(conditions.get("DateLessThan"), "AWS:EpochTime")),
        date_greater_than=_number(_inner(conditions.get("DateGreaterThan"), "AWS:EpochTime")),
        ip_address=address if isinstance(address, str) else None,
        statements=None if document is None else len(several) if statement is not None else 0,
        lone_backslash=repaired,
    )


def _json(text: str) -> object:
    try:
        document: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document


def _inner(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _number(value: object) -> int | None:
    """Take whole numbers, also quoted or with a fraction, for what they mean."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < _ABSURD else None
