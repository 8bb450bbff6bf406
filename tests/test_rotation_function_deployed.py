"""The rotation function in AWS's runtime client, and in MiniStack with no more rights than the docs list."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from signer import PrivateKey
from signer.aws import KmsKey
from signer.credential import Credential
from signer.keys import PublicKey
from signer.rotation import orders
from signer.rotation.driver import Rotation
from signer.rotation.opening import open_rotation
from signer.rotation.stack_properties import asked
from tests import runtime_api
from tests.canaries import Scanner
from tests.lambda_asset import make_asset
from tests.ministack_cloud import ROOT_KEY, Cloud, Function, running_cloud
from tests.rotation.policies import allowed
from tests.rotation.stack import SIGNATURE, Stack, waiting_stack

pytestmark = [
    pytest.mark.ministack,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is for Linux"),
]

CANARY = "canary-3f9a"
ISSUER = "arn:aws:iam::000000000000:role/issuer"
NOT_YET = '{"status": "not-initialised"}'


class Deployment:
    """A table, two secrets and a ring's name, all of their own."""

    def __init__(self, cloud: Cloud, asset: Path) -> None:
        self.cloud, self.asset = cloud, asset
        self.name = f"media-{uuid4().hex[:8]}"
        self.secrets = {"SigningSecret": f"{self.name}/s", "StandbySecret": f"{self.name}/n"}
        for secret in self.secrets.values():
            cloud.client("secretsmanager").create_secret(Name=secret, SecretString=NOT_YET)
        cloud.client("dynamodb").create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.properties = {"Name": self.name, "Period": "2h", "Soak": "0", **self.secrets}
        self.variables = {"SIGNER_RING": f"dynamodb:{self.name}/ring"}

    def deploy(self, *parts: str, without: str = "") -> Function:
        """Deploy the function with the rights of these parts of the docs' policy, but one."""
        actions = allowed(*parts) - {without}
        return self.cloud.deploy(
            self.name, self.asset, self.variables, actions, handler="rotate.handler", seconds=60
        )

    def rotation(self) -> Rotation:
        """Return a rotation with the rights of the account's root."""
        services = ("cloudfront", "dynamodb", "kms", "secretsmanager")
        clients = {service: self.cloud.client(service) for service in services}
        return open_rotation(self.variables["SIGNER_RING"], clients=clients)

    def credential(self) -> Credential:
        """Return what issuers read."""
        client = self.cloud.client("secretsmanager")
        answer = client.get_secret_value(SecretId=self.secrets["SigningSecret"])
        return Credential.from_json(answer["SecretString"])

    def group(self) -> tuple[str, list[str]]:
        """Return the id of the ring's key group and what is in it."""
        listed = self.cloud.client("cloudfront").list_key_groups()["KeyGroupList"].get("Items", ())
        for one in (item["KeyGroup"] for item in listed):
            if one["KeyGroupConfig"]["Name"] == self.name:
                return one["Id"], one["KeyGroupConfig"]["Items"]
        return "", []

    def check_signing(self) -> None:
        """The credential's key is the one that CloudFront has under its id, and in the group."""
        credential = self.credential()
        assert credential.key_pair_id in self.group()[1]
        found = self.cloud.client("cloudfront").get_public_key(Id=credential.key_pair_id)
        public = PublicKey.from_pem(found["PublicKey"]["PublicKeyConfig"]["EncodedKey"])
        if credential.kms_key is None:
            assert public == credential.held_key.public_key()
        else:
            kms = self.cloud.client("kms")
            there = KmsKey(credential.kms_key.arn, credential.algorithm, kms).public_key()
            assert there == public

    def scanner(self) -> Scanner:
        """Return what finds any private half of the ring."""
        scanner = Scanner()
        client = self.cloud.client("secretsmanager")
        for secret in self.secrets.values():
            versions = client.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)
            for version in versions["Versions"]:
                value = client.get_secret_value(SecretId=secret, VersionId=version["VersionId"])
                document = json.loads(value["SecretString"])
                if "private_key_pem" in document:
                    scanner.add_key(secret, PrivateKey.from_pem(document["private_key_pem"]))
        return scanner


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def asset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_asset(tmp_path_factory.mktemp("asset"))


@pytest.fixture
def deployment(cloud: Cloud, asset: Path) -> Deployment:
    return Deployment(cloud, asset)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with waiting_stack() as waiting:
        yield waiting


@pytest.fixture
def environment(deployment: Deployment, tmp_path: Path) -> dict[str, str]:
    return {
        **ROOT_KEY,
        **deployment.variables,
        "AWS_ENDPOINT_URL": deployment.cloud.endpoint_url,
        "PYTHONPYCACHEPREFIX": str(tmp_path),
    }


# In AWS's runtime client.


