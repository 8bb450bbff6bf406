"""What must never be in the stack's template, whatever is configured."""

from __future__ import annotations

import re

from tests.cdk.stages import (
    ALL_BUT_HOST,
    CACHING_DISABLED,
    CACHING_OPTIMIZED,
    CDN,
    ISSUERS,
    issuers,
    stage,
    told,
    variables,
)
from tests.cdk.templates import Json, behaviors, of_type, only, statements, texts


def test_no_key_and_no_key_group_is_the_templates(any_stage: Json) -> None:
    for kind in ("AWS::CloudFront::PublicKey", "AWS::CloudFront::KeyGroup"):
        assert of_type(any_stage, kind) == {}


def test_no_secret_is_written_down(any_stage: Json) -> None:
    for secret in of_type(any_stage, "AWS::SecretsManager::Secret").values():
        assert "SecretString" not in secret["Properties"]
    (ring,) = of_type(any_stage, "Custom::SigningKeyRing").values()
    for name in ("SigningSecret", "StandbySecret"):
        # What is generated would be generated anew when the template changes.
        secret = any_stage["Resources"][ring["Properties"][name]["Ref"]]
        assert "GenerateSecretString" not in secret["Properties"]
    assert not [text for text in texts(any_stage) if "PRIVATE KEY" in text or "BEGIN" in text]
    assert not any(parameter.get("Default", "").count("-----") for parameter in any_stage.get("Parameters", {}).values())  # fmt: skip


def test_no_refusal_is_turned_into_a_page(any_stage: Json) -> None:
    codes = [one["ErrorCode"] for one in told(any_stage).get("CustomErrorResponses", [])]
    assert 403 not in codes


def test_all_that_is_not_listed_needs_a_signature(any_stage: Json) -> None:
    (ring,) = of_type(any_stage, "Custom::SigningKeyRing")
    signed = [{"Fn::GetAtt": [ring, "KeyGroupId"]}]
    public = {*ISSUERS, "/static/*", "/index.html"}
    for pattern, behavior in behaviors(any_stage).items():
        expected = None if pattern in public else signed
        assert behavior.get("TrustedKeyGroups") == expected, pattern
        assert "TrustedSigners" not in behavior
    assert behaviors(any_stage)["*"]["TrustedKeyGroups"] == signed


def test_only_listed_paths_are_public() -> None:
    assert set(behaviors(stage("public"))) == {"/auth/*", "/static/*", "/index.html", "*"}
    assert set(behaviors(stage("usual"))) == {"/auth/*", "*"}
    assert set(behaviors(stage("log-in"))) == {"/auth/*", "/images/*/url", "*"}


def test_the_issuer_comes_before_what_is_public(any_stage: Json) -> None:
    first = issuers(any_stage)
    assert first
    assert list(behaviors(any_stage))[: len(first)] == first


def test_viewers_use_https(any_stage: Json) -> None:
    for behavior in behaviors(any_stage).values():
        assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"


def test_buckets_are_private(any_stage: Json) -> None:
    for name, bucket in of_type(any_stage, "AWS::S3::Bucket").items():
        properties = bucket["Properties"]
        blocked = properties["PublicAccessBlockConfiguration"]
        assert len(blocked) == 4
        assert set(blocked.values()) == {True}
        assert "AccessControl" not in properties
        assert "WebsiteConfiguration" not in properties
        assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]  # fmt: skip
        assert "BucketEncryption" in properties
        assert any(
            policy["Properties"]["Bucket"] == {"Ref": name}
            for policy in of_type(any_stage, "AWS::S3::BucketPolicy").values()
        )


