"""The stack in an AWS that checks signatures, permissions and TLS: what works, and what each permission is for."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from signer.errors import ConfigurationError
from signer.rotation import orders
from signer.rotation.driver import Rotation
from signer.rotation.opening import open_rotation
from signer.rotation.ring import KeyState, Ring
from tests.cdk.clouds import DeployedStack, running_stack
from tests.loopback_identity import AUDIENCE, IdentityProvider, identity_provider

pytestmark = [
    pytest.mark.ministack,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="tested where the emulator is"),
]

NAME = "strict"
CONFIG = """
name = "strict"
[site]
public_paths = ["/public/*"]
retain_bucket = false
[issuer]
grants = "grants.toml"
oidc_issuer = "{issuer}"
oidc_client_id = "{audience}"
token_audience = "{audience}"
memory = {memory}
[keys]
soak = "0s"
probes = 0
max_lifetime = "15m"
tick_minutes = 60
destroy = {destroy}
[functions]
for_this_machine = true
"""


def config(provider: IdentityProvider, *, memory: int = 512, destroy: bool = False) -> str:
    told = {"issuer": provider.url, "audience": AUDIENCE, "memory": memory}
    return CONFIG.format(**told, destroy="true" if destroy else "false")


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as running:
        yield running


@pytest.fixture(scope="module")
def stack(provider: IdentityProvider) -> Iterator[DeployedStack]:
    with running_stack(NAME, config(provider), strict=True) as deployed:
        yield deployed


@pytest.fixture
def headers(stack: DeployedStack, provider: IdentityProvider) -> dict[str, str]:
    return {
        "x-issuer-token": provider.token(),
        "x-issuer-request": "1",
        "origin": stack.outputs["SiteUrl"],
        "content-type": "application/json",
    }


# What works.


def test_the_issuer_answers_the_distribution_only(
    stack: DeployedStack, headers: dict[str, str]
) -> None:
    assert stack.ask("POST", "/auth/cookies", headers, signed=False).status_code == 403
    answer = stack.ask("POST", "/auth/cookies", headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["grants"] == ["docs"]
    assert "CloudFront-Signature=" in str(answer.headers.get_list("set-cookie"))


def test_the_issuer_signs_for_the_distributions_own_name(
    stack: DeployedStack, headers: dict[str, str]
) -> None:
    distribution = stack.client("cloudfront").get_distribution(Id=stack.outputs["DistributionId"])
    name = distribution["Distribution"]["DomainName"]
    assert stack.outputs["SiteUrl"] == f"https://{name}"
    answer = stack.ask("GET", "/images/a.jpg/url", headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["url"].startswith(f"https://{name}/images/a.jpg?")


def test_the_key_that_signs_is_in_the_group(stack: DeployedStack) -> None:
    secrets = stack.client("secretsmanager")
    value = secrets.get_secret_value(SecretId=stack.outputs["SigningSecret"])
    assert json.loads(value["SecretString"])["key_pair_id"] in stack.members()


def test_files_are_read_by_the_distribution_only(stack: DeployedStack) -> None:
    bucket, site = stack.outputs["BucketName"], stack.outputs["SiteUrl"]
    stack.client("s3").put_object(Bucket=bucket, Key="public/a.txt", Body=b"hello")
    asked = f"{stack.cdk.endpoint_url}/{bucket}/public/a.txt"
    assert stack.send("GET", asked, {}).status_code == 403
    host = {"host": site.removeprefix("https://")}
    served = stack.send("GET", f"{stack.cdk.endpoint_url}/public/a.txt", host)
    assert (served.status_code, served.content) == (200, b"hello")
    assert served.headers["referrer-policy"] == "no-referrer"


def test_the_distribution_reaches_the_issuer_by_both_permissions(stack: DeployedStack) -> None:
    host = {"host": stack.outputs["SiteUrl"].removeprefix("https://")}
    address = f"{stack.cdk.endpoint_url}/auth/session"
    assert stack.send("GET", address, host).json() == {"signed_in": False, "grants": []}
    functions, name = stack.client("lambda"), stack.outputs["IssuerFunction"]
    statements = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    assert len(statements) == 2
    for one in statements:
        condition = one["Condition"]
        functions.remove_permission(FunctionName=name, StatementId=one["Sid"])
        assert stack.send("GET", address, host).status_code == 403, one["Action"]
        functions.add_permission(
            FunctionName=name,
            StatementId=one["Sid"],
            Action=one["Action"],
            Principal="cloudfront.amazonaws.com",
            SourceArn=condition["ArnLike"]["AWS:SourceArn"],
            **({"InvokedViaFunctionUrl": True} if "Bool" in condition else {}),
        )
    assert stack.send("GET", address, host).status_code == 200


def test_another_distribution_may_not_read(stack: DeployedStack) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["BucketName"]
    host = {"host": stack.outputs["SiteUrl"].removeprefix("https://")}
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    foreign = policy.replace(stack.outputs["DistributionId"], "EANOTHERDISTRO")
    assert foreign != policy
    s3.put_bucket_policy(Bucket=bucket, Policy=foreign)
    try:
        refused = stack.send("GET", f"{stack.cdk.endpoint_url}/public/a.txt", host)
        assert refused.status_code == 403
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def test_the_schedule_invokes_the_tick(stack: DeployedStack) -> None:
    (schedule,) = stack.client("scheduler").list_schedules()["Schedules"]
    found = stack.client("scheduler").get_schedule(Name=schedule["Name"])
    assert found["Target"]["Arn"].endswith(f":function:{stack.outputs['TickFunction']}")
    assert found["Target"]["RoleArn"]
    assert found["ScheduleExpression"] == "rate(60 minutes)"


def test_another_deployment_changes_nothing(stack: DeployedStack) -> None:
    assert "There were no differences" in stack.cdk.diff()


# What each statement of each role is for: without it, something fails.


def roles(stack: DeployedStack) -> dict[str, tuple[str, str]]:
    """Return role and policy by the start of their names in the template."""
    iam = stack.client("iam")
    found = {}
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        if name.startswith(f"{NAME}-"):
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                found[name.removeprefix(f"{NAME}-").partition("Role")[0]] = (name, policy)
    return found


@contextlib.contextmanager
def without(stack: DeployedStack, start: str, sid: str) -> Iterator[str]:
    """Take one statement away from a role until the block ends."""
    iam = stack.client("iam")
    role, policy = roles(stack)[start]
    before = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    left = [one for one in before["Statement"] if one["Sid"] != sid]
    assert len(left) == len(before["Statement"]) - 1
    document = {**before, "Statement": left}
    if left:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    try:
        yield role
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(before))
        # An issuer that was refused its secrets does not ask again at once.
        stack.start_issuer_anew()


@contextlib.contextmanager
def as_role(stack: DeployedStack, role: str, service: str) -> Iterator[Any]:
    """Yield a client with a role's rights; the role trusts us meanwhile, besides its service."""
    iam = stack.client("iam")
    before = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    account = "arn:aws:iam::000000000000"
    ours = {"Effect": "Allow", "Principal": {"AWS": f"{account}:root"}, "Action": "sts:AssumeRole"}
    trust = {**before, "Statement": [*before["Statement"], ours]}
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    try:
        session = stack.client("sts").assume_role(
            RoleArn=f"{account}:role/{role}", RoleSessionName="test"
        )
        found = session["Credentials"]
        yield stack.client(
            service,
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
            aws_session_token=found["SessionToken"],
        )
    finally:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(before))


