"""What an explanation consists of: findings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from signer.explain.catalogue import CATALOGUE

Severity = Literal["cause", "warning", "note"]

_SHOWN: Final = 400
_SECRET: Final = re.compile(
    r"(?P<start>[?&;](?:x-amz-)?(?:signature|security-token)=[^&#\s\"]{8})[^&#\s\"]+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One observation about a request.

    Attributes:
        cause: Number in :data:`signer.explain.catalogue.CATALOGUE`; None for an observation that
            has none.
        code: Short name in snake case.
        title: What it is, in a few words.
        seen: What was seen in this request; never a whole signature.
        advice: What to do about it.
        severity: ``cause`` when the edge refuses the request (or the client never sends it) for
            this reason, ``warning`` when it may do so elsewhere or later, ``note`` otherwise.
    """

    cause: int | None
    code: str
    title: str
    seen: str
    advice: str
    severity: Severity = "cause"


def found(
    number: int, seen: str, *, advice: str | None = None, severity: Severity = "cause"
) -> Finding:
    """Return a finding of the catalogue.

    Args:
        number: Number of the cause.
        seen: What was seen.
        advice: Replaces the catalogue's advice where more can be said.
        severity: See :class:`Finding`.
    """
    entry = CATALOGUE[number]
    return Finding(
        cause=number,
        code=entry.code,
        title=entry.title,
        seen=seen,
        advice=entry.advice if advice is None else advice,
        severity=severity,
    )


def noted(code: str, title: str, seen: str, *, advice: str = "") -> Finding:
    """Return a note outside the catalogue."""
    return Finding(cause=None, code=code, title=title, seen=seen, advice=advice, severity="note")


def shown(text: str, *, limit: int = _SHOWN) -> str:
    """Return a viewer's text in printable ASCII, cut, for use in a sentence.

    Control characters, escape sequences of terminals and everything beyond ASCII come out as
    escapes: what is explained may have been made to deceive the reader. Of a signature under a name
    that is not CloudFront's, such as S3's, the beginning is left.
    """
    text = _SECRET.sub(r"\g<start>...", text)
    printable = "".join(
        character if " " <= character <= "~" else ascii(character)[1:-1]
        for character in text[:limit]
    )
    return printable + "..." if len(text) > limit else printable


def hinted(secret: str) -> str:
    """Return the first characters of a signature or policy, enough to tell two apart."""
    return f"{shown(secret[:8])}... ({len(secret)} characters)"
