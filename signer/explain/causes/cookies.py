"""Cookies that the browser keeps to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signer.cookies import COOKIE_NAMES
from signer.explain.case import Case
from signer.explain.finding import Finding, found, shown

if TYPE_CHECKING:
    from collections.abc import Iterator


def sending_findings(case: Case) -> Iterator[Finding]:
    """Report CloudFront's cookies that would not be sent, by reason (37)."""
    reasons: dict[str, list[str]] = {}
    for fate in case.fates:
        if not fate.sent and fate.name in COOKIE_NAMES:
            reasons.setdefault(fate.reason, []).append(fate.name)
    for reason, names in reasons.items():
        which = names[0] if len(names) == 1 else f"Each of {len(names)} cookies ({names[0]}, ...)"
        yield found(37, f"{which}: {shown(reason)}.")
