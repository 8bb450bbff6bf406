"""The report that ``signer explain`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from signer.cli.terminal import Report, Row, Section, Tone

if TYPE_CHECKING:
    from signer.explain import Explanation, Finding, Grant, Moment, Severity

_TONES: Final[dict[Severity, Tone]] = {"cause": "bad", "warning": "warning", "note": "quiet"}
_SIGNATURES: Final[dict[str, tuple[str, Tone]]] = {
    "genuine": ("genuine", "good"),
    "wrong": ("does not fit", "bad"),
    "unchecked": ("not checked, no public key was given under its key pair id", "warning"),
}
_TRANSPORTS: Final = {"url": "in the URL", "cookies": "in cookies"}


def report_of(explanation: Explanation) -> Report:
    """Lay an explanation out for reading."""
    report = _headline(explanation)
    if explanation.grant:
        report.sections.append(_grant(explanation.grant, refused=explanation.refused))
    for finding in (*explanation.causes, *explanation.warnings, *explanation.notes):
        report.sections.append(_finding(finding))
    if explanation.assumptions:
        rows = tuple(
            Row(name, sentence, "quiet") for name, sentence in explanation.assumptions.items()
        )
        report.sections.append(Section("Assumed, because AWS documentation is silent", rows))
    return report


def _headline(explanation: Explanation) -> Report:
    about = explanation.url or "(no URL)"
    if explanation.refused:
        count = len(explanation.causes)
        reasons = "1 reason" if count == 1 else f"{count} reasons"
        code = f"{explanation.verdict.code}, {reasons}" if explanation.verdict.code else reasons
        return Report("REFUSED", "bad", f"{about}  ({code})")
    if explanation.signature == "genuine":
        return Report("ALLOWED", "good", about)
    return Report("NOTHING FOUND AGAINST IT", "warning", about)


def _grant(grant: Grant, *, refused: bool) -> Section:
    rows = [
        Row("Policy", f"{grant.kind}, {_TRANSPORTS[grant.transport]}"),
        Row("Resource", grant.resource or "none"),
        Row("Scheme", grant.scheme),
        Row("Host", grant.host),
        Row("Path", grant.path),
        Row("Query", grant.query),
        Row("Viewer", grant.viewer),
    ]
    if grant.begins:
        rows += _moment("From", grant.begins)
    if grant.ends:
        rows += _moment("Until", grant.ends)
    key = grant.key_pair_id or "none"
    algorithm = f"{grant.algorithm}, " if grant.algorithm else ""
    word, tone = _SIGNATURES[grant.signature]
    rows += [Row("Key", f"{key} ({algorithm}{grant.hash_algorithm})")]
    rows += [Row("Signature", word, tone)]
    return Section(f"What the policy {'would grant' if refused else 'grants'}", tuple(rows))


def _moment(label: str, moment: Moment) -> list[Row]:
    local = [] if moment.local == moment.utc else [Row("", moment.local, "quiet")]
    tone: Tone = "warning" if moment.relative.endswith("ago") and label == "Until" else "plain"
    return [Row(label, f"{moment.utc}, {moment.relative}", tone), *local]


def _finding(finding: Finding) -> Section:
    rows = [Row("Seen", finding.seen)]
    if finding.advice:
        rows.append(Row("Do", finding.advice))
    kind = "" if finding.severity == "cause" else f"{finding.severity.capitalize()}: "
    return Section(
        f"{kind}{finding.title}",
        tuple(rows),
        tone=_TONES[finding.severity],
        mark="" if finding.cause is None else str(finding.cause),
    )