def ticks(stack: DeployedStack, _role: str, _headers: dict[str, str]) -> bool:
    went_well, told = stack.invoke("TickFunction", {})
    assert went_well or told["errorMessage"].startswith("aws_denied"), told
    return went_well


def signs(stack: DeployedStack, _role: str, headers: dict[str, str]) -> bool:
    stack.start_issuer_anew()
    return stack.ask("POST", "/auth/cookies", headers).status_code == 200


def begins_log_in(stack: DeployedStack, _role: str, _headers: dict[str, str]) -> bool:
    stack.start_issuer_anew()
    return stack.ask("GET", "/auth/login?return_to=/").status_code == 303


def invokes(stack: DeployedStack, role: str, _headers: dict[str, str]) -> bool:
    with as_role(stack, role, "lambda") as functions:
        return is_allowed(functions.invoke, FunctionName=stack.outputs["TickFunction"])


def writes_log(output: str) -> Callable[[DeployedStack, str, dict[str, str]], bool]:
    def does(stack: DeployedStack, role: str, _headers: dict[str, str]) -> bool:
        function = stack.client("lambda").get_function_configuration(
            FunctionName=stack.outputs[output]
        )
        group = {
            "logGroupName": function["LoggingConfig"]["LogGroup"],
            "logStreamName": uuid4().hex,
        }
        event = {"timestamp": int(time.time() * 1000), "message": "hello"}
        with as_role(stack, role, "logs") as logs:
            made = is_allowed(logs.create_log_stream, **group)
            return made and is_allowed(logs.put_log_events, **group, logEvents=[event])

    return does


def is_allowed(call: Callable[..., object], **members: object) -> bool:
    try:
        call(**members)
    except ClientError as error:
        if "AccessDenied" not in error.response["Error"]["Code"]:
            raise
        return False
    return True


