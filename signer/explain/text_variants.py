"""Other policy texts that may have been signed in place of the one that was checked."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from signer.encoding import encode_base64
from signer.explain.case import Case, own_url
from signer.explain.finding import shown
from signer.explain.url_variants import url_variants
from signer.policy import canned_policy_text
from signer.resource import Sections, split_url

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOUR: Final = 3600
_TYPED: Final = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")


class TextVariant(NamedTuple):
    """A text that may have been signed, the cause it would prove, and how it differs."""

    cause: int
    text: str
    seen: str


def text_variants(case: Case) -> Iterator[TextVariant]:
    """Yield texts, the likeliest first; a few hundred at most."""
    text = case.signed_text
    if text is None:
        return
    yield from _encoded(case, text)
    yield from _escaped(text)
    yield from _respelled(text)
    if case.kind == "canned" or "Expires" in case.values:
        expires = case.values["Expires"]
        yield from _other_ends(case, expires)
        for variant in url_variants(case):
            if not variant.url.isascii():
                # What Python's json module makes of a raw URL, botocore's signer included.
                escaped = json.dumps(variant.url)[1:-1]
                yield TextVariant(variant.cause, canned_policy_text(escaped, expires), variant.seen)
            yield TextVariant(variant.cause, canned_policy_text(variant.url, expires), variant.seen)
        for cause, resource, seen in _patterns(case):
            yield TextVariant(cause, canned_policy_text(resource, expires), seen)


def _encoded(case: Case, text: str) -> Iterator[TextVariant]:
    """The base64 text in place of the JSON, in every alphabet."""
    encoded = encode_base64(text.encode("utf-8", errors="backslashreplace"))
    standard = encoded.translate(str.maketrans("-_~", "+=/"))
    seen = "The signature fits the base64 text of the policy."
    for other in (encoded, standard, standard.rstrip("="), standard + "\n"):
        yield TextVariant(22, other, seen)
    if "Policy" in case.values:
        yield TextVariant(22, case.values["Policy"], seen)


def _escaped(text: str) -> Iterator[TextVariant]:
    r"""JSON escapes that writers add on their own: HTML safety, \/ and \uXXXX."""
    html = text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
    for other, name in (
        (html, r"\u0026 for &"),
        (text.replace("/", r"\/"), r"\/ for /"),
        (html.replace("/", r"\/"), r"\u0026 for & and \/ for /"),
        (html.replace("'", r"\u0027").replace("=", r"\u003d"), r"\u0026, \u003d and \u0027"),
        (text.replace(r"\/", "/"), r"/ in place of \/"),
        (text.replace(r"\u0026", "&"), r"& in place of \u0026"),
    ):
        if other != text:
            yield TextVariant(18, other, f"The signature fits a policy with {name}.")


def _respelled(text: str) -> Iterator[TextVariant]:
    """The same JSON with other white space and member order."""
    spelled = [
        (text + "\n", "a line break at its end"),
        (text.strip(), "no white space around it"),
        (re.sub(r"\s+", "", text), "no white space at all"),
        (f" {text}", "a space before it"),
    ]
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        spelled += _dumped(document)
    for other, name in spelled:
        if other != text:
            yield TextVariant(19, other, f"The signature fits a policy with {name}.")


def _dumped(document: dict[str, object]) -> Iterator[tuple[str, str]]:
    orders = (("", document), (" and Condition before Resource", _condition_first(document)))
    for order, value in orders:
        for ascii_only in (True, False):
            write = partial(json.dumps, value, ensure_ascii=ascii_only)
            yield write(), f"a space behind commas and colons{order}"
            yield write(separators=(",", ":")), f"no white space{order}"
            for indent in (1, 2, 3, 4):
                yield write(indent=indent), f"indentation by {indent}{order}"
        yield json.dumps(value, separators=(", ", ":")), f"a space behind commas{order}"
        yield json.dumps(value, separators=(",", ": ")), f"a space behind colons{order}"
    statement = document.get("Statement")
    if isinstance(statement, list) and len(statement) == 1:
        bare = {**document, "Statement": statement[0]}
        yield json.dumps(bare, separators=(",", ":")), "Statement as an object, not a list"


def _condition_first(document: dict[str, object]) -> dict[str, object]:
    """Reverse the members of each statement."""
    statement = document.get("Statement")
    if not isinstance(statement, list):
        return document
    turned = [
        dict(reversed(list(item.items()))) if isinstance(item, dict) else item for item in statement
    ]
    return {**document, "Statement": turned}


def _other_ends(case: Case, expires: str) -> Iterator[TextVariant]:
    """Other ends that the canned policy may have had."""
    end = case.policy.date_less_than if case.policy else None
    issued = re.search(r"[?&]Expires=([0-9]{1,17})", case.context.issued_url or "")
    ends = [int(issued[1])] if issued else []
    if end is not None:
        ends += [end + step for step in (1, -1, 2, -2, 5, -5, 10, -10, 60, -60, 86_400, -86_400)]
        ends += [end // 60 * 60, end // 60 * 60 + 60, end // _HOUR * _HOUR, end // 1000]
        ends += [end * 1000]
        ends += [end + sign * half * _HOUR // 2 for half in range(1, 29) for sign in (1, -1)]
    url = case.shown.url
    for other in ends:
        seen = f"Expires is {shown(expires, limit=40)}, but {other} was signed."
        yield TextVariant(14, canned_policy_text(url, other), seen)
    for odd, name in ((f'"{expires}"', "a quoted date"), (f"{expires}.0", "a fractional date")):
        text = canned_policy_text(url, odd)
        yield TextVariant(34, text, f"The signature fits a policy with {name}.")


def _patterns(case: Case) -> Iterator[tuple[int, str, str]]:
    """Patterns above the URL, and files beside it, that a canned policy cannot cover."""
    url, issued = case.sections, split_url(own_url(case.context.issued_url or ""))
    if url is None:
        return
    for resource in _wildcards(url):
        yield 32, resource, f"The signature fits the pattern {shown(resource)}."
    host = f"{url.protocol}://{url.domain}"
    directory = url.path[: url.path.rfind("/") + 1]
    cause = 40 if case.shown.transport == "cookies" else 16
    others = [f"{host}{directory}", host, f"{host}/", f"{host}{directory}index.html"]
    others += [f"{issued.protocol}://{issued.domain}{issued.path}"] if issued else []
    for resource in others:
        yield cause, resource, f"The signature fits {shown(resource)}, another URL."


def _wildcards(url: Sections) -> Iterator[str]:
    pieces = url.path.split("/")[:8]
    suffix = _TYPED.search(url.path)
    for scheme in (url.protocol, "http*", "*"):
        host = f"{scheme}://{url.domain}"
        for depth in range(len(pieces) - 1, 0, -1):
            directory = f"{host}{'/'.join(pieces[:depth])}/"
            yield f"{directory}*"
            if suffix:
                yield f"{directory}*{suffix[0]}"
        yield f"{host}{url.path}*"
        yield f"{host}{url.path}?*"
        yield f"{host}*"
    yield "*"
