"""The table: which measurement is compared with which, and what is expected of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from benchmarks.stopwatch import Rates


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes:
        label: What was measured.
        name: Its name in the measurements.
        at_least: Target for the ratio to the first line of the section.
        at_most: The same, where less is better.
        against: What it is compared with instead of the first line.
    """

    label: str
    name: str
    at_least: float | None = None
    at_most: float | None = None
    against: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that are compared with the first one of them, if they do not say otherwise."""

    title: str
    lines: Sequence[Line]
    unit: Literal["/s", "ms"] = "/s"


def _signing(title: str, kind: str, command: str, at_least: float) -> Section:
    lines = [
        Line(f"openssl speed {command}, sign: the limit", f"{kind}.openssl.sign"),
        Line("cryptography, bare sign", f"{kind}.bare_sign"),
        Line("signer: Issuer.signed_url", f"{kind}.signed_url", at_least=at_least),
        Line("botocore CloudFrontSigner, key kept", f"{kind}.botocore_kept"),
        Line("botocore CloudFrontSigner, PEM read at each call", f"{kind}.botocore_pem"),
        Line("@aws-sdk/cloudfront-signer, key object", f"{kind}.node.kept"),
        Line("@aws-sdk/cloudfront-signer, PEM text", f"{kind}.node.pem"),
    ]
    return Section(f"{title}: sign a URL, canned policy, one core", lines)


def _verifying(title: str, kind: str, at_least: float) -> Section:
    lines = [
        Line("cryptography, bare verify", f"{kind}.bare_verify"),
        Line("signer: Verifier.verify, canned URL", f"{kind}.verify_canned", at_least=at_least),
        Line("signer: Verifier.verify, custom URL", f"{kind}.verify_custom"),
        Line("signer: Verifier.verify, custom cookies", f"{kind}.verify_cookies"),
        Line("openssl speed, verify", f"{kind}.openssl.verify"),
    ]
    return Section(f"{title}: verify a request, one core", lines)


def _threads(title: str, kind: str, at_least: float) -> tuple[Section, Section]:
    bare_one = f"{kind}.bare.1"
    return (
        Section(
            f"{title}: two threads",
            [
                Line("signer: Issuer.signed_url, one thread", f"{kind}.threads.1"),
                Line("signer: Issuer.signed_url, two threads", f"{kind}.threads.2", at_least),
            ],
        ),
        Section(
            f"{title}: what two cores, and two threads, could do at most",
            [
                Line("openssl speed, sign, one process", f"{kind}.openssl.1"),
                Line("openssl speed, sign, two processes", f"{kind}.openssl.2"),
                Line("cryptography, bare sign, one thread", bare_one, against=bare_one),
                Line("cryptography, bare sign, two threads", f"{kind}.bare.2", against=bare_one),
            ],
        ),
    )


def _serving(title: str, kind: str) -> Section:
    lines = [
        Line("cryptography, bare sign", f"{kind}.serving.bare_sign"),
        Line("signer: Issuer.signed_cookies", f"{kind}.serving.signed_cookies"),
        Line("lambda/issue.py, POST /auth/cookies", f"{kind}.serving.handler"),
    ]
    return Section(f"{title}: a warm request with a bearer token, one core", lines)


SECTIONS: Sequence[Section] = (
    _signing("RSA-2048", "rsa", "rsa2048", at_least=0.97),
    _signing("P-256", "ecdsa", "ecdsap256", at_least=0.80),
    Section(
        "Many URLs, RSA-2048, one core",
        [
            Line("signer: Issuer.signed_url, a signature each", "rsa.signed_url"),
            Line("signer: SignedPolicy.url, one signature", "rsa.policy_url", at_least=250),
        ],
    ),
    *_threads("RSA-2048", "rsa", at_least=1.9),
    *_threads("P-256", "ecdsa", at_least=1.6),
    _verifying("RSA-2048", "rsa", at_least=0.70),
    _verifying("P-256", "ecdsa", at_least=0.85),
    Section(
        "Import in a fresh process, the statement alone",
        [
            Line("the cryptography modules that signer needs", "import.cryptography"),
            Line("import signer", "import.signer", at_most=1.3),
            Line("from signer import *: what is imported on demand too", "import.everything"),
            Line("import botocore.signers", "import.botocore"),
            Line("import boto3", "import.boto3"),
        ],
        unit="ms",
    ),
    Section(
        "Import, the whole process",
        [
            Line("the cryptography modules that signer needs", "process.cryptography"),
            Line("import signer", "process.signer"),
            Line("no import", "process.nothing"),
        ],
        unit="ms",
    ),
    Section(
        "Cold start in AWS's runtime client, from process start to first cookies",
        [
            Line("the same job by boto3 and CloudFrontSigner", "cold.plain"),
            Line("lambda/issue.py", "cold.issuer", at_most=0.6),
            Line("a handler that does nothing", "cold.nothing"),
        ],
        unit="ms",
    ),
    _serving("RSA-2048", "rsa"),
    _serving("P-256", "ecdsa"),
)

HEADINGS = ("", "median", "min - max", "ratio", "min - max", "target", "")
Row = tuple[str, ...]


def rows(section: Section, rounds: Sequence[Rates]) -> list[Row]:
    """Work out the cells of a section.

    The ratio is the median of the ratios that each round had by itself: what slows a whole round
    down leaves it alone.
    """
    made: list[Row] = []
    for line in section.lines:
        against = line.against or section.lines[0].name
        values = [each[line.name] for each in rounds if line.name in each]
        ratios = [
            each[line.name] / each[against]
            for each in rounds
            if line.name in each and against in each
        ]
        made.append(
            (
                line.label,
                f"{_number(median(values))} {section.unit}" if values else "not measured",
                _spread(values),
                _ratio(median(ratios)) if ratios else "",
                _spread(ratios, ratio=True) if line.name != against else "",
                *_target(line, ratios),
            )
        )
    return made


def _target(line: Line, ratios: Sequence[float]) -> tuple[str, str]:
    if line.at_least is not None:
        target, sign = line.at_least, ">="
    elif line.at_most is not None:
        target, sign = line.at_most, "<="
    else:
        return "", ""
    if not ratios:
        return f"{sign} {target:g}", "not measured"
    reached = median(ratios)
    met = reached >= target if sign == ">=" else reached <= target
    return f"{sign} {target:g}", "met" if met else "not met"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"  # noqa: PLR2004 - three digits


def _ratio(value: float) -> str:
    digits = 3 if value < 10 else 1 if value < 100 else 0  # noqa: PLR2004 - three or four digits
    return f"{value:,.{digits}f}"


def _spread(values: Sequence[float], *, ratio: bool = False) -> str:
    if not values:
        return ""
    shown = _ratio if ratio else _number
    return f"{shown(min(values))} - {shown(max(values))}"


def plain(rounds: Sequence[Rates]) -> str:
    """Return the table as text of at most 120 columns."""
    tables = [(section.title, rows(section, rounds)) for section in SECTIONS]
    every = [HEADINGS, *(row for _, table in tables for row in table)]
    widths = [max(len(row[column]) for row in every) for column in range(len(HEADINGS))]

    def aligned(row: Row) -> str:
        label, *cells = row
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        return f"  {label.ljust(widths[0])}  {'  '.join(numbers)}".rstrip()

    lines = [aligned(HEADINGS)]
    for title, table in tables:
        lines += ["", title, *map(aligned, table)]
    return "\n".join(lines)


def summary(rounds: Sequence[Rates]) -> str:
    """Return the lines that have a target, and the ratio of each, as Markdown."""
    lines = ["| | against | ratio | min - max | target | |", "|---|---|---:|---:|---:|---|"]
    for section in SECTIONS:
        against, *others = rows(section, rounds)
        lines += [
            f"| {section.title}: {label.removeprefix('signer: ')} | {against[0]} | "
            f"{' | '.join(cells)} |"
            for label, _, _, *cells in others
            if cells[2]
        ]
    return "\n".join(lines)


def markdown(rounds: Sequence[Rates]) -> str:
    """Return the table as Markdown."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---" + "|---:" * (len(HEADINGS) - 1) + "|"]
    for section in SECTIONS:
        lines.append(f"| **{section.title}**" + " |" * len(HEADINGS))
        lines += ["| " + " | ".join(row) + " |" for row in rows(section, rounds)]
    return "\n".join(lines)
