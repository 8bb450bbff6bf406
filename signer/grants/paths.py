"""Paths of a grants table: templates with slots, what they open, and items inside them.

A template is ``/literal/{slot}/*`` (everything below a directory, and the only place where ``*``
may stand) or ``/literal/{slot}/file.pdf`` (one file). Slots fill whole segments, so no value can
reach into the segment beside it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, unquote

from signer.errors import GrantError, excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_KEY_BYTES: Final = 1024
"""Longest object key in S3 ("Naming Amazon S3 objects")."""

SLOT_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What may fill a slot."""

_SLOT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})\}")
# The rest of what a URL path may hold raw is written raw by some clients and escaped by others,
# and a Resource is compared byte by byte.
_LITERAL = re.compile(r"[A-Za-z0-9._~ -]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HOSTILE_ITEM = (
    (_CONTROL, "item_control", "a control character or a lone surrogate"),
    (re.compile(r"[*?]"), "item_wildcard", "* or ?, which are wildcards in a policy"),
    (re.compile(r"%"), "item_percent", "%; give the plain name, not one encoded for a URL"),
    (re.compile(r"\\"), "item_backslash", "a backslash"),
)


class Segment(NamedTuple):
    """One segment of a template: text as it stands in a URL, or the name of a slot."""

    text: str
    is_slot: bool


