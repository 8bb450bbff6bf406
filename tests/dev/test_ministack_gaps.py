from __future__ import annotations

import json
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from signer.dev.environment import ready_environment
from signer.dev.ministack import (
    ACCESS_KEY_ID,
    GAPS,
    REGION,
    SECRET_ACCESS_KEY,
    STACK_SERVICES,
    running_ministack,
)
from tests.dev.gaps_template import BROKEN, changed, template
from tests.tls import make_tls

pytestmark = pytest.mark.ministack

STACK = "gaps"
SECOND_PORT = 443


@dataclass
class Stack:
    """A MiniStack with TLS, with the template deployed in it."""

    endpoint_url: str
    ca: Path
    group_id: str = ""
    key_id: str = ""
    outputs: dict[str, str] | None = None

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        """Return a client with the rights of the account's root."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            verify=str(self.ca),
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )

    def __getitem__(self, output: str) -> str:
        assert self.outputs is not None
        return self.outputs[output]

    def deploy(self, verb: str, body: dict[str, Any], name: str = STACK) -> dict[str, Any]:
        """Create or update a stack, and wait for what comes of it."""
        stacks = self.client("cloudformation")
        getattr(stacks, f"{verb}_stack")(
            StackName=name, TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_IAM"]
        )
        return self.settled(name)

    def settled(self, name: str = STACK) -> dict[str, Any]:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            (stack,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return dict(stack)
            time.sleep(0.05)
        raise AssertionError(name)

    def call(self, **event: object) -> Any:  # noqa: ANN401 - what the function answers
        answer = self.client("lambda").invoke(
            FunctionName=self["Function"], Payload=json.dumps(event)
        )
        return json.loads(answer["Payload"].read())

    def view(self, path: str) -> httpx.Response:
        """Ask as a viewer of the distribution does."""
        context = ssl.create_default_context(cafile=self.ca)
        with httpx.Client(verify=context, trust_env=False, timeout=30) as viewer:
            return viewer.get(self.endpoint_url + path, headers={"host": self["Domain"]})

    def state(self) -> dict[str, Any]:
        """Return of some resources what the template says of them."""
        functions = self.client("lambda")
        config = functions.get_function_configuration(FunctionName=self["Function"])
        reserved = functions.get_function_concurrency(FunctionName=self["Function"])
        secret = self.client("secretsmanager").describe_secret(SecretId=self["Secret"])
        groups = self.client("logs").describe_log_groups(logGroupNamePrefix=self["Log"])
        deliveries = self.client("logs").describe_deliveries()["deliveries"]
        alarms = self.client("cloudwatch").describe_alarms()["MetricAlarms"]
        return {
            "parameter": self.client("ssm").get_parameter(Name=self["Parameter"])["Parameter"][
                "Value"
            ],
            "function": sorted(config["Environment"]["Variables"]),
            "reserved": reserved.get("ReservedConcurrentExecutions"),
            "secret": secret["Description"],
            "days": groups["logGroups"][0]["retentionInDays"],
            "fields": [delivery["recordFields"] for delivery in deliveries],
            "thresholds": sorted(alarm["Threshold"] for alarm in alarms),
        }


AS_WRITTEN = {
    "parameter": "one",
    "function": ["SECRET"],
    "reserved": 7,
    "secret": "a key",
    "days": 30,
    "fields": [["date", "time"]],
    "thresholds": [1.0, 2.0],
}


@pytest.fixture(scope="module")
def python() -> Path:
    return ready_environment(print)


@pytest.fixture(scope="module")
def stack(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    tls = make_tls(tmp_path_factory.mktemp("tls"))
    with running_ministack(python, services=STACK_SERVICES, tls=tls) as running:
        stack = Stack(running.endpoint_url, tls.ca)
        cloudfront = stack.client("cloudfront")
        key = {"CallerReference": "one", "Name": "one", "EncodedKey": "PEM"}
        stack.key_id = cloudfront.create_public_key(PublicKeyConfig=key)["PublicKey"]["Id"]
        group = {"Name": "ring", "Items": [stack.key_id]}
        stack.group_id = cloudfront.create_key_group(KeyGroupConfig=group)["KeyGroup"]["Id"]
        made = stack.deploy("create", template(stack.group_id))
        assert made["StackStatus"] == "CREATE_COMPLETE", made.get("StackStatusReason")
        stack.outputs = {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}
        yield stack


@pytest.mark.parametrize("file", GAPS, ids=lambda file: file.stem)
def test_all_that_is_touched_is_there(python: Path, file: Path) -> None:
    """It fails when another version of MiniStack has moved something."""
    unknown = ["ministack.app:no_such_name", "ministack.no_such_module:name"]
    command = [str(python), "-I", str(file), *unknown]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert json.loads(answer.stdout) == unknown


def test_over_tls_it_has_one_port(stack: Stack) -> None:
    assert stack.endpoint_url.startswith("https://localhost:")
    with pytest.raises(httpx.TransportError), httpx.Client(trust_env=False) as client:
        client.get(f"https://127.0.0.1:{SECOND_PORT}/_ministack/health", timeout=2)


def test_a_secret_is_named_by_its_arn_and_filled(stack: Stack) -> None:
    assert stack["Secret"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:gaps-")
    made = stack.client("secretsmanager").get_secret_value(SecretId=stack["Secret"])
    assert len(made["SecretString"]) == 64
    assert made["SecretString"].isalnum()
    policy = stack.client("secretsmanager").get_resource_policy(SecretId=stack["Secret"])
    assert "secretsmanager:DeleteSecret" in policy["ResourcePolicy"]


def test_a_function_finds_its_way_back_and_may_do_what_its_role_may(stack: Stack) -> None:
    told = stack.call(do="secret")
    assert told["handler"] == "index.handler"
    assert told["endpoint"].startswith("https://127.0.0.1:")
    assert told["AWSCURRENT"] == told["no stage"] == "read"
    assert told["AWSPENDING"] == told["written"] == "AccessDeniedException"


def test_a_custom_resource_has_attributes(stack: Stack) -> None:
    assert stack["RingGroup"] == "made by the function"


def test_the_distributions_of_a_key_group_are_listed(stack: Stack) -> None:
    cloudfront = stack.client("cloudfront")
    listed = cloudfront.list_distributions_by_key_group(KeyGroupId=stack.group_id)
    assert listed["DistributionIdList"]["Items"] == [stack["Distribution"]]
    # A role needs the permission of that very name.
    assert stack.call(do="list", group=stack.group_id) == [stack["Distribution"]]
    with pytest.raises(cloudfront.exceptions.NoSuchResource):
        cloudfront.list_distributions_by_key_group(KeyGroupId="none")


def test_a_distribution_tells_its_active_keys_and_its_ports(stack: Stack) -> None:
    found = stack.client("cloudfront").get_distribution(Id=stack["Distribution"])["Distribution"]
    assert found["Status"] == "Deployed"
    (group,) = found["ActiveTrustedKeyGroups"]["Items"]
    assert group["KeyGroupId"] == stack.group_id
    assert group["KeyPairIds"]["Items"] == [stack.key_id]
    _, issuer = found["DistributionConfig"]["Origins"]["Items"]
    assert issuer["CustomOriginConfig"]["HTTPPort"] == 80
    assert issuer["CustomOriginConfig"]["HTTPSPort"] == 443


def test_origin_access_control_needs_the_bucket_policy(stack: Stack) -> None:
    s3 = stack.client("s3")
    s3.put_object(Bucket=stack["Bucket"], Key="a.txt", Body=b"hello")
    assert stack.view("/a.txt").text == "hello"
    policy = s3.get_bucket_policy(Bucket=stack["Bucket"])["Policy"]
    s3.put_bucket_policy(
        Bucket=stack["Bucket"], Policy=policy.replace(stack["Distribution"], "EANOTHER")
    )
    assert stack.view("/a.txt").status_code == 403
    s3.put_bucket_policy(Bucket=stack["Bucket"], Policy=policy)


@pytest.mark.parametrize("permission", ["ByUrl", "ByFunction"])
def test_origin_access_control_needs_both_permissions(stack: Stack, permission: str) -> None:
    assert stack.view("/auth/x").json() == {"seen": "/auth/x"}
    functions = stack.client("lambda")
    policy = json.loads(functions.get_policy(FunctionName=stack["Function"])["Policy"])
    (sid,) = (one["Sid"] for one in policy["Statement"] if f"-{permission}-" in one["Sid"])
    functions.remove_permission(FunctionName=stack["Function"], StatementId=sid)
    assert stack.view("/auth/x").status_code == 403
    revert(stack)
    assert stack.view("/auth/x").status_code == 200


def test_a_schedule_calls_its_function(stack: Stack) -> None:
    stack.client("scheduler").create_schedule(
        Name="once",
        ScheduleExpression="at(2020-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": stack["FunctionArn"],
            "RoleArn": stack["RoleArn"],
            "Input": json.dumps({"do": "note", "what": "it was the schedule"}),
        },
    )
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = stack.client("ssm").get_parameters(Names=["/noted"])["Parameters"]
        if found:
            break
        time.sleep(0.1)
    assert [one["Value"] for one in found] == ["it was the schedule"]


def test_an_update_that_fails_changes_nothing(stack: Stack) -> None:
    assert stack.state() == AS_WRITTEN
    value = stack.client("secretsmanager").get_secret_value(SecretId=stack["Secret"])
    body = changed(stack.group_id)
    body["Resources"]["Broken"] = {**BROKEN, "DependsOn": [*template("")["Resources"]]}
    assert stack.deploy("update", body)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.state() == AS_WRITTEN
    again = stack.client("secretsmanager").get_secret_value(SecretId=stack["Secret"])
    assert again["VersionId"] == value["VersionId"]


def test_a_create_that_fails_leaves_what_is_to_be_retained(stack: Stack) -> None:
    kept = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}
    body = {
        "Resources": {
            "Kept": {**kept, "DeletionPolicy": "Retain"},
            "Gone": kept,
            "Broken": {**BROKEN, "DependsOn": ["Kept", "Gone"]},
        }
    }
    assert stack.deploy("create", body, "failing")["StackStatus"] == "ROLLBACK_COMPLETE"
    found = stack.client("ssm").get_parameters(Names=["/failing/Kept", "/failing/Gone"])
    assert [one["Name"] for one in found["Parameters"]] == ["/failing/Kept"]


def revert(stack: Stack) -> None:
    """Do what ``cdk deploy --revert-drift`` does."""
    stacks = stack.client("cloudformation")
    made = stacks.create_change_set(
        StackName=STACK,
        ChangeSetName=f"revert-{uuid.uuid4()}",
        ChangeSetType="UPDATE",
        DeploymentMode="REVERT_DRIFT",
        TemplateBody=json.dumps(template(stack.group_id)),
        Capabilities=["CAPABILITY_IAM"],
    )
    stacks.execute_change_set(ChangeSetName=made["Id"])
    assert stack.settled()["StackStatus"] == "UPDATE_COMPLETE"


@pytest.mark.last(1)
def test_drift_is_reverted_and_neither_secrets_nor_custom_resources_are_touched(
    stack: Stack,
) -> None:
    secrets, functions = stack.client("secretsmanager"), stack.client("lambda")
    secrets.put_secret_value(SecretId=stack["Secret"], SecretString="the key of now")
    secrets.update_secret(SecretId=stack["Secret"], Description="drifted")
    functions.update_function_configuration(
        FunctionName=stack["Function"], Environment={"Variables": {"OTHER": "x"}}
    )
    functions.delete_function_concurrency(FunctionName=stack["Function"])
    stack.client("logs").put_retention_policy(logGroupName=stack["Log"], retentionInDays=1)
    stack.client("ssm").put_parameter(Name=stack["Parameter"], Value="drifted", Overwrite=True)
    assert stack.state() != AS_WRITTEN
    revert(stack)
    assert stack.state() == AS_WRITTEN
    value = secrets.get_secret_value(SecretId=stack["Secret"])
    assert value["SecretString"] == "the key of now"
    # The function notes every request of CloudFormation that it gets.
    asked = stack.client("ssm").get_parameters(Names=["/asked"])["Parameters"]
    assert [one["Value"] for one in asked] == ["Create"]


def test_without_tls_a_request_counts_as_secure(python: Path) -> None:
    with running_ministack(python, services="cloudformation,s3,iam,sts") as running:
        s3 = boto3.client(
            "s3",
            endpoint_url=running.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(s3={"addressing_style": "path"}, proxies={}),
        )
        s3.create_bucket(Bucket="secure")
        denied = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::secure", "arn:aws:s3:::secure/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        policy = {"Version": "2012-10-17", "Statement": [denied]}
        s3.put_bucket_policy(Bucket="secure", Policy=json.dumps(policy))
        s3.put_object(Bucket="secure", Key="a", Body=b"b")
