"""The template's permissions are those that the calls of a whole rotation, recorded, ask for."""

from __future__ import annotations

import pytest

from tests.cdk.templates import Json, of_type, statements, template_of
from tests.rotation.policies import allowed

# tests/rotation/test_permissions.py holds these policies to what a rotation asks.
RECORDED = {
    "usual": ({}, ("Tick",)),
    "keys in KMS": ({"custody": "kms"}, ("Tick", "Kms")),
    "ends with its stack": ({"destroy": True}, ("Tick", "Destroy")),
}
TRACES = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def actions_of(template: Json, handler: str) -> set[str]:
    """Return what the function's role may do, but for its log."""
    (role,) = (
        one["Properties"]["Role"]["Fn::GetAtt"][0]
        for one in of_type(template, "AWS::Lambda::Function").values()
        if one["Properties"]["Handler"] == handler
    )
    found = set()
    for policy, statement in statements(template):
        attached = template["Resources"][policy]["Properties"]["Roles"]
        if {"Ref": role} in attached and statement["Sid"] != "WriteLog":
            actions = statement["Action"]
            found |= {actions} if isinstance(actions, str) else set(actions)
    return found


@pytest.mark.parametrize("keys", RECORDED)
def test_the_rotation_may_do_what_it_does_and_no_more(keys: str) -> None:
    settings, parts = RECORDED[keys]
    assert actions_of(template_of(keys=settings), "rotate.handler") == allowed(*parts)


def test_the_issuer_reads_and_traces_and_no_more() -> None:
    read = {"secretsmanager:GetSecretValue", "ssm:GetParameter"}
    assert actions_of(template_of(), "issue.handler") == read
    traced = template_of(issuer={"tracing": True})
    assert actions_of(traced, "issue.handler") == read | TRACES