class PathTemplate(NamedTuple):
    """A checked path of a grants table.

    Attributes:
        segments: The segments, without the ``*``.
        is_directory: True when it opens everything below the segments, False for one file.
    """

    segments: tuple[Segment, ...]
    is_directory: bool

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the slots, in order."""
        return tuple(segment.text for segment in self.segments if segment.is_slot)

    @property
    def opens_everything(self) -> bool:
        """True for ``/*``."""
        return self.is_directory and not self.segments

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the literal directory (ending in a slash) or file, slots filled."""
        filled = [values[name] if is_slot else name for name, is_slot in self.segments]
        return "".join(f"/{text}" for text in filled) + ("/" if self.is_directory else "")

    def is_filled(self, text: str) -> bool:
        """Tell whether a text is this template with its slots filled."""
        segments = (
            text.removesuffix("/").split("/")[1:] if self.is_directory else text.split("/")[1:]
        )
        return (
            text.startswith("/")
            and text.endswith("/") == self.is_directory
            and len(segments) == len(self.segments)
            and all(
                SLOT_VALUE.fullmatch(given) if is_slot else given == name
                for given, (name, is_slot) in zip(segments, self.segments, strict=True)
            )
        )

    def overlaps(self, other: PathTemplate) -> bool:
        """Tell whether, as cookie paths, both may be sent with one request.

        A browser sends a cookie to its path and to everything below it (RFC 6265, section 5.1.4);
        a slot may hold anything.
        """
        return all(
            one == another or one.is_slot or another.is_slot
            for one, another in zip(self.segments, other.segments, strict=False)
        )

    def __str__(self) -> str:
        """Show the template as in the file."""
        shown = (f"{{{name}}}" if is_slot else unquote(name) for name, is_slot in self.segments)
        return "".join(f"/{text}" for text in shown) + ("/*" if self.is_directory else "")


def read_path(text: str) -> PathTemplate:
    """Read a grant's path.

    Raises:
        GrantError: ``grants_path``: not a template as described above.
    """
    if text.endswith("/") and text != "/":
        raise _path_error("ends in /", "end it in /* for a directory, or in a file name")
    parts = _parts(text)
    is_directory = parts[-1] == "*"
    return _template(parts[:-1] if is_directory else parts, is_directory=is_directory)


def read_cookie_path(text: str, path: PathTemplate) -> PathTemplate:
    """Read a cookie path that contains a grant's path.

    Raises:
        GrantError: ``grants_cookie_path``: not a directory that contains the path, or one that
            leaves out a slot, so that two viewers' cookies would meet.
    """
    if text == "/":
        given = PathTemplate((), is_directory=True)
    elif text.endswith("/"):
        given = _template(_parts(text[:-1]), is_directory=True)
    else:
        raise GrantError("grants_cookie_path", "is not a directory", advice="end it in /")
    length = len(given.segments)
    contained = path.segments[:length] == given.segments
    if not contained or (length == len(path.segments) and not path.is_directory):
        raise GrantError(
            "grants_cookie_path",
            f"does not contain the path {path}",
            advice="name a directory that the path begins with, slots included",
        )
    if given.slots != path.slots:
        raise GrantError(
            "grants_cookie_path",
            "leaves out a slot of the path, so that cookies of two directories would meet",
            advice="keep every slot of the path",
        )
    return given


def encoded_item(item: object) -> str:
    """Return the plain name of an object, relative to a directory, as it stands in a URL.

    Everything but unreserved characters and ``/`` is percent-encoded, as by
    :func:`signer.wire.object_key_path`.

    Raises:
        GrantError: ``item_type``, ``item_empty``, ``item_control``, ``item_wildcard``,
            ``item_percent``, ``item_backslash``, ``item_segment``, ``item_dot_segment``,
            ``item_too_long``.
    """
    if not isinstance(item, str):
        raise GrantError("item_type", f"an item must be a str, not {type(item).__name__}")
    if not item:
        raise GrantError("item_empty", "the item has no name")
    for pattern, code, name in _HOSTILE_ITEM:
        if pattern.search(item):
            raise GrantError(code, f"the item's name contains {name}")
    segments = item.split("/")
    if "" in segments:
        raise GrantError("item_segment", "the item's name begins or ends in /, or contains //")
    # Some systems fold look-alikes: a name of full stops only is never worth the doubt.
    if any(unicodedata.normalize("NFKC", one).strip() in {".", ".."} for one in segments):
        raise GrantError("item_dot_segment", "the item's name has a . or .. segment")
    if len(item.encode()) > MAX_KEY_BYTES:
        raise GrantError("item_too_long", f"the item's name has more than {MAX_KEY_BYTES} bytes")
    return quote(item, safe="/-._~")


def _parts(text: str) -> list[str]:
    if not text.startswith("/"):
        raise _path_error("does not begin with /", "paths begin at the root of the host")
    return text[1:].split("/")


def _template(parts: list[str], *, is_directory: bool) -> PathTemplate:
    template = PathTemplate(tuple(map(_segment, parts)), is_directory)
    if len(set(template.slots)) < len(template.slots):
        raise _path_error("has a slot twice", "use each slot once")
    if len(template.fill(dict.fromkeys(template.slots, "x" * 64))) > MAX_KEY_BYTES:
        raise _path_error("is too long", f"S3 keys have at most {MAX_KEY_BYTES} bytes")
    return template


def _segment(text: str) -> Segment:
    slot = _SLOT.fullmatch(text)
    if slot:
        return Segment(slot[1], is_slot=True)
    if not text:
        raise _path_error("has an empty segment", "write single slashes and a name between them")
    if "*" in text:
        raise _path_error(
            "has a * that is not the whole last segment",
            "* may only stand alone, behind the last /",
        )
    if "{" in text or "}" in text:
        raise _path_error(
            f"has the segment {excerpt(text)}",
            "a slot is a whole segment: letters, digits and _ in braces",
        )
    if text in {".", ".."}:
        raise _path_error("has a . or .. segment", "write the path that remains")
    plain = "".join("_" if _is_letter(character) else character for character in text)
    if not _LITERAL.fullmatch(plain) or text != text.strip():
        raise _path_error(
            f"has the segment {excerpt(text)}",
            "use letters, digits, spaces and - . _ ~; other characters are not sent alike by all "
            "clients",
        )
    if unicodedata.normalize("NFC", text) != text:
        raise _path_error(
            f"has the segment {excerpt(text)}, which is not in composed form (NFC)",
            "type the letters anew",
        )
    return Segment(quote(text, safe="-._~"), is_slot=False)


def _is_letter(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character)[0] in "LMN"


def _path_error(problem: str, advice: str) -> GrantError:
    return GrantError("grants_path", problem, advice=advice)
