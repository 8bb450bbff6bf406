"""A distribution from a template becomes one that the edge serves, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer import PrivateKey, TrustedKeyGroup
from signer.edge import (
    AddedHeader,
    FolderOrigin,
    FunctionUrlOrigin,
    HttpOrigin,
    LocalSettings,
    ResponseHeadersPolicy,
    S3Origin,
    TemplateSettings,
    read_template,
)
from signer.edge.config import read_template_settings
from signer.errors import ConfigurationError, SignerError
from tests.edge.templates import KEY_PAIR_ID, Written

FOLDER = FolderOrigin(Path())
NOSNIFF = AddedHeader(name="x-content-type-options", value="nosniff", override=True)
OWN_POLICY = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def site(tmp_path: Path, p256_key: PrivateKey) -> Written:
    return Written(tmp_path, p256_key)


def test_behaviors_are_read_in_their_order(site: Written, p256_key: PrivateKey) -> None:
    read = site.read()
    assert [one.path_pattern for one in read.behaviors] == ["/auth/*", "/public/*"]
    auth, public = read.behaviors
    assert (auth.allowed_methods, auth.forward_cookies) == ("ALL", True)
    assert (public.allowed_methods, public.forward_cookies) == ("GET_HEAD", False)
    assert read.default_behavior.trusted_key_groups == ("Ring",)
    assert auth.trusted_key_groups == public.trusted_key_groups == ()
    assert read.key_groups["Ring"].keys == {KEY_PAIR_ID: p256_key.public_key()}
    assert read.default_behavior.response_headers == ResponseHeadersPolicy(headers=(NOSNIFF,))
    assert auth.response_headers is None
    assert read.default_root_object == "index.html"
    assert read.domain_names == ("cdn.example.com", "localhost", "127.0.0.1")


def test_origins_are_found_by_what_a_deployment_knows(site: Written) -> None:
    local = LocalSettings(
        s3_endpoint_url="http://127.0.0.1:4566",
        lambda_endpoint_url="http://127.0.0.1:4566",
        access_key_id="A",
        secret_access_key="B",
    )
    known: dict[str, Any] = {
        "endpoint_url": "http://127.0.0.1:4566",
        "access_key_id": "A",
        "secret_access_key": "B",
    }
    url = "https://abc.lambda-url.us-east-1.on.aws"
    assert site.read(local=local).origins == {
        "files": S3Origin("films", **known),
        "issuer": FunctionUrlOrigin(url, **known),
    }


def test_all_that_is_missing_is_said_at_once(site: Written) -> None:
    error = site.refused("template_incomplete", keys={}, values={})
    for words in ("the keys of the key group Ring", "the origin files", "the origin issuer"):
        assert words in error.message
    for words in (
        "--key",
        "[key_groups.Ring]",
        "[origins.files]",
        "Bucket in [values]",
        "[origins.issuer]",
        '"IssuerUrl.FunctionUrl" in [values]',
    ):
        assert words in error.advice
    origins = {"files": FOLDER, "issuer": FOLDER}
    site.read(values={}, local=LocalSettings(origins=origins))
    error = site.refused("template_incomplete", keys={}, local=LocalSettings(origins=origins))
    assert "origin" not in error.message


def test_origins_that_no_behavior_uses_do_not_matter(site: Written) -> None:
    site.config["Origins"].append({"Id": "unused", "DomainName": {"Fn::ImportValue": "x"}})
    assert set(site.read().origins) == {"files", "issuer"}


def test_a_custom_origin_has_its_address(site: Written) -> None:
    site.config["Origins"][1] = {
        "Id": "issuer",
        "DomainName": {"Fn::Join": ["", ["api.", {"Ref": "Stage"}, ".example.com"]]},
        "OriginPath": "/v1",
        "CustomOriginConfig": {"OriginProtocolPolicy": "http-only", "HTTPPort": 8080},
    }
    assert site.read().origins["issuer"] == HttpOrigin("http://api.test.example.com:8080/v1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"VpcOriginConfig": {"VpcOriginId": "v"}, "CustomOriginConfig": None}, "is in a VPC"),
        (
            {"OriginCustomHeaders": [{"HeaderName": "x", "HeaderValue": "hush"}]},
            "headers of its own",
        ),
        ({"DomainName": "backend.example.com"}, "signed requests"),
    ],
)
def test_origins_that_cannot_be_asked(site: Written, change: dict[str, Any], words: str) -> None:
    origin = {**site.config["Origins"][1], **change}
    site.config["Origins"][1] = {key: value for key, value in origin.items() if value is not None}
    error = site.refused("cloudfront_origin")
    assert words in error.message
    assert "[origins.issuer]" in error.advice
    assert "hush" not in str(error)
    site.read(local=LocalSettings(origins={"issuer": FOLDER}))


@pytest.mark.parametrize("behavior", ["never", "no-override"])
def test_requests_that_are_not_always_signed(site: Written, behavior: str) -> None:
    control = site.resources["Control"]["Properties"]["OriginAccessControlConfig"]
    control["SigningBehavior"] = behavior
    assert "does not sign every request" in site.refused("cloudfront_origin").message


def test_an_origin_group_needs_an_origin_here(site: Written) -> None:
    site.config["OriginGroups"] = {"Quantity": 1, "Items": [{"Id": "both"}]}
    site.default["TargetOriginId"] = "both"
    assert "[origins.both]" in site.refused("cloudfront_origin").advice
    assert site.read(local=LocalSettings(origins={"both": FOLDER})).origins["both"] == FOLDER


# --- Keys. --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trusted",
    [{"Fn::GetAtt": ["Ring", "KeyGroupId"]}, {"Fn::GetAtt": "Ring.KeyGroupId"}, {"Ref": "Ring"}],
)
def test_a_key_group_goes_by_what_makes_it(
    site: Written, rsa_key: PrivateKey, trusted: dict[str, Any]
) -> None:
    site.default["TrustedKeyGroups"] = [trusted]
    site.config["CacheBehaviors"][0]["TrustedKeyGroups"] = ["literal-id"]
    own = TrustedKeyGroup(keys={"K1OTHER": rsa_key.public_key()}, name="whatever")
    read = site.read(key_groups={"Ring": own})
    assert read.default_behavior.trusted_key_groups == ("Ring",)
    assert list(read.key_groups["Ring"].keys) == ["K1OTHER"]
    assert list(read.key_groups["literal-id"].keys) == [KEY_PAIR_ID]
    error = site.refused("template_incomplete", keys={}, key_groups={"Ring": own})
    assert "literal-id" in error.message
    assert "Ring" not in error.message


def test_a_misspelt_key_group_is_refused(site: Written, rsa_key: PrivateKey) -> None:
    own = TrustedKeyGroup(keys={"K1OTHER": rsa_key.public_key()})
    error = site.refused("configuration_reference", key_groups={"Rign": own})
    assert error.advice == "trusted are: Ring"


def test_behaviors_that_need_other_signatures_are_never_open(site: Written) -> None:
    site.default["TrustedSigners"] = ["self"]
    assert "AWS accounts" in site.refused("cloudfront_behavior").message


# --- Policies. ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["CachePolicyId", "OriginRequestPolicyId"])
@pytest.mark.parametrize(("cookies", "forwarded"), [("none", False), ("whitelist", True)])
def test_policies_of_the_template(
    site: Written, key: str, cookies: str, *, forwarded: bool
) -> None:
    config = {"CookiesConfig": {"CookieBehavior": cookies}}
    parameters = {"ParametersInCacheKeyAndForwardedToOrigin": config, **config}
    kind = key.removesuffix("Id")
    policy = {"Type": f"AWS::CloudFront::{kind}", "Properties": {f"{kind}Config": parameters}}
    site.resources["Own"] = policy
    site.default[key] = {"Ref": "Own"}
    assert site.read().default_behavior.forward_cookies is forwarded


def test_policies_of_an_account_have_to_be_told(site: Written) -> None:
    site.default["CachePolicyId"] = OWN_POLICY
    error = site.refused("template_policy")
    assert OWN_POLICY in error.message
    assert "[forward_cookies]" in error.advice
    assert site.read(forward_cookies={OWN_POLICY: True}).default_behavior.forward_cookies
    site.default["ResponseHeadersPolicyId"] = OWN_POLICY
    error = site.refused("template_policy", forward_cookies={OWN_POLICY: False})
    assert f"[response_headers.{OWN_POLICY}]" in error.advice
    own = ResponseHeadersPolicy(remove=("server",))
    read = site.read(forward_cookies={OWN_POLICY: False}, response_headers={OWN_POLICY: own})
    assert read.default_behavior.response_headers == own


def test_a_policy_of_another_kind_is_none(site: Written) -> None:
    site.default["CachePolicyId"] = {"Ref": "Headers"}
    site.refused("template_policy")


# --- What this edge does not do. ----------------------------------------------------------------


@pytest.mark.parametrize(
    "association",
    [
        {"FunctionAssociations": [{"EventType": "viewer-request", "FunctionARN": "arn"}]},
        {"LambdaFunctionAssociations": [{"EventType": "origin-request"}]},
    ],
)
def test_functions_at_the_edge_are_not_passed_over(
    site: Written, association: dict[str, Any]
) -> None:
    site.config["CacheBehaviors"][0] |= association
    error = site.refused("cloudfront_behavior")
    assert "/auth/*" in error.message
    assert 'without = ["functions"]' in error.advice
    site.read(local=LocalSettings(without=("functions",)))


def test_error_pages_are_not_passed_over(site: Written) -> None:
    site.config["CustomErrorResponses"] = [{"ErrorCode": 404, "ErrorCachingMinTTL": 5}]
    site.read()
    page = {"ErrorCode": 403, "ResponsePagePath": "/403.html", "ResponseCode": 200}
    site.config["CustomErrorResponses"].append(page)
    error = site.refused("cloudfront_error_page")
    assert "403" in error.message
    site.read(local=LocalSettings(without=("error_pages",)))


# --- Which distribution. ------------------------------------------------------------------------


def test_one_of_several_is_chosen(site: Written) -> None:
    other = json.loads(json.dumps(site.resources["Site"]))
    other["Properties"]["DistributionConfig"]["DefaultRootObject"] = "other.html"
    site.resources["Other"] = other
    with pytest.raises(ConfigurationError) as caught:
        site.read()
    assert caught.value.code == "template_distribution"
    assert "Site, Other" in caught.value.advice
    assert site.read("Other").default_root_object == "other.html"
    with pytest.raises(ConfigurationError) as caught:
        site.read("Bucket")
    assert "has no distribution Bucket" in caught.value.message


def test_none_is_there(site: Written) -> None:
    del site.resources["Site"]
    assert site.refused("template_distribution").advice == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Resources:\n  Site: {}", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a CloudFormation template"),
        ('{"Resources": []}', "is not a CloudFormation template"),
        (" " * 2_000_001, "is not a CloudFormation template"),
    ],
    ids=["yaml", "deep", "list", "resources", "large"],
)
def test_files_that_are_no_template(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_template(file)
    assert caught.value.code == "template_file"
    assert words in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_template(tmp_path / "none.json")
    assert caught.value.code == "template_file"


# --- Whatever is in it. -------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Ref", "Fn::GetAtt", "Fn::If", "Fn::Sub", "Items", "Id", "x"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=8,
)
PLACES = (
    ("DefaultCacheBehavior",),
    ("DefaultCacheBehavior", "TrustedKeyGroups"),
    ("DefaultCacheBehavior", "TrustedSigners"),
    ("DefaultCacheBehavior", "CachePolicyId"),
    ("DefaultCacheBehavior", "ResponseHeadersPolicyId"),
    ("DefaultCacheBehavior", "TargetOriginId"),
    ("DefaultCacheBehavior", "AllowedMethods"),
    ("DefaultCacheBehavior", "FunctionAssociations"),
    ("DefaultCacheBehavior", "ForwardedValues"),
    ("CacheBehaviors",),
    ("Origins",),
    ("OriginGroups",),
    ("CustomErrorResponses",),
    ("Aliases",),
    ("DefaultRootObject",),
)


@given(place=st.sampled_from(PLACES), value=JSON)
def test_a_template_is_served_or_refused_and_never_opened(
    tmp_path_factory: pytest.TempPathFactory,
    p256_key: PrivateKey,
    place: tuple[str, ...],
    value: object,
) -> None:
    site = Written(tmp_path_factory.getbasetemp(), p256_key)
    inner = site.config
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    try:
        read = site.read()
    except SignerError:
        return
    # What says nothing about keys leaves the default behavior private.
    if place not in {("DefaultCacheBehavior",), ("DefaultCacheBehavior", "TrustedKeyGroups")}:
        assert read.default_behavior.trusted_key_groups == ("Ring",)


# --- The configuration file beside it. ----------------------------------------------------------


def test_a_file_tells_what_a_template_does_not(tmp_path: Path, p256_key: PrivateKey) -> None:
    (tmp_path / "viewer.pem").write_text(p256_key.public_key().to_pem())
    file = tmp_path / "edge.toml"
    file.write_text(
        's3_endpoint_url = "http://127.0.0.1:1"\nwithout = ["functions"]\n'
        f'[key_groups.Ring]\n{KEY_PAIR_ID} = "viewer.pem"\n'
        '[values]\nBucket = "films"\n"IssuerUrl.FunctionUrl" = "https://x"\n'
        f'[forward_cookies]\n"{OWN_POLICY}" = true\n'
        f'[response_headers.{OWN_POLICY}]\nremove = ["server"]\n'
    )
    assert read_template_settings(file) == TemplateSettings(
        local=LocalSettings(s3_endpoint_url="http://127.0.0.1:1", without=("functions",)),
        key_groups={
            "Ring": TrustedKeyGroup(keys={KEY_PAIR_ID: p256_key.public_key()}, name="Ring")
        },
        values={"Bucket": "films", "IssuerUrl.FunctionUrl": "https://x"},
        forward_cookies={OWN_POLICY: True},
        response_headers={OWN_POLICY: ResponseHeadersPolicy(remove=("server",))},
    )
    file.write_text("")
    assert read_template_settings(file) == TemplateSettings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[default_behavior]\norigin = "m"', "is read from the template"),
        ('default_root_object = "a"', "is read from the template"),
        ('without = ["function"]', "allowed are: functions, error_pages"),
        ("[values]\nBucket = 1", "values.Bucket: is a whole number"),
        ("[vaules]", "did you mean values?"),
    ],
)
def test_mistakes_in_that_file(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_template_settings(file)
    assert words in str(caught.value)
