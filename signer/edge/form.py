"""What is refused before a behavior is chosen, because it could be read in two ways.

A signature is worth as much as the agreement between edge and origin on what a URL means. Where
they may disagree, the request is refused instead of interpreted.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from signer.edge.viewer import Arrival

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PATH = re.compile(r'/[!"$->@-~]*')
_QUERY = re.compile(r'[!"$-~]*')
_SECOND_SEPARATOR = re.compile(r"\\|%(?:2f|5c)", re.IGNORECASE)
_DOT_SEGMENTS = frozenset({".", ".."})


def malformed(arrival: Arrival) -> str | None:
    """Return what is wrong with the form of a request; None when nothing is.

    Host and target are joined to the URL that signatures are compared with. Delimiters in the
    host would move the path, and a fragment would hide its end.
    """
    if len(arrival.hosts) != 1 or not arrival.host or not arrival.path.startswith("/"):
        return "The request has no host name or no path."
    if not _HOST.fullmatch(arrival.host):
        return "The Host header is not a host name with an optional port."
    if not _PATH.fullmatch(arrival.path) or not _QUERY.fullmatch(arrival.query):
        return "The URL has a fragment, or characters that must be percent-encoded."
    return None


def ambiguous(raw_path: str) -> bool:
    r"""Tell whether origins may disagree with us on which object a raw path means.

    Some take ``%2f``, ``%5c`` and ``\`` for a slash and some do not; dot segments are resolved
    before or after that, or never, and some servers cut ``;`` and what follows off a segment first.
    """
    if _SECOND_SEPARATOR.search(raw_path):
        return True
    segments = (unquote(part, "latin-1").partition(";")[0] for part in raw_path.split("/"))
    return not _DOT_SEGMENTS.isdisjoint(segments)