def test_nobody_but_this_distribution_reads_files(any_stage: Json) -> None:
    (distribution,) = of_type(any_stage, CDN)
    document = only(any_stage, "AWS::S3::BucketPolicy")["PolicyDocument"]
    allowed = [one for one in document["Statement"] if one["Effect"] == "Allow"]
    assert len(allowed) == 1
    assert allowed[0]["Action"] == "s3:GetObject"
    assert allowed[0]["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    source = allowed[0]["Condition"]["StringEquals"]["AWS:SourceArn"]
    assert {"Ref": distribution} in source["Fn::Join"][1]


def test_plain_http_to_the_bucket_is_denied(any_stage: Json) -> None:
    document = only(any_stage, "AWS::S3::BucketPolicy")["PolicyDocument"]
    denied = [one for one in document["Statement"] if one["Effect"] == "Deny"]
    conditions = [one["Condition"] for one in denied]
    assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions
    assert all(one["Principal"] == {"AWS": "*"} for one in denied)


def test_no_role_may_do_everything(any_stage: Json) -> None:
    for policy, statement in statements(any_stage):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert "*" not in action, policy
        assert "NotAction" not in statement
        assert "NotResource" not in statement


EVERYWHERE = re.compile(
    r"(?:cloudfront:[A-Za-z]+|xray:Put[A-Za-z]+|kms:(?:CreateKey|ListKeys|TagResource))"
)


def test_only_what_has_no_name_is_allowed_everywhere(any_stage: Json) -> None:
    for policy, statement in statements(any_stage):
        if statement["Resource"] == "*":
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                assert EVERYWHERE.fullmatch(action), policy


def test_no_managed_policy_is_attached(any_stage: Json) -> None:
    for role in of_type(any_stage, "AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role["Properties"]


def test_nothing_is_open_to_the_world(any_stage: Json) -> None:
    for permission in of_type(any_stage, "AWS::Lambda::Permission").values():
        assert permission["Properties"]["Principal"] != "*"
        assert "SourceArn" in permission["Properties"]
    for url in of_type(any_stage, "AWS::Lambda::Url").values():
        assert url["Properties"]["AuthType"] == "AWS_IAM"
    for kind in ("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"):
        for policy in of_type(any_stage, kind).values():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                everybody = statement["Principal"] in ("*", {"AWS": "*"})
                assert not (statement["Effect"] == "Allow" and everybody)


def test_no_cache_is_shared_between_viewers_of_the_issuer(any_stage: Json) -> None:
    for pattern in issuers(any_stage):
        behavior = behaviors(any_stage)[pattern]
        assert behavior["CachePolicyId"] == CACHING_DISABLED
        assert behavior["OriginRequestPolicyId"] == ALL_BUT_HOST
        assert len(behavior["AllowedMethods"]) == 7


def test_files_are_cached_without_signatures_and_cookies(any_stage: Json) -> None:
    for pattern, behavior in behaviors(any_stage).items():
        if pattern not in ISSUERS:
            assert behavior["CachePolicyId"] == CACHING_OPTIMIZED
            # S3 refuses requests with more than 8 kB of headers.
            assert "OriginRequestPolicyId" not in behavior
            assert "FunctionAssociations" not in behavior
            assert behavior["Compress"] is True


def test_somebody_is_told_and_logs_are_delivered(any_stage: Json) -> None:
    assert len(of_type(any_stage, "AWS::CloudWatch::Alarm")) > 10
    assert of_type(any_stage, "AWS::SNS::Topic")
    assert of_type(any_stage, "AWS::Logs::Delivery")
    assert of_type(any_stage, "AWS::Events::Rule")


def test_every_log_ends(any_stage: Json) -> None:
    for group in of_type(any_stage, "AWS::Logs::LogGroup").values():
        assert 0 < group["Properties"]["RetentionInDays"] <= 731


def test_variables_name_secrets_and_hold_none(any_stage: Json) -> None:
    for handler in ("issue.handler", "rotate.handler"):
        for name, value in variables(any_stage, handler).items():
            assert "PEM" not in name
            if name in {"SIGNER_CREDENTIAL", "SIGNER_SESSION_KEYS"}:
                assert value["Fn::Join"][1][0] == "secretsmanager:"