NEEDED = {
    ("KeysTick", "TickRing"): ticks,
    ("KeysTick", "TickSecrets"): ticks,
    ("KeysTick", "TickKeyGroup"): ticks,
    ("KeysTick", "WriteLog"): writes_log("TickFunction"),
    ("KeysScheduler", "InvokeTick"): invokes,
    ("IssuerIssue", "ReadCredential"): signs,
    ("IssuerIssue", "ReadSecrets"): begins_log_in,
    ("IssuerIssue", "ReadBaseUrl"): signs,
    ("IssuerIssue", "WriteLog"): writes_log("IssuerFunction"),
}


def test_every_statement_is_in_the_list_below(stack: DeployedStack) -> None:
    iam = stack.client("iam")
    found = set()
    for start, (role, policy) in roles(stack).items():
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        found |= {(start, one["Sid"]) for one in document["Statement"]}
    assert found == set(NEEDED)


@pytest.mark.parametrize(("start", "sid"), NEEDED)
def test_each_statement_is_needed(
    stack: DeployedStack, headers: dict[str, str], start: str, sid: str
) -> None:
    works = NEEDED[start, sid]
    assert works(stack, roles(stack)[start][0], headers)
    with without(stack, start, sid) as role:
        assert not works(stack, role, headers)


def test_the_issuer_reads_no_other_version_and_not_the_next_key(stack: DeployedStack) -> None:
    role = roles(stack)["IssuerIssue"][0]
    names = [one["Name"] for one in stack.client("secretsmanager").list_secrets()["SecretList"]]
    (standby,) = (name for name in names if "Standby" in name)
    with as_role(stack, role, "secretsmanager") as secrets:
        assert not is_allowed(secrets.get_secret_value, SecretId=standby)
        assert is_allowed(secrets.get_secret_value, SecretId=stack.outputs["SigningSecret"])


# Deployments in the middle of a rotation.


def rotation_of(stack: DeployedStack) -> Rotation:
    services = ("cloudfront", "secretsmanager", "dynamodb")
    clients = {one: stack.client(one) for one in services}
    return open_rotation(stack.outputs["Ring"], clients=clients)


def stands_by(ring: Ring) -> bool:
    return ring.coming is not None and ring.coming.state is KeyState.STANDBY


def ticked_until(stack: DeployedStack, holds: Callable[[], bool]) -> None:
    for _ in range(30):
        if holds():
            return
        stack.tick()
        time.sleep(0.2)
    raise AssertionError(stack.tick())


@pytest.mark.last(1)
def test_nothing_that_is_deployed_takes_a_rotation_back(
    stack: DeployedStack, provider: IdentityProvider
) -> None:
    rotation = rotation_of(stack)
    ticked_until(stack, lambda: rotation.ring().coming is not None and stands_by(rotation.ring()))
    orders.rotate(rotation)
    former = rotation.ring().active
    assert former is not None
    ticked_until(stack, lambda: rotation.ring().active != former and len(stack.members()) > 1)
    before = stack.members()
    assert former.public_key_id in before, "what it signed is good for a while"

    stack.configure(config(provider, memory=768))
    with pytest.raises(ConfigurationError) as caught:
        stack.cdk.run(
            *("deploy", "--require-approval", "never"), app="python -m tests.cdk.failing_app"
        )
    assert "Broken" in str(caught.value.evidence["output"])
    (found,) = stack.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.issuer_memory() == 512, "it was rolled back"
    assert stack.members() == before, "a deployment that failed"

    stack.client("lambda").update_function_configuration(
        FunctionName=stack.outputs["TickFunction"], MemorySize=1024
    )
    stack.configure(config(provider, memory=640))
    stack.deploy("--revert-drift")
    assert stack.issuer_memory() == 640, "it was deployed"
    tick = stack.client("lambda").get_function_configuration(
        FunctionName=stack.outputs["TickFunction"]
    )
    assert tick["MemorySize"] == 256, "drift was reverted"
    assert stack.members() == before, "a deployment that corrects drift"
    ticked_until(stack, lambda: stands_by(rotation.ring()))
    assert set(before) < set(stack.members()), "the rotation goes on"


@pytest.mark.last(2)
def test_what_a_rotation_needs_outlives_the_stack(stack: DeployedStack) -> None:
    members, group = stack.members(), stack.outputs["KeyGroupId"]
    secrets = stack.client("secretsmanager")
    stack.client("s3").delete_object(Bucket=stack.outputs["BucketName"], Key="public/a.txt")
    stack.cdk.destroy()
    assert stack.members() == members
    assert secrets.get_secret_value(SecretId=stack.outputs["SigningSecret"])
    assert stack.client("lambda").list_functions()["Functions"] == []
    assert stack.client("cloudfront").get_key_group(Id=group)