def test_a_ring_from_its_first_event_to_its_end(
    deployment: Deployment, stack: Stack, environment: dict[str, str]
) -> None:
    properties: dict[str, Any] = {**deployment.properties, "Destroy": "true"}
    # As loud as it can be made: the runtime client's own log, too.
    loud = {"POWERTOOLS_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_FORMAT": "JSON"}  # fmt: skip
    shown = []
    with runtime_api.running(
        deployment.asset, "rotate.handler", {**environment, **loud}
    ) as runtime:
        assert runtime.invoke({}).kind == "error", "there is no ring yet"
        shown.append(runtime.invoke(stack.event("Create", **properties)).payload)
        answer = stack.answer
        group = answer["PhysicalResourceId"]
        assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"KeyGroupId": group})
        deployment.check_signing()
        acts = []
        for _ in range(12):
            outcome = runtime.invoke({"source": "aws.scheduler"})
            assert outcome.kind == "response", runtime.log()
            shown.append(outcome.payload)
            acts.append(outcome.payload["act"])
        assert acts[:5] == [
            "plan",
            "store",
            "upload",
            "publish",
            "test",
        ]
        assert shown[-1]["result"] == "waiting"
        assert len(deployment.group()[1]) == 2
        scanner = deployment.scanner()
        runtime.invoke(stack.event("Delete", group, **properties))
        assert stack.answer["Status"] == "SUCCESS"
        log = runtime.log()
    assert deployment.group() == ("", [])
    assert scanner.hits(log + json.dumps(shown) + json.dumps(stack.answers)) == set()
    assert SIGNATURE not in log
    lines = [json.loads(line) for line in log.splitlines()]
    emf = [line for line in lines if "_aws" in line]
    assert len(emf) == 13, "one for each tick, the failed one included"
    assert [line["FailedTicks"] for line in emf] == [[1.0]] + [[0.0]] * 12


@pytest.mark.parametrize("value", ["", CANARY, f"file:{CANARY}"])
def test_a_wrong_setting_fails_at_start_and_is_named(
    asset: Path, environment: dict[str, str], value: str
) -> None:
    wrong = {**environment, "SIGNER_RING": value}
    with runtime_api.running(asset, "rotate.handler", wrong) as runtime:
        outcome = runtime.outcome()
        assert runtime.process.wait(10) != 0
        log = runtime.log()
    assert outcome.kind == "init/error"
    assert re.search(r"SIGNER_RING.*set it to dynamodb:", outcome.payload["errorMessage"])
    assert CANARY not in json.dumps(outcome.payload) + log


# In MiniStack, with the rights that the docs list.


@pytest.mark.parametrize(
    ("custody", "parts"), [("secret", ("Tick",)), ("kms", ("Tick", "Kms"))], ids=["secret", "kms"]
)
def test_ticks_with_the_listed_rights_come_to_a_key_that_stands_by(
    deployment: Deployment, stack: Stack, custody: str, parts: tuple[str, ...]
) -> None:
    function = deployment.deploy(*parts)
    properties = {**deployment.properties, "Custody": custody, "IssuerRoleArn": ISSUER}
    went_well, told = function.invoke(stack.event("Create", **properties))
    assert went_well, told
    assert told["status"] == "SUCCESS", stack.answers
    assert stack.answer["Data"] == {"KeyGroupId": deployment.group()[0]}
    deployment.check_signing()
    for _ in range(15):
        went_well, told = function.invoke({})
        assert went_well, told
        if told["result"] == "waiting":
            break
    assert told["result"] == "waiting"
    assert len(deployment.group()[1]) == 2
    deployment.check_signing()


def test_ticks_alone_come_to_a_key_that_signs(deployment: Deployment) -> None:
    settings = asked(deployment.properties).settings
    orders.create(deployment.rotation(), deployment.name, settings)
    function = deployment.deploy("Tick")
    acts = []
    for _ in range(6):
        went_well, told = function.invoke({})
        assert went_well, told
        acts.append(told["act"])
    assert acts == [
        "plan",
        "store",
        "upload",
        "create_group",
        "stage",
        "promote",
    ]
    deployment.check_signing()


@pytest.mark.parametrize(
    "missing",
    [
        "cloudfront:CreateKeyGroup",
        "cloudfront:CreatePublicKey",
        "dynamodb:PutItem",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    ],
)
def test_a_right_that_is_missing_is_named(deployment: Deployment, missing: str) -> None:
    settings = asked(deployment.properties).settings
    orders.create(deployment.rotation(), deployment.name, settings)
    function = deployment.deploy("Tick", without=missing)
    for _ in range(8):
        went_well, told = function.invoke({})
        if not went_well:
            break
    assert not went_well, "it does not need that right"
    assert re.fullmatch(f"aws_denied: .*; the role needs {missing}", told["errorMessage"])
    assert told["errorType"] == "EventFailedError"


def test_a_stack_in_cloudformation(deployment: Deployment) -> None:
    deployment.deploy("Tick", "Destroy")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{deployment.name}"
    stacks = deployment.cloud.client("cloudformation")

    def template(**changed: str) -> str:
        ring = {
            "Type": "Custom::SigningKeyRing",
            "Properties": {
                "ServiceToken": arn,
                "ServiceTimeout": 60,
                "Destroy": True,
                **deployment.properties,
                **changed,
            },
        }
        output = {"Value": {"Fn::GetAtt": ["Ring", "KeyGroupId"]}}
        return json.dumps({"Resources": {"Ring": ring}, "Outputs": {"KeyGroup": output}})

    stacks.create_stack(StackName=deployment.name, TemplateBody=template())
    stacks.get_waiter("stack_create_complete").wait(
        StackName=deployment.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    group, members = deployment.group()
    (made,) = stacks.describe_stacks(StackName=deployment.name)["Stacks"]
    assert [one["OutputValue"] for one in made["Outputs"]] == [group]
    deployment.check_signing()

    stacks.update_stack(StackName=deployment.name, TemplateBody=template(Period="3h"))
    stacks.get_waiter("stack_update_complete").wait(
        StackName=deployment.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert deployment.group() == (group, members)

    stacks.delete_stack(StackName=deployment.name)
    stacks.get_waiter("stack_delete_complete").wait(
        StackName=deployment.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert deployment.group() == ("", [])
