"""Where a viewer may be sent after log-in: a path on this host, and nothing else.

``/auth/login?return_to=`` is in the hands of whoever wrote the link. Every browser reads an
address by the URL standard of WHATWG, which forgives much: two slashes, a slash and a backslash,
a tab in the middle, or a missing slash all leave the host. So this does not look for what is bad:
it takes a small set of characters and shapes, and refuses the rest.
"""

from __future__ import annotations

import re
from typing import Final

from signer.errors import RequestError

MAX_RETURN_TO: Final = 1024

# Segments that are not empty, then perhaps one last slash; encoded characters pass a second look.
_SEGMENT: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})+"
_PATH: Final = re.compile(rf"/(?:{_SEGMENT}(?:/{_SEGMENT})*/?)?")
_QUERY: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")

# What a later decoding would turn into a separator, a control character or an "@": refused, so
# that no program behind the edge can read more into the path than was checked here. %25 followed
# by two digits is one of these in disguise.
_DISGUISED: Final = re.compile(r"%(?:[01][0-9a-f]|7f|2f|5c|40|25[0-9a-f]{2})", re.IGNORECASE)
_CONTROL: Final = re.compile(r"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)
_DOT: Final = re.compile(r"%2e", re.IGNORECASE)
_UNRESERVED: Final = re.compile(r"%(?:2d|5f|7e|3[0-9]|[46][1-9a-f]|[57][0-9a])", re.IGNORECASE)


def safe_return_to(value: str | None, *, default: str = "/") -> str:
    """Return a path, perhaps with a query, to which the viewer may be redirected.

    Args:
        value: What the request asked for; None or nothing when it did not.
        default: What to return in that case.

    Returns:
        The value unchanged. A browser resolves it to this host, whatever its address.

    Raises:
        RequestError: ``return_to``: it is not such a path, it is longer than 1,024 characters, or
            it leads into ``/auth/`` and so perhaps into a circle. Nothing of it is repeated.
    """
    if not value:
        return default
    path, question_mark, query = value.partition("?")
    if (
        len(value) > MAX_RETURN_TO
        or not _PATH.fullmatch(path)
        or _DISGUISED.search(path)
        or _has_dot_segment(path)
        or (question_mark and not _is_plain_query(query))
    ):
        raise RequestError(
            "return_to",
            "return_to is not a plain path on this host",
            advice="give /path or /path?query, percent-encoded, without empty or dot segments",
        )
    if _leads_to_the_issuer(path):
        raise RequestError(
            "return_to",
            "return_to leads back to log-in",
            advice="give the page that the viewer wanted to see",
        )
    return value


def _has_dot_segment(path: str) -> bool:
    return any(part in {".", ".."} for part in _DOT.sub(".", path).split("/"))


def _is_plain_query(query: str) -> bool:
    return bool(_QUERY.fullmatch(query)) and not _CONTROL.search(query)


def _leads_to_the_issuer(path: str) -> bool:
    plain = _UNRESERVED.sub(lambda found: chr(int(found.group()[1:], 16)), path).lower()
    return plain == "/auth" or plain.startswith("/auth/")
