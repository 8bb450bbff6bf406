"""What is wrong with the policy document."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from signer.explain.case import Case
from signer.explain.finding import Finding, found, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_EPOCH: Final = re.compile(r"0|[1-9][0-9]*")
_MEMBERS: Final = {"DateLessThan", "DateGreaterThan", "IpAddress"}


def statement_findings(case: Case) -> Iterator[Finding]:
    """Count statements (33)."""
    count = case.policy.statements if case.policy else None
    if case.kind == "custom" and count is not None and count > 1:
        yield found(33, f"The policy has {count} statements.")


def form_findings(case: Case) -> Iterator[Finding]:
    """Compare the document with what CloudFront reads (34)."""
    if case.kind == "canned":
        expires = case.values["Expires"]
        if not _EPOCH.fullmatch(expires):
            yield found(34, f"Expires is {shown(expires, limit=40)!r}, not a plain integer.")
        return
    if case.policy is None or case.policy.lone_backslash:
        return
    if case.policy.statements is None:
        text = shown(case.policy.text, limit=60)
        yield found(34, f"The policy is no JSON document; it begins {text!r}.")
    elif case.policy.statements <= 1:
        yield from _document(json.loads(case.policy.text))
        if case.policy.resource is None and case.on_trust.allowed:
            yield Finding(
                cause=None,
                code="resource_missing",
                title="The policy has no Resource",
                seen="It opens every file of every distribution that trusts the key.",
                advice="Name a Resource.",
                severity="warning",
            )


def escape_findings(case: Case) -> Iterator[Finding]:
    r"""Find ``\?`` (31)."""
    if case.kind != "custom" or case.policy is None:
        return
    resource = case.policy.resource or ""
    if case.policy.lone_backslash:
        yield found(31, rf"The policy has \? outside JSON's escapes: {shown(resource)}.")
    elif "\\?" in resource:
        accepted = "escaped_query_delimiter" in case.on_trust.assumptions
        refused = accepted and case.on_trust.reason.startswith("resource_")
        yield found(
            31,
            f"The Resource is {shown(resource)}.",
            severity="cause" if refused else "warning",
        )


def _document(document: object) -> Iterator[Finding]:
    top = document if isinstance(document, dict) else {}
    statement = top.get("Statement")
    if isinstance(statement, dict):
        yield found(34, "Statement is an object; CloudFront documents a list of one.")
    first = statement[0] if isinstance(statement, list) and statement else statement
    if not isinstance(first, dict):
        yield found(34, "There is no Statement list with an object in it.")
        return
    if "Resource" in first and not isinstance(first["Resource"], str):
        yield found(34, "Resource is not a string.")
    condition = first.get("Condition")
    strangers = [*(top.keys() - {"Statement"}), *(first.keys() - {"Resource", "Condition"})]
    if isinstance(condition, dict):
        strangers += condition.keys() - _MEMBERS
        yield from _condition(condition)
    else:
        yield found(34, "The statement has no Condition object.")
    if strangers:
        names = ", ".join(shown(name, limit=30) for name in sorted(strangers)[:4])
        yield found(34, f"CloudFront's policies have no member {names}.")


def _condition(condition: dict[str, object]) -> Iterator[Finding]:
    if "DateLessThan" not in condition:
        yield found(34, f"DateLessThan is missing{_near(condition)}.")
    for name in ("DateLessThan", "DateGreaterThan"):
        if name in condition and (fault := _date_fault(condition[name])):
            yield found(34, f"{name} {fault}.")


def _near(condition: dict[str, object]) -> str:
    alike = [name for name in condition if name.lower() == "datelessthan"]
    return f"; it is written {shown(alike[0])}" if alike else ""


def _date_fault(value: object) -> str:
    if not isinstance(value, dict):
        return "is not an object with AWS:EpochTime"
    if set(value) != {"AWS:EpochTime"}:
        return "has not exactly the member AWS:EpochTime"
    epoch = value["AWS:EpochTime"]
    if isinstance(epoch, str):
        return f"is quoted: {shown(epoch, limit=40)!r}"
    if isinstance(epoch, bool) or not isinstance(epoch, int):
        return f"is not a whole number: {shown(str(epoch), limit=40)}"
    return ""
