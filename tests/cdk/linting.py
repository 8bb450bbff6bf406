"""Three linters of policies for the tests of every stack: cdk-nag, cfn-lint and Guard.

Findings are texts, and a test compares them with an empty list, so that it shows them when it
fails. What a construct does not keep for a reason, it says itself: ``cdk.acknowledged``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

# First, since it finds a Node.js for the CDK.
import tests.cdk.templates  # noqa: F401 # isort: skip

import aws_cdk
import cdk_nag
import guardpycfn  # type: ignore[import-untyped]
from cfnlint.api import lint  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

from cdk.region import REGION

RULES = Path(__file__).resolve().parents[2] / "cdk/rules.guard"
UNNEEDED = MappingProxyType(
    {"W3005": "The CDK writes each dependency, also one that a reference implies."}
)
_NEXT = "\nrule "
_PUBLIC = "let public_paths = ['/auth/*', '/images/*/url']"


def nag(app: aws_cdk.App) -> list[str]:
    """Synthesize an app under AWS's Solutions rules, and return what is not acknowledged.

    Warnings count as well.
    """
    aws_cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    report = json.loads((Path(app.outdir) / "validation-report.json").read_text("utf-8"))
    return [
        f"{violation['ruleName']} {construct['constructPath']}: {violation['description']}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]


def acknowledged(app: aws_cdk.App) -> list[tuple[str, str, str]]:
    """Return all rules that are not kept: construct, rule and reason."""
    key = aws_cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
    return [
        (one.node.path, rule, reason)
        for one in app.node.find_all()
        for entry in one.node.metadata
        if entry.type == key
        for rule, reason in _reasons(entry.data)
    ]


def _reasons(data: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - the CDK's own
    yield from data.items()


def cfn_lint(template: Mapping[str, Any]) -> list[str]:
    """Return what cfn-lint finds in a template for our Region, but for what is not needed."""
    found = lint(json.dumps(template), config=ManualArgs(regions=[REGION]))
    return [
        f"{one.rule.id} {'/'.join(map(str, one.path or []))}: {one.message}"
        for one in found
        if one.rule.id not in UNNEEDED
    ]


def guard(template: Mapping[str, Any], public: Sequence[str] = ()) -> list[str]:
    """Return which of our own rules a template breaks: rule and message.

    Args:
        template: The template.
        public: Path patterns that anybody may read, besides the issuer's.
    """
    paths = ", ".join(f"'{path}'" for path in ("/auth/*", "/images/*/url", *public))
    definitions, *rules = RULES.read_text("utf-8").split(_NEXT)
    assert definitions.count(_PUBLIC) == 1
    definitions = definitions.replace(_PUBLIC, f"let public_paths = [{paths}]")
    document = json.dumps(template)
    found = _broken(document, _NEXT.join((definitions, *rules)))
    if found is not None:
        return found
    # Each for itself: then it is known at least which one the report was of.
    found = []
    for rule in rules:
        broken = _broken(document, definitions + _NEXT + rule)
        found += [f"{rule.split()[0]}: is broken"] if broken is None else broken
    return found


def _broken(document: str, rules: str) -> list[str] | None:
    """Return what is broken; None where the report cannot be read.

    The wrapper cuts a report with texts in it that look like the beginning of one. Only rules that
    are broken have such texts.
    """
    answer = guardpycfn.validate_with_guard(document, rules, False)
    assert answer["success"], answer
    report = answer["result"]
    if isinstance(report, str):
        return None
    # A block that is not there at all has no message.
    return [
        f"{one['Rule']['name']}: {message}"
        for one in report["not_compliant"]
        for message in sorted(set(_messages(one["Rule"]["checks"]))) or ["something is missing"]
    ]


def guard_rules() -> list[str]:
    """Return the names of our own rules."""
    return [rule.split()[0] for rule in RULES.read_text("utf-8").split(_NEXT)[1:]]


def _messages(checks: object) -> Iterator[str]:
    """Yield the messages of a report of Guard, wherever they are in it."""
    if isinstance(checks, Mapping):
        message = checks.get("custom_message")
        if isinstance(message, str) and message:
            yield message
        for value in checks.values():
            yield from _messages(value)
    elif isinstance(checks, list):
        for value in checks:
            yield from _messages(value)
