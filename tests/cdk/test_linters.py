"""The two linters of AWS's find what they are for, and each reason not to listen is needed."""

from __future__ import annotations

import pytest

# First, since it finds a Node.js for the CDK.
from tests.cdk.templates import LOGIN, TOKENS, Json, app_of, config_of  # isort: skip

from aws_cdk import App, Stack
from aws_cdk import aws_s3 as s3

from cdk.acknowledged import acknowledge
from tests.cdk.linting import acknowledged, cfn_lint, nag
from tests.cdk.watched import watched, watched_stack


class _Unheard:
    """Takes reasons, and tells them nobody."""

    @classmethod
    def of(cls, _construct: object) -> _Unheard:
        return cls()

    def acknowledge(self, *_reasons: object) -> None:
        """Do nothing."""


def test_nag_finds_nothing_in_what_watches() -> None:
    app = App()
    watched_stack(app, queue=False, settings={"more_metrics": True, "emails": ["ops@example.com"]})
    assert nag(app) == []
    assert acknowledged(app) == []


def test_nag_finds_what_is_wrong_until_a_reason_is_given() -> None:
    app = App()
    bucket = s3.Bucket(Stack(app, "Stack"), "Files")
    acknowledge(bucket, "AwsSolutions-S1", "It is for this test.")
    (found,) = nag(app)
    assert found.startswith("AwsSolutions-S10 Stack/Files/Resource: ")
    assert [one[0] for one in acknowledged(app)] == ["Stack/Files"]


@pytest.mark.parametrize(
    "told",
    [
        {"issuer": {**LOGIN, "tracing": True}},
        {"keys": {"custody": "kms"}, "issuer": {"front_end": "http_api"}},
        {"delivery": "s3", "issuer": TOKENS},
    ],
)
def test_each_reason_is_needed(told: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, _ = app_of(config_of(**told))
    given = {rule.removeprefix("Annotation::") for _, rule, _ in acknowledged(usual)}
    monkeypatch.setattr("cdk.acknowledged.Validations", _Unheard)
    bare, _ = app_of(config_of(**told))
    assert {one.split(" ")[0] for one in nag(bare)} == given


def test_each_reason_is_a_sentence() -> None:
    app, _ = app_of(config_of())
    given = acknowledged(app)
    assert given
    for _, rule, reason in given:
        assert "AwsSolutions-" in rule
        assert reason.endswith(".")
        assert len(reason.split()) >= 4


def test_cfn_lint_finds_nothing_in_what_watches() -> None:
    assert cfn_lint(watched(queue=True, settings={"more_metrics": True})) == []


def test_cfn_lint_finds_what_cloudformation_would_refuse() -> None:
    changed = watched()
    changed["Resources"]["Topic"] = {"Type": "AWS::SNS::Topic", "Properties": {"Name": "x"}}
    (found,) = cfn_lint(changed)
    assert found.startswith("E3002 Resources/Topic/Properties/Name: ")
