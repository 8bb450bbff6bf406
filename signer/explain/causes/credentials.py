"""Credentials that are missing, incomplete, mixed or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from signer.cookies import COOKIE_NAMES
from signer.explain.case import Case, missing_names
from signer.explain.client_form import fragment_of
from signer.explain.finding import Finding, Severity, found, hinted, shown
from signer.explain.reading import ReadBase64
from signer.viewer_request import cookie_pairs
from signer.wire import RESERVED_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = "CloudFront-"
_ALPHABET: Final = {
    "standard": "has +, = or / in it, as standard base64",
    "url_safe": "is in the URL-safe alphabet of RFC 4648, which writes / as _",
    "unpadded": "has lost its padding (_ at the end)",
}


def presence_findings(case: Case) -> Iterator[Finding]:
    """Find what did not arrive with a URL, or at all (1, 36)."""
    missing = missing_names(case.values)
    if not missing or case.shown.transport == "cookies":
        return
    if case.presigned and not case.values:
        return  # S3's signature is not a poor one of CloudFront's
    names = ", ".join(case.values)
    if case.cookies_switched_off:
        yield found(
            36,
            f"The query has {names}, so the URL is judged as signed, without {', '.join(missing)}; "
            "the cookies are not looked at.",
        )
    elif fragment := [name for name in RESERVED_PARAMETERS if name in fragment_of(case.pasted)]:
        yield found(
            1,
            f"{', '.join(fragment)} stand behind a #, and clients never send what follows it.",
            advice="Put the parameters in front of the #.",
        )
    elif case.shown.transport == "url":
        yield found(1, f"The URL has {names} but lacks {', '.join(missing)}.")
    elif not case.fates and not _cookie_names(case, loosely=True):
        yield found(1, "Neither the URL nor the cookies carry any of CloudFront's names.")


def html_findings(case: Case) -> Iterator[Finding]:
    """Find an HTML ``&amp;`` in front of CloudFront's parameters (51)."""
    if names := case.html_escaped_names:
        yield found(
            51,
            f"In front of {', '.join(names)} stands &amp; or the like instead of &, so that the "
            "edge does not see them under their names.",
        )


def reserved_findings(case: Case) -> Iterator[Finding]:
    """Find CloudFront's names used by the application as well (36)."""
    if case.shown.transport != "url":
        return
    for name, values in case.shown.values.items():
        if len(values) > 1:
            yield found(36, f"The query has {name} {len(values)} times.")
    if not missing_names(case.values) and _cookie_names(case):
        yield found(
            36,
            "The URL is signed, so the cookies that came along are not looked at.",
            severity="note",
        )


def cookie_set_findings(case: Case) -> Iterator[Finding]:
    """Find cookie sets that do not belong together (38)."""
    if case.shown.transport == "url":
        return
    lowered = {name.lower(): name for name in COOKIE_NAMES}
    for name, _ in cookie_pairs(case.request.cookies):
        if name not in COOKIE_NAMES and name.lower() in lowered:
            yield found(38, f"{shown(name)} should be spelled {lowered[name.lower()]}.")
    if case.shown.transport == "cookies":
        yield from _mixed_set(case)


def _mixed_set(case: Case) -> Iterator[Finding]:
    if missing := missing_names(case.values):
        names = ", ".join(_PREFIX + name for name in case.values)
        yield found(38, f"The cookies are {names}; CloudFront also needs {', '.join(missing)}.")
    for name, values in case.shown.values.items():
        if len(values) > 1:
            yield found(38, f"{_PREFIX}{name} comes {len(values)} times, perhaps from two Paths.")
    if {"Policy", "Expires"} <= case.values.keys():
        severity: Severity = "warning" if case.signature_state == "genuine" else "cause"
        yield found(
            38,
            "CloudFront-Policy and CloudFront-Expires are both there; one is left over.",
            severity=severity,
        )


def encoding_findings(case: Case) -> Iterator[Finding]:
    """Find damaged base64 (20, 21, 39, and 16 in a URL)."""
    for name, read in (("Policy", case.policy_base64), ("Signature", case.signature_base64)):
        if read is not None and case.values.get(name):
            yield from _damage(case, name, read)


def value_findings(case: Case) -> Iterator[Finding]:
    """Find cookie values other than base64 that were encoded or quoted (39)."""
    for name in ("Expires", "Key-Pair-Id", "Hash-Algorithm"):
        value = case.values.get(name, "")
        if value and (value[0] in "\"'" or "%" in value) and case.shown.transport == "cookies":
            yield found(39, f"{_PREFIX}{name} is {shown(value, limit=64)}.")


def _damage(case: Case, name: str, read: ReadBase64) -> Iterator[Finding]:
    hint = hinted(case.values[name])
    cookies = case.shown.transport == "cookies"
    if "white_space" in read.damage:
        yield found(21, f"{name} has line breaks or spaces in it.")
    foreign = [text for damage, text in _ALPHABET.items() if damage in read.damage]
    if foreign and (read.candidates or "white_space" not in read.damage):
        yield found(20, f"{name} {foreign[0]}: {hint}.")
    escaped = {"encoded", "quoted"} & set(read.damage)
    if escaped and cookies:
        yield found(39, f"{name} is {' and '.join(sorted(escaped))}: {hint}.")
    elif escaped and not foreign and "white_space" not in read.damage:
        yield found(
            16,
            f"{name} was percent-encoded or quoted: {hint}.",
            advice="CloudFront's alphabet needs no encoding; send the value as it was issued.",
        )
    if not read.damage and not read.candidates:
        yield found(20, f"{name} is no base64 at all, or was cut: {hint}.")


def _cookie_names(case: Case, *, loosely: bool = False) -> list[str]:
    names = [name for name, _ in cookie_pairs(case.request.cookies)]
    if loosely:
        return [name for name in names if name.lower().startswith(_PREFIX.lower())]
    return [name for name in names if name in COOKIE_NAMES]
