"""Other URLs that may have been signed in place of the one that arrived.

Each variant undoes one accident and names the cause that it would prove. The signature (canned
policies) or the Resource (custom policies) decides which of them is true.
"""

from __future__ import annotations

import re
from itertools import combinations, islice, permutations
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from signer.explain.case import Case, own_url
from signer.explain.client_form import html_unescaped
from signer.explain.finding import shown
from signer.resource import Sections, split_url
from signer.wire import MAX_URL_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_SUBSETS: Final = 64
_MOST_TAILS: Final = 16
_MOST_ORDERS: Final = 24
_LONGEST: Final = 2 * MAX_URL_BYTES
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED: Final = re.compile(r"%(?:2[DdEe]|5[Ff]|7[Ee]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


class UrlVariant(NamedTuple):
    """A URL that may have been signed, the cause it would prove, and how it differs."""

    cause: int
    url: str
    seen: str


def url_variants(case: Case) -> Iterator[UrlVariant]:
    """Yield each variant once, the likeliest first; a few hundred at most."""
    tried = {case.shown.url}
    if len(case.shown.url) > _LONGEST:
        return
    for source in (_issued, _pasted, _html, _schemes, _hosts, _fewer, _spellings, _orders, _shapes):
        for variant in source(case):
            if variant.url not in tried:
                tried.add(variant.url)
                yield variant


def _issued(case: Case) -> Iterator[UrlVariant]:
    """The URL as it was issued, when the viewer's differs from it."""
    issued = own_url(case.context.issued_url or "")
    then, now = split_url(issued), case.sections
    if then is None or now is None:
        return
    if then.domain != now.domain:
        yield UrlVariant(28, issued, _hosts_differ(then.domain, now.domain))
    elif then.protocol != now.protocol:
        yield UrlVariant(29, issued, f"Signed for {then.protocol}, requested with {now.protocol}.")
    elif then.path != now.path:
        yield UrlVariant(
            40 if case.shown.transport == "cookies" else 16,
            issued,
            f"Signed for the path {shown(then.path)}, requested was {shown(now.path)}.",
        )
    else:
        parts = (then.query or "").split("&")
        added = [part for part in (now.query or "").split("&") if part not in parts]
        cause = 15 if added and len(added) + len(parts) >= (now.query or "").count("&") else 16
        yield UrlVariant(
            cause, issued, f"The query differs in {shown('&'.join(added)) or 'order'}."
        )


def _pasted(case: Case) -> Iterator[UrlVariant]:
    """The URL as it was written down, before a client made it fit to send."""
    raw = own_url(case.pasted)
    plain = _ESCAPE.sub("", raw)
    unencoded = not raw.isascii() or " " in raw or any(mark in plain for mark in '<>"`{}')
    yield UrlVariant(
        17 if unencoded else 16,
        raw,
        f"Signed was {shown(raw)}, but clients send {shown(case.shown.url)}.",
    )


def _html(case: Case) -> Iterator[UrlVariant]:
    """The URL before it was escaped for HTML, or after."""
    url = case.shown.url
    yield UrlVariant(51, html_unescaped(url), "Signed was the URL with &, requested with &amp;.")
    yield UrlVariant(51, url.replace("&", "&amp;"), "Signed was the URL with &amp; for each &.")


def _schemes(case: Case) -> Iterator[UrlVariant]:
    if case.sections:
        arrived = case.sections.protocol
        other = "http" if arrived == "https" else "https"
        yield UrlVariant(
            29,
            _joined(case.sections._replace(protocol=other)),
            f"Signed for {other}, requested with {arrived}.",
        )


def _hosts(case: Case) -> Iterator[UrlVariant]:
    if case.sections is None:
        return
    arrived = case.sections.domain
    for host in case.context.hosts:
        url = _joined(case.sections._replace(domain=host))
        yield UrlVariant(28, url, _hosts_differ(host, arrived))
    name = arrived.rpartition(":")[0] or arrived
    port = _DEFAULT_PORTS.get(case.sections.protocol, "")
    for host in (name.upper(), name.title(), arrived + port, f"{name}.", name):
        yield UrlVariant(
            16,
            _joined(case.sections._replace(domain=host)),
            f"Signed was the host as {shown(host)}, but clients send {shown(arrived)}.",
        )


def _hosts_differ(signed: str, arrived: str) -> str:
    return f"Signed for the host {shown(signed)}, requested was {shown(arrived)}."


def _fewer(case: Case) -> Iterator[UrlVariant]:
    """The URL without some of its parameters: the smallest removals first."""
    if case.sections is None or not case.sections.query:
        return
    parts = case.sections.query.split("&")
    every = (
        removed
        for count in range(1, len(parts) + 1)
        for removed in combinations(range(len(parts)), count)
    )
    whole = tuple(range(len(parts)))
    tails = (whole[start:] for start in range(1, len(parts)))
    for removed in (*islice(every, _MOST_SUBSETS), *islice(tails, _MOST_TAILS), whole):
        kept = [part for index, part in enumerate(parts) if index not in removed]
        names = ", ".join(shown(parts[index].partition("=")[0], limit=40) for index in removed)
        yield UrlVariant(
            15,
            _joined(case.sections._replace(query="&".join(kept) or None)),
            f"It fits once {shown(names)} is removed from the query.",
        )


def _spellings(case: Case) -> Iterator[UrlVariant]:
    """The URL in other percent-encodings, in the path, in the query, and in both."""
    if case.sections is None:
        return
    path, query = case.sections.path, case.sections.query
    for cause, name, change in _SPELLINGS:
        other_path, other_query = change(path), None if query is None else change(query)
        for where, changed in (
            ("query", case.sections._replace(query=other_query)),
            ("path", case.sections._replace(path=other_path)),
            ("path and query", case.sections._replace(path=other_path, query=other_query)),
        ):
            seen = f"It fits with the {where} written with {name}."
            yield UrlVariant(cause, _joined(changed), seen)


def _upper_hex(text: str) -> str:
    return _ESCAPE.sub(lambda match: match[0].upper(), text)


def _lower_hex(text: str) -> str:
    return _ESCAPE.sub(lambda match: match[0].lower(), text)


def _unescaped(text: str) -> str:
    return _UNRESERVED.sub(lambda match: unquote(match[0]), text)


def _form_encoded(text: str) -> str:
    return "&".join(
        "=".join(quote_plus(unquote_plus(side, errors="replace")) for side in part.split("=", 1))
        for part in text.split("&")
    )


def _strictly_encoded(text: str) -> str:
    return quote(unquote(text, errors="replace"), safe="/")


def _encoded_values(text: str) -> str:
    return quote(unquote(text, errors="replace"), safe="/=&?")


def _decoded(text: str) -> str:
    return unquote(text, errors="replace")


def _swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


_SPELLINGS: Final[tuple[tuple[int, str, Callable[[str], str]], ...]] = (
    (16, "%20 in place of +", _swap("+", "%20")),
    (16, "+ in place of %20", _swap("%20", "+")),
    (16, "%2B in place of +", _swap("+", "%2B")),
    (16, "+ in place of %2B", _swap("%2B", "+")),
    (16, "' in place of %27", _swap("%27", "'")),
    (16, "%27 in place of '", _swap("'", "%27")),
    (16, "~ in place of %7E", _swap("%7E", "~")),
    (16, "%7E in place of ~", _swap("~", "%7E")),
    (16, "upper-case hex digits", _upper_hex),
    (16, "lower-case hex digits", _lower_hex),
    (16, "unreserved characters decoded", _unescaped),
    (16, "slashes encoded", _swap("/", "%2F")),
    (16, "slashes decoded", _swap("%2F", "/")),
    (16, "form encoding", _form_encoded),
    (17, "raw spaces", _swap("%20", " ")),
    (17, "nothing encoded", _decoded),
    (17, "everything encoded that may be", _strictly_encoded),
    (17, "values encoded", _encoded_values),
    (17, "percent signs encoded twice", _swap("%", "%25")),
)


def _orders(case: Case) -> Iterator[UrlVariant]:
    parts = ((case.sections and case.sections.query) or "").split("&")
    if case.sections is None or len(parts) == 1:
        return
    orders = [sorted(parts), parts[::-1], sorted(parts, reverse=True)]
    orders += map(list, islice(permutations(parts), _MOST_ORDERS))
    for order in orders:
        url = _joined(case.sections._replace(query="&".join(order)))
        names = " ".join(shown(part.partition("=")[0], limit=40) for part in order)
        yield UrlVariant(16, url, f"It fits with the parameters in the order {shown(names)}.")


def _shapes(case: Case) -> Iterator[UrlVariant]:
    """Signs without meaning that some signers add and some clients drop."""
    if case.sections is None:
        return
    url, path, query = case.shown.url, case.sections.path, case.sections.query
    for other, seen in (
        (url + "?", "a ? at its end"),
        (url + "&", "an & at its end"),
        (url.rstrip("&?"), "no & or ? at its end"),
        (url + "#", "a # at its end"),
        (re.sub(r"=(?=&|\Z)", "", url), "no = behind parameters without a value"),
        (re.sub(r"([?&][^=&]+)(?=&|\Z)", r"\1=", url), "a = behind parameters without a value"),
        (_joined(case.sections._replace(path=path.rstrip("/"))), "no / at the end of the path"),
        (_joined(case.sections._replace(path=path + "/")), "a / at the end of the path"),
        (_joined(case.sections._replace(path="/" + path)), "two slashes before the path"),
        (_joined(case.sections._replace(path=re.sub("//+", "/", path))), "single slashes"),
        (_joined(Sections("", "", path, query)).removeprefix("://"), "no scheme and host"),
    ):
        yield UrlVariant(16, other, f"It fits when written with {seen}.")


def _joined(sections: Sections) -> str:
    query = "" if sections.query is None else f"?{sections.query}"
    return f"{sections.protocol}://{sections.domain}{sections.path}{query}"
