"""The template of the plainer set-up, and what stays when it becomes the other one."""

from __future__ import annotations

import pytest

from cdk.presigned import ROUTES
from signer.errors import ConfigurationError
from signer.service.settings import ALLOWED
from tests.cdk.templates import TOKENS, app_of, config_of, of_type, only, statements, template_of

PRESIGNED = {"delivery": "s3", "issuer": TOKENS}


def test_no_cloudfront() -> None:
    kinds = {one["Type"] for one in template_of(**PRESIGNED)["Resources"].values()}
    assert not [kind for kind in kinds if kind.startswith(("AWS::CloudFront", "Custom::"))]


def test_every_route_needs_a_token() -> None:
    template = template_of(**PRESIGNED)
    ((authorizer, found),) = of_type(template, "AWS::ApiGatewayV2::Authorizer").items()
    assert found["Properties"]["AuthorizerType"] == "JWT"
    assert found["Properties"]["JwtConfiguration"] == {
        "Audience": ["media"],
        "Issuer": "https://login.example.com",
    }
    routes = [one["Properties"] for one in of_type(template, "AWS::ApiGatewayV2::Route").values()]
    assert {one["RouteKey"] for one in routes} == {f"{method} {path}" for method, path in ROUTES}
    for route in routes:
        assert route["AuthorizationType"] == "JWT"
        assert route["AuthorizerId"] == {"Ref": authorizer}


def test_requests_are_logged_without_what_signs_in_and_are_bounded() -> None:
    stage = only(template_of(**PRESIGNED), "AWS::ApiGatewayV2::Stage")
    fields = stage["AccessLogSettings"]["Format"]
    assert "routeKey" in fields
    for leaking in ("path", "query", "authorizer", "header", "Cookie"):
        assert leaking not in fields
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0


def test_the_function_reads_files_and_nothing_else() -> None:
    template = template_of(**PRESIGNED)
    (bucket,) = of_type(template, "AWS::S3::Bucket")
    found = {statement["Sid"]: statement for _, statement in statements(template)}
    assert set(found) == {"WriteLog", "ReadFiles"}
    assert found["ReadFiles"]["Action"] == "s3:GetObject"
    assert {"Fn::GetAtt": [bucket, "Arn"]} in found["ReadFiles"]["Resource"]["Fn::Join"][1]


def test_the_function_presigns() -> None:
    variables = only(template_of(**PRESIGNED), "AWS::Lambda::Function")["Environment"]["Variables"]
    assert set(variables) <= set(ALLOWED)
    assert variables["SIGNER_DELIVERY"] == "s3"
    assert variables["SIGNER_FRONT_END"] == "http_api"
    assert "SIGNER_CREDENTIAL" not in variables


def test_old_signatures_are_refused_whoever_made_them() -> None:
    document = only(template_of(**PRESIGNED), "AWS::S3::BucketPolicy")["PolicyDocument"]
    assert not [one for one in document["Statement"] if one["Effect"] == "Allow"]
    (old,) = (one for one in document["Statement"] if one.get("Sid") == "NoOldSignatures")
    assert old["Condition"] == {"NumericGreaterThan": {"s3:signatureAge": "3600000"}}


def test_cors_on_the_bucket_names_sites() -> None:
    site = {"cors_origins": ["https://app.example.com"]}
    template = template_of(delivery="s3", issuer=TOKENS, site=site)
    (rule,) = only(template, "AWS::S3::Bucket")["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://app.example.com"]
    assert "CorsConfiguration" not in only(template_of(**PRESIGNED), "AWS::S3::Bucket")


def test_the_bucket_stays_when_the_stack_becomes_the_other_one() -> None:
    (before,) = of_type(template_of(**PRESIGNED), "AWS::S3::Bucket").items()
    (after,) = of_type(template_of(), "AWS::S3::Bucket").items()
    assert before == after, "another name or another property would replace it"


@pytest.mark.parametrize("missing", sorted(TOKENS))
def test_what_is_needed_is_named(missing: str) -> None:
    issuer = {name: value for name, value in TOKENS.items() if name != missing}
    with pytest.raises(ConfigurationError, match=missing):
        app_of(config_of(delivery="s3", issuer=issuer))


def test_pages_of_named_sites_may_ask() -> None:
    issuer = {**TOKENS, "allowed_origins": ["https://app.example.com"]}
    template = template_of(delivery="s3", issuer=issuer)
    cors = only(template, "AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://app.example.com"]
    assert set(cors["AllowMethods"]) == {"GET", "POST"}
    assert "authorization" in cors["AllowHeaders"]
    variables = only(template, "AWS::Lambda::Function")["Environment"]["Variables"]
    assert variables["SIGNER_ALLOWED_ORIGINS"] == "https://app.example.com"
    assert "CorsConfiguration" not in only(template_of(**PRESIGNED), "AWS::ApiGatewayV2::Api")


def test_tokens_of_a_client_count_as_well() -> None:
    issuer = {"oidc_issuer": "https://login.example.com", "token_client_id": "5client"}
    template = template_of(delivery="s3", issuer=issuer)
    authorizer = only(template, "AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"]["Audience"] == ["5client"]
    variables = only(template, "AWS::Lambda::Function")["Environment"]["Variables"]
    assert variables["SIGNER_TOKEN_CLIENT_ID"] == "5client"
    assert "SIGNER_TOKEN_AUDIENCE" not in variables
