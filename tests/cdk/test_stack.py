"""The whole stack's template: what is in it for each thing that a team can choose."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk
from aws_cdk import aws_cloudfront as cloudfront

from cdk.config import Site
from cdk.distribution import PrivateDistribution
from signer.rotation.stack_properties import asked
from signer.service.settings import ALLOWED
from tests.cdk.stages import (
    ARN,
    CDN,
    ISSUERS,
    function,
    stage,
    told,
    variables,
)
from tests.cdk.templates import Json, behaviors, of_type, only, statements, template_of, texts

# The distribution.


def test_current_protocols() -> None:
    config = told(stage("usual"))
    assert config["HttpVersion"] == "http2and3"
    assert config["IPV6Enabled"] is True
    assert config["PriceClass"] == "PriceClass_100"
    assert config["Enabled"] is True


def test_no_ipv6_where_policies_name_ipv4_addresses() -> None:
    assert told(stage("public"))["IPV6Enabled"] is False


def test_an_own_certificate_has_todays_tls() -> None:
    config = told(stage("own domain"))
    assert config["Aliases"] == ["media.example.com"]
    assert config["ViewerCertificate"] == {
        "AcmCertificateArn": ARN,
        "MinimumProtocolVersion": "TLSv1.2_2025",
        "SslSupportMethod": "sni-only",
    }


def test_a_zone_gets_certificate_and_records() -> None:
    template = stage("own zone")
    certificate = only(template, "AWS::CertificateManager::Certificate")
    assert certificate["DomainName"] == "media.example.com"
    assert certificate["SubjectAlternativeNames"] == ["cdn.example.com"]
    assert certificate["ValidationMethod"] == "DNS"
    records = of_type(template, "AWS::Route53::RecordSet").values()
    assert {(one["Properties"]["Name"], one["Properties"]["Type"]) for one in records} == {
        (f"{name}.example.com.", kind) for name in ("media", "cdn") for kind in ("A", "AAAA")
    }
    assert of_type(stage("usual"), "AWS::CertificateManager::Certificate") == {}


def test_log_in_can_be_slowed_down() -> None:
    acl = only(stage("own zone"), "AWS::WAFv2::WebACL")
    assert acl["Scope"] == "CLOUDFRONT"
    (rule,) = acl["Rules"]
    assert rule["Action"] == {"Block": {}}
    rate = rule["Statement"]["RateBasedStatement"]
    assert (rate["Limit"], rate["AggregateKeyType"], rate["EvaluationWindowSec"]) == (
        500,
        "IP",
        300,
    )
    (acl_id,) = of_type(stage("own zone"), "AWS::WAFv2::WebACL")
    assert told(stage("own zone"))["WebACLId"] == {"Fn::GetAtt": [acl_id, "Arn"]}
    assert "WebACLId" not in told(stage("usual"))


def test_countries() -> None:
    restriction = told(stage("cross-site"))["Restrictions"]["GeoRestriction"]
    assert restriction == {"Locations": ["DE", "US"], "RestrictionType": "whitelist"}
    assert "Restrictions" not in told(stage("usual"))


def test_files_are_asked_for_with_origin_access_control(any_stage: Json) -> None:
    controls = of_type(any_stage, "AWS::CloudFront::OriginAccessControl")
    kinds = {}
    for name, one in controls.items():
        config = one["Properties"]["OriginAccessControlConfig"]
        assert (config["SigningBehavior"], config["SigningProtocol"]) == ("always", "sigv4")
        kinds[config["OriginAccessControlOriginType"]] = name
    origins = told(any_stage)["Origins"]
    for origin in origins:
        if "S3OriginConfig" in origin:
            assert origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}
            assert origin["OriginAccessControlId"] == {"Fn::GetAtt": [kinds["s3"], "Id"]}
        else:
            assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
            assert origin["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]
            if "lambda" in kinds:
                assert origin["OriginAccessControlId"] == {"Fn::GetAtt": [kinds["lambda"], "Id"]}
    assert len(origins) == 2


# Headers.


def test_security_headers(any_stage: Json) -> None:
    ((name, policy),) = of_type(any_stage, "AWS::CloudFront::ResponseHeadersPolicy").items()
    headers = policy["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert headers["ContentTypeOptions"] == {"Override": True}
    assert headers["ReferrerPolicy"] == {"Override": True, "ReferrerPolicy": "no-referrer"}
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    assert headers["ContentSecurityPolicy"]["ContentSecurityPolicy"].startswith("frame-ancestors 'self'")  # fmt: skip
    for pattern, behavior in behaviors(any_stage).items():
        expected = None if pattern in ISSUERS else {"Ref": name}
        assert behavior.get("ResponseHeadersPolicyId") == expected


def test_cors_names_sites_and_never_everybody() -> None:
    policy = only(stage("cross-site"), "AWS::CloudFront::ResponseHeadersPolicy")
    cors = policy["ResponseHeadersPolicyConfig"]["CorsConfig"]
    assert cors["AccessControlAllowCredentials"] is True
    assert cors["AccessControlAllowOrigins"] == {"Items": ["https://app.example.com"]}
    assert "*" not in list(texts(cors))
    usual = only(stage("usual"), "AWS::CloudFront::ResponseHeadersPolicy")
    assert "CorsConfig" not in usual["ResponseHeadersPolicyConfig"]


def test_preflights_are_answered_only_where_somebody_may_send_them() -> None:
    assert behaviors(stage("cross-site"))["*"]["AllowedMethods"] == ["GET", "HEAD", "OPTIONS"]
    assert behaviors(stage("usual"))["*"]["AllowedMethods"] == ["GET", "HEAD"]


# The ring.


def test_the_ring_is_made_once_and_told_everything() -> None:
    properties = only(stage("usual"), "Custom::SigningKeyRing")
    assert properties["Name"] == "media"
    assert properties["ProbeUrl"] == "/.signer/probe"
    assert (properties["MaxLifetime"], properties["Period"], properties["Soak"]) == ("1d", "90d", "24h")  # fmt: skip
    assert properties["Destroy"] == "false"
    assert "IssuerRoleArn" not in properties
    assert properties["SigningSecret"] != properties["StandbySecret"]
    name, _ = function(stage("usual"), "rotate.handler")
    assert properties["ServiceToken"] == {"Fn::GetAtt": [name, "Arn"]}
    assert 60 < int(properties["ServiceTimeout"]) <= 600, "longer than the function may take"


def test_every_property_of_the_ring_is_one_that_the_function_knows(any_stage: Json) -> None:
    properties = only(any_stage, "Custom::SigningKeyRing")
    as_sent = {name: value if isinstance(value, str) else f"arn:{json.dumps(value)}" for name, value in properties.items()}  # fmt: skip
    assert asked(as_sent).name == "media"


def test_what_a_rotation_needs_outlives_the_stack() -> None:
    for kind in ("AWS::SecretsManager::Secret", "AWS::DynamoDB::Table"):
        for resource in of_type(stage("usual"), kind).values():
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
            assert resource["UpdateReplacePolicy"] == "Retain"
    bucket = next(iter(of_type(stage("usual"), "AWS::S3::Bucket").values()))
    assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"


def test_what_shall_end_with_its_stack_does() -> None:
    template = stage("ends with its stack")
    for kind in ("AWS::SecretsManager::Secret", "AWS::DynamoDB::Table", "AWS::S3::Bucket"):
        for resource in of_type(template, kind).values():
            assert resource["DeletionPolicy"] == "Delete"
    assert only(template, "Custom::SigningKeyRing")["Destroy"] == "true"


def test_ticks_come_after_the_ring(any_stage: Json) -> None:
    ((_, schedule),) = of_type(any_stage, "AWS::Scheduler::Schedule").items()
    (ring,) = of_type(any_stage, "Custom::SigningKeyRing")
    assert ring in schedule["DependsOn"]
    assert schedule["Properties"]["ScheduleExpression"] == "rate(5 minutes)"
    assert schedule["Properties"].get("State", "ENABLED") == "ENABLED"
    name, _ = function(any_stage, "rotate.handler")
    assert schedule["Properties"]["Target"]["Arn"] == {"Fn::GetAtt": [name, "Arn"]}


def test_ticks_have_the_time_that_others_wait_for_them(any_stage: Json) -> None:
    _, tick = function(any_stage, "rotate.handler")
    assert tick["Properties"]["Timeout"] == 60
    assert only(any_stage, "AWS::Lambda::EventInvokeConfig")["MaximumRetryAttempts"] == 0


def test_concurrency_is_reserved_unless_the_account_has_none() -> None:
    usual, small = stage("usual"), stage("small account")
    for handler, expected in (("rotate.handler", 1), ("issue.handler", 100)):
        assert function(usual, handler)[1]["Properties"]["ReservedConcurrentExecutions"] == expected
        assert "ReservedConcurrentExecutions" not in function(small, handler)[1]["Properties"]


def test_functions_start_with_their_permissions(any_stage: Json) -> None:
    roles = of_type(any_stage, "AWS::IAM::Policy")
    for one in of_type(any_stage, "AWS::Lambda::Function").values():
        role = one["Properties"]["Role"]["Fn::GetAtt"][0]
        policies = [
            name for name, policy in roles.items() if {"Ref": role} in policy["Properties"]["Roles"]
        ]
        assert policies
        assert set(policies) <= set(one["DependsOn"])


def test_keys_in_kms_are_for_the_issuers_role() -> None:
    template = stage("keys in KMS")
    properties = only(template, "Custom::SigningKeyRing")
    _, issuer = function(template, "issue.handler")
    assert properties["IssuerRoleArn"] == issuer["Properties"]["Role"]
    grants = [one for _, one in statements(template) if one["Action"] == "kms:CreateGrant"]
    assert grants[0]["Condition"]["StringEquals"] == {"kms:GranteePrincipal": issuer["Properties"]["Role"]}  # fmt: skip


# The issuer.


def test_both_permissions_of_a_function_url(any_stage: Json) -> None:
    if not of_type(any_stage, "AWS::Lambda::Url"):
        assert of_type(any_stage, "AWS::ApiGatewayV2::Api")
        return
    (distribution,) = of_type(any_stage, CDN)
    granted = [
        one["Properties"]
        for one in of_type(any_stage, "AWS::Lambda::Permission").values()
        if one["Properties"]["Principal"] == "cloudfront.amazonaws.com"
    ]
    assert {one["Action"] for one in granted} == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}  # fmt: skip
    for one in granted:
        assert {"Ref": distribution} in one["SourceArn"]["Fn::Join"][1]
        if one["Action"] == "lambda:InvokeFunction":
            assert one["InvokedViaFunctionUrl"] is True


def test_the_issuer_reads_the_current_credential_and_nothing_of_the_next_one(any_stage: Json) -> None:  # fmt: skip
    ring = only(any_stage, "Custom::SigningKeyRing")
    _, issuer = function(any_stage, "issue.handler")
    role = issuer["Properties"]["Role"]["Fn::GetAtt"][0]
    found = []
    for policy in of_type(any_stage, "AWS::IAM::Policy").values():
        if {"Ref": role} in policy["Properties"]["Roles"]:
            found += policy["Properties"]["PolicyDocument"]["Statement"]
    assert "cloudfront" not in json.dumps(found)
    assert "dynamodb" not in json.dumps(found)
    assert json.dumps(ring["StandbySecret"]) not in json.dumps(found)
    (credential,) = (one for one in found if one["Resource"] == ring["SigningSecret"])
    assert credential["Action"] == "secretsmanager:GetSecretValue"
    assert credential["Condition"] == {
        "Null": {"secretsmanager:VersionId": "true"},
        "StringEqualsIfExists": {"secretsmanager:VersionStage": "AWSCURRENT"},
    }


def test_the_issuer_knows_where_the_site_is() -> None:
    template = stage("usual")
    parameter = only(template, "AWS::SSM::Parameter")
    assert parameter["Name"] == "/signer/media/base-url"
    (distribution,) = of_type(template, CDN)
    assert {"Fn::GetAtt": [distribution, "DomainName"]} in parameter["Value"]["Fn::Join"][1]
    assert variables(template, "issue.handler")["SIGNER_BASE_URL"] == "ssm:/signer/media/base-url"
    own = stage("own domain")
    assert variables(own, "issue.handler")["SIGNER_BASE_URL"] == "https://media.example.com"
    assert of_type(own, "AWS::SSM::Parameter") == {}


def test_log_in_gets_session_keys_that_nobody_wrote() -> None:
    secrets = of_type(stage("log-in"), "AWS::SecretsManager::Secret").values()
    generated = [one["Properties"].get("GenerateSecretString") for one in secrets]
    assert {"PasswordLength": 43, "ExcludePunctuation": True} in generated
    assert "SIGNER_SESSION_KEYS" in variables(stage("log-in"), "issue.handler")
    assert "SIGNER_SESSION_KEYS" not in variables(stage("usual"), "issue.handler")


def test_variables_are_ones_that_the_issuer_takes(any_stage: Json) -> None:
    assert set(variables(any_stage, "issue.handler")) <= set(ALLOWED)


def test_a_snapshot_is_of_a_published_version() -> None:
    template = stage("snapshot")
    _, issuer = function(template, "issue.handler")
    assert issuer["Properties"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert of_type(template, "AWS::Lambda::Version")
    assert only(template, "AWS::Lambda::Url")["Qualifier"] == "live"
    _, usual = function(stage("usual"), "issue.handler")
    assert "SnapStart" not in usual["Properties"]


def test_arm_unless_said_otherwise() -> None:
    for one in of_type(stage("usual"), "AWS::Lambda::Function").values():
        assert one["Properties"]["Architectures"] == ["arm64"]
        assert one["Properties"]["Runtime"] == "python3.13"
    other = template_of(functions={"architecture": "x86_64", "python": "3.14"})
    for one in of_type(other, "AWS::Lambda::Function").values():
        assert one["Properties"]["Architectures"] == ["x86_64"]
        assert one["Properties"]["Runtime"] == "python3.14"


def test_what_a_person_needs_is_told(any_stage: Json) -> None:
    outputs: dict[str, Any] = any_stage["Outputs"]
    assert {"SiteUrl", "BucketName", "KeyGroupId", "Ring", "SigningSecret"} <= set(outputs)
    for output in outputs.values():
        assert output["Description"]


def test_certificates_and_web_acls_are_in_their_region() -> None:
    stack = aws_cdk.Stack(
        aws_cdk.App(), "elsewhere", env=aws_cdk.Environment(region="eu-central-1")
    )
    group = cloudfront.KeyGroup.from_key_group_id(stack, "Group", "K1")
    site = PrivateDistribution(stack, "Site", key_group=group, settings=Site(rate_limit=500))
    assert "in us-east-1, and this stack is not" in site.node.validate()[0]


def test_rights_in_kms_stay_while_keys_do() -> None:
    sids = {one["Sid"] for _, one in statements(template_of(keys={"former_kms_keys": True}))}
    assert "UseKmsKeys" in sids
    assert "UseKmsKeys" not in {one["Sid"] for _, one in statements(stage("usual"))}
