"""What goes wrong around the request: its length, and the segments of a playlist."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from signer.explain.case import Case
from signer.explain.client_form import as_sent
from signer.explain.finding import Finding, found, shown
from signer.resource import split_url
from signer.wire import MAX_URL_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

_URI: Final = re.compile(r'URI="([^"]+)"')
_MOST_SEGMENTS: Final = 50


def length_findings(case: Case) -> Iterator[Finding]:
    """Measure the URL (48)."""
    length = len(case.url.encode("utf-8", errors="replace"))
    if length > MAX_URL_BYTES:
        yield found(48, f"The URL has {length} bytes; CloudFront accepts {MAX_URL_BYTES}.")


def playlist_findings(case: Case) -> Iterator[Finding]:
    """Judge the URLs that a playlist sends the player to (47)."""
    every = playlist_urls(case.context.playlist or "", case.shown.url)
    urls = [url for url in every if _same_host(case, url)]
    refused = [(url, reason) for url in urls if (reason := _refusal(case, url))]
    if refused:
        url, reason = refused[0]
        yield found(
            47,
            f"{len(refused)} of {len(urls)} URLs in the playlist are refused, "
            f"the first being {shown(url)}: {reason}.",
        )


def playlist_urls(playlist: str, base: str) -> list[str]:
    """Return the absolute URLs in an HLS playlist: segments, keys, variants; 50 at most."""
    found_urls: list[str] = []
    for line in map(str.strip, playlist.splitlines()):
        relative = _URI.findall(line) if line.startswith("#") else [line] if line else []
        found_urls += filter(None, (_absolute(base, url) for url in relative))
        if len(found_urls) >= _MOST_SEGMENTS:
            break
    return found_urls[:_MOST_SEGMENTS]


def _same_host(case: Case, url: str) -> bool:
    target = split_url(url)
    return bool(target and case.sections and target.domain == case.sections.domain)


def _absolute(base: str, url: str) -> str | None:
    try:
        joined = urljoin(base, url)
    except ValueError:
        return None
    return as_sent(joined) if joined.startswith(("http://", "https://")) else None


def _refusal(case: Case, url: str) -> str:
    """Return why the edge refuses a URL of the playlist; empty when it serves it."""
    if case.kind == "canned" and case.shown.transport == "cookies" and url != case.shown.url:
        return "canned cookies open one URL only"
    verdict = case.judged(replace(case.request, url=url))
    return "" if verdict.allowed else f"{verdict.code}, {verdict.detail.rstrip('.')}"
