"""An oracle that knows what was issued: a request is in order if it presents one of the credentials
exactly, for what that credential covers, in time and from the right address. Everything else is
forged. It shares no code with the library, and checks no signature.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tests.genuine import END, NOW, VIEWER, Genuine

Finding = Literal["in order", "no gain", "forged"]
Sections = tuple[str, str, str, str | None]

_NAMES = ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm")


@dataclass(frozen=True)
class Attempt:
    """A request, with the moment at which it arrives and what was done to it."""

    done: str
    url: str
    cookies: str = ""
    ip: str | None = VIEWER
    now: float = NOW


class Judge:
    """Knows every credential of a pool."""

    def __init__(self, credentials: Iterable[Genuine]) -> None:
        self._issued = {frozenset(one.parameters): one for one in credentials}

    def finding(self, attempt: Attempt) -> Finding:
        """Tell whether the request must be served."""
        if not re.fullmatch("[!-~]*", attempt.url) or "#" in attempt.url:
            return "forged"  # no request line can hold it
        transport, url, pairs = _presented(attempt)
        names = [name for name, _ in pairs]
        finding: Finding = "in order"
        if "Policy" in names and "Expires" in names:
            # An assumption says that Policy counts then: what is added opens nothing.
            pairs = [pair for pair in pairs if pair[0] != "Expires"]
            names = [name for name, _ in pairs]
            finding = "no gain"
        issued = self._issued.get(frozenset(pairs))
        if issued is None or len(names) != len(set(names)) or len(attempt.url) > 8192:
            return "forged"
        granted = (
            _covers(issued, url, transport)
            and (issued.start is None or issued.start < int(attempt.now))
            and attempt.now < END
            and (issued.ip is None or _inside(attempt.ip, issued.ip))
        )
        return finding if granted else "forged"


def _presented(attempt: Attempt) -> tuple[str, str, list[tuple[str, str]]]:
    path, mark, query = attempt.url.partition("?")
    parts = query.split("&") if mark else []
    ours = [part for part in parts if part.split("=", 1)[0] in _NAMES]
    if ours:
        own = [part for part in parts if part.split("=", 1)[0] not in _NAMES]
        url = path + ("?" + "&".join(own) if own else "")
        split = (part.partition("=") for part in ours)
        return "url", url, [(name, value) for name, _, value in split]
    pairs = []
    for item in attempt.cookies.split(";"):
        name, _, value = item.strip(" \t").partition("=")
        if name.startswith("CloudFront-") and name[11:] in _NAMES:
            pairs.append((name[11:], value))
    return "cookies", attempt.url, pairs


def _covers(issued: Genuine, url: str, transport: str) -> bool:
    rest = url.split("?", 1)[0].partition("://")[2].lower()
    path = rest[rest.find("/") :].replace("\\", "/")
    for written, meant in (("%2e", "."), ("%2f", "/"), ("%5c", "/")):
        path = path.replace(written, meant)
    if {".", ".."} & set(path.split("/")):
        return False
    if issued.is_canned:
        return url == issued.url
    if transport == "cookies":
        return bool(re.match("https?://[^/?]*/", url)) and like(issued.resource, url)
    return _covers_by_section(_sections(issued.resource), _sections(url))


def _covers_by_section(pattern: Sections | None, target: Sections | None) -> bool:
    if pattern is None or target is None or target[0] not in {"http", "https"}:
        return False
    if pattern[0] not in {target[0], "http*"}:
        return False
    if not like(pattern[1], target[1]) or not like(pattern[2], target[2]):
        return False
    if pattern[3] is None or target[3] is None:
        return pattern[3] is target[3] or (pattern[2].endswith("*") and pattern[3] is None)
    return like(pattern[3], target[3])


def _sections(url: str) -> Sections | None:
    found = re.match(r"([^:/?]*)://([^/?]*)(/[^?]*)(?:\?(.*))?\Z", url, re.DOTALL)
    return (found[1], found[2], found[3], found[4]) if found else None


def like(pattern: str, text: str) -> bool:
    """Compare with wildcards, column by column: which prefixes of the pattern match the text."""
    row = [True] + [False] * len(text)
    for token in pattern:
        if token == "*":
            reached = False
            for column, value in enumerate(row):
                reached = reached or value
                row[column] = reached
        else:
            row = [False] + [
                row[column] and token in {"?", character} for column, character in enumerate(text)
            ]
    return row[-1]


def _inside(address: str | None, block: str) -> bool:
    network, _, bits = block.partition("/")
    found = re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", address or "")
    if not found or any(len(part) > 1 and part[0] == "0" for part in str(address).split(".")):
        return False
    try:
        value, base = (int(ipaddress.IPv4Address(one)) for one in (str(address), network))
    except ValueError:
        return False
    shift = 32 - int(bits)
    return value >> shift == base >> shift
