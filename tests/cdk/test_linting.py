"""Our own rules for templates: each is broken on purpose, by one change."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

# First, since it finds a Node.js for the CDK.
from tests.cdk.templates import Json, of_type, template_of  # isort: skip

from tests.cdk.linting import guard, guard_rules
from tests.cdk.watched import watched

Change = Callable[[Json], object]

CDN = "AWS::CloudFront::Distribution"
BUCKET = "AWS::S3::Bucket"
BUCKET_POLICY = "AWS::S3::BucketPolicy"
FUNCTION = "AWS::Lambda::Function"
URL = "AWS::Lambda::Url"
PERMISSION = "AWS::Lambda::Permission"
SECRET = "AWS::SecretsManager::Secret"
ROLE = "AWS::IAM::Role"
POLICY = "AWS::IAM::Policy"
TOPIC_POLICY = "AWS::SNS::TopicPolicy"
TABLE = "AWS::DynamoDB::Table"
DELIVERY = "AWS::Logs::Delivery"


def first(template: Json, kind: str) -> Json:
    """Return the properties of the first resource of a type."""
    properties: Json = next(iter(of_type(template, kind).values()))["Properties"]
    return properties


def told(template: Json) -> Json:
    config: Json = first(template, CDN)["DistributionConfig"]
    return config


def default(template: Json) -> Json:
    behavior: Json = told(template)["DefaultCacheBehavior"]
    return behavior


def statements(template: Json, kind: str = POLICY) -> list[Json]:
    found: list[Json] = first(template, kind)["PolicyDocument"]["Statement"]
    return found


def allow(kind: str = POLICY, **told: object) -> Change:
    return lambda template: statements(template, kind).append({"Effect": "Allow", **told})


def path(**told: object) -> Change:
    behavior = {"PathPattern": "/x/*", "ViewerProtocolPolicy": "https-only", **told}
    return lambda template: template_path(template, behavior)


def template_path(template: Json, behavior: Json) -> None:
    told(template)["CacheBehaviors"].append(behavior)


def put(kind: str, **values: object) -> Change:
    return lambda template: first(template, kind).update(values)


def drop(kind: str, name: str) -> Change:
    return lambda template: first(template, kind).pop(name)


def add(kind: str, **properties: object) -> Change:
    return lambda template: template["Resources"].update(
        {"Added": {"Type": kind, "Properties": properties}}
    )


def without(kind: str) -> Change:
    return lambda template: [template["Resources"].pop(name) for name in of_type(template, kind)]


def certificate(version: str, support: str = "sni-only") -> Change:
    told_of_it = {
        "AcmCertificateArn": "arn:x",
        "MinimumProtocolVersion": version,
        "SslSupportMethod": support,
    }
    return lambda template: told(template).update(ViewerCertificate=told_of_it)


def of_origins(kind: str, change: Callable[[Json], object]) -> Change:
    return lambda template: [change(one) for one in told(template)["Origins"] if kind in one]


def variable(name: str, value: str) -> Change:
    return lambda template: first(template, FUNCTION)["Environment"]["Variables"].update(
        {name: value}
    )


def trusted(principal: object) -> Change:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return lambda template: first(template, ROLE)["AssumeRolePolicyDocument"]["Statement"].append(
        statement
    )


def kept(name: str) -> Change:
    return lambda template: [
        one.update({name: "Delete"}) for one in of_type(template, TABLE).values()
    ]


def unblocked(name: str) -> Change:
    return lambda template: first(template, BUCKET)["PublicAccessBlockConfiguration"].update(
        {name: False}
    )


BROKEN: dict[str, list[Change]] = {
    "default_behavior_is_signed": [
        lambda template: default(template).pop("TrustedKeyGroups"),
        lambda template: default(template).update(TrustedKeyGroups=[]),
    ],
    "only_listed_paths_are_public": [path(), path(TrustedKeyGroups=[])],
    "no_trusted_signers": [
        lambda template: default(template).update(TrustedSigners=["self"]),
        lambda template: told(template)["CacheBehaviors"][1].update(TrustedSigners=["self"]),
    ],
    "no_keys_of_cloudformations": [
        add("AWS::CloudFront::PublicKey"),
        add("AWS::CloudFront::KeyGroup"),
    ],
    "no_page_for_refusals": [
        lambda template: told(template).update(
            CustomErrorResponses=[{"ErrorCode": 404}, {"ErrorCode": 403}]
        )
    ],
    "viewers_use_https": [
        lambda template: default(template).update(ViewerProtocolPolicy="allow-all"),
        lambda template: default(template).pop("ViewerProtocolPolicy"),
        lambda template: told(template)["CacheBehaviors"][1].update(
            ViewerProtocolPolicy="allow-all"
        ),
    ],
    "viewers_have_current_tls": [
        certificate("TLSv1"),
        certificate("TLSv1.1_2016"),
        certificate("TLSv1.2_2025", "vip"),
    ],
    "origins_are_asked_over_https": [
        of_origins(
            "CustomOriginConfig",
            lambda one: one["CustomOriginConfig"].update(OriginProtocolPolicy="match-viewer"),
        ),
        of_origins("S3OriginConfig", lambda one: one.pop("OriginAccessControlId")),
    ],
    "buckets_are_private": [
        unblocked("BlockPublicAcls"),
        unblocked("BlockPublicPolicy"),
        unblocked("IgnorePublicAcls"),
        unblocked("RestrictPublicBuckets"),
        drop(BUCKET, "PublicAccessBlockConfiguration"),
        drop(BUCKET, "BucketEncryption"),
        put(BUCKET, WebsiteConfiguration={"IndexDocument": "index.html"}),
    ],
    "buckets_want_tls": [
        lambda template: statements(template, BUCKET_POLICY).pop(0),
        without(BUCKET_POLICY),
        allow(BUCKET_POLICY, Principal="*", Action="s3:GetObject"),
        allow(BUCKET_POLICY, Principal={"AWS": "*"}, Action="s3:GetObject"),
    ],
    "function_urls_ask_who_it_is": [
        put(URL, AuthType="NONE"),
        put(URL, Cors={"AllowOrigins": ["*"]}),
    ],
    "nobody_else_invokes_functions": [
        put(PERMISSION, Principal="*"),
        put(PERMISSION, Principal="111122223333"),
        put(PERMISSION, FunctionUrlAuthType="NONE"),
        drop(PERMISSION, "SourceArn"),
    ],
    "secrets_are_not_written_down": [
        put(SECRET, SecretString="x"),
    ],
    "no_key_in_variables": [
        variable("SIGNING_PEM", "x"),
        variable("DB_PASSWORD", "x"),
        variable("KEY", "-----BEGIN " + "PRIVATE KEY-----"),
    ],
    "roles_do_only_what_they_are_for": [
        allow(Action="*", Resource="arn:x"),
        allow(Action=["s3:GetObject", "s3:Put*"], Resource="arn:x"),
        allow(NotAction="s3:GetObject", Resource="arn:x"),
        allow(Action="s3:GetObject", NotResource="arn:x"),
        allow(Action="s3:GetObject", Resource="*"),
        allow(Action=["cloudfront:GetKeyGroup", "kms:Sign"], Resource=["*"]),
    ],
    "roles_are_for_services": [
        trusted({"AWS": "arn:aws:iam::111122223333:root"}),
        trusted("*"),
        put(ROLE, ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]),
        put(ROLE, Policies=[{"PolicyName": "all"}]),
    ],
    "functions_are_limited": [
        put(FUNCTION, Timeout=61),
        put(FUNCTION, Runtime="python3.9"),
        drop(FUNCTION, "LoggingConfig"),
    ],
    "logs_end": [
        drop("AWS::Logs::LogGroup", "RetentionInDays"),
        put("AWS::Logs::LogGroup", RetentionInDays=3653),
    ],
    "no_signature_in_logs": [
        drop(DELIVERY, "RecordFields"),
        put(DELIVERY, RecordFields=["date", "cs-uri-query"]),
        put(DELIVERY, RecordFields=["cs(Cookie)"]),
        put(DELIVERY, RecordFields=["cs(Referer)", "time"]),
    ],
    "old_logging_is_off": [lambda template: told(template).update(Logging={"Bucket": "b"})],
    "queues_are_encrypted": [
        add("AWS::SQS::Queue"),
        add("AWS::SQS::Queue", SqsManagedSseEnabled=False),
    ],
    "topics_want_tls": [
        lambda template: statements(template, TOPIC_POLICY).pop(0),
        without(TOPIC_POLICY),
        lambda template: statements(template, TOPIC_POLICY)[1].pop("Condition"),
    ],
    "the_ring_can_be_restored": [
        drop(TABLE, "PointInTimeRecoverySpecification"),
        put(TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}),
    ],
    "keys_outlive_the_stack": [kept("DeletionPolicy"), kept("UpdateReplacePolicy")],
}
CHANGES = [(rule, number) for rule, changes in BROKEN.items() for number in range(len(changes))]


@pytest.fixture(scope="module")
def template() -> Json:
    """A stack with public paths, a log-in and all that watches it."""
    return template_of(site={"public_paths": ["/static/*"]})


def test_the_stack_keeps_every_rule(template: Json) -> None:
    assert guard(template, ["/static/*"]) == []
    assert guard(watched(queue=True)) == []


def test_a_path_that_nobody_listed_is_found(template: Json) -> None:
    (found,) = guard(template)
    assert found.startswith("only_listed_paths_are_public: ")


def test_every_rule_is_broken_by_something() -> None:
    assert list(BROKEN) == guard_rules()


@pytest.mark.parametrize(("rule", "number"), CHANGES)
def test_one_change_breaks_one_rule(template: Json, rule: str, number: int) -> None:
    changed = copy.deepcopy(template)
    BROKEN[rule][number](changed)
    assert {one.partition(":")[0] for one in guard(changed, ["/static/*"])} == {rule}


@pytest.mark.parametrize(
    "harmless",
    [
        certificate("TLSv1.2_2025"),
        lambda template: told(template).update(CustomErrorResponses=[{"ErrorCode": 404}]),
        path(TrustedKeyGroups=["group"]),
        allow(Action="cloudfront:GetKeyGroup", Resource="*"),
        add("AWS::SQS::Queue", SqsManagedSseEnabled=True),
        variable("SIGNER_CREDENTIAL", "secretsmanager:media/signing"),
    ],
)
def test_what_is_allowed_is_not_found(template: Json, harmless: Change) -> None:
    changed = copy.deepcopy(template)
    harmless(changed)
    assert guard(changed, ["/static/*"]) == []
