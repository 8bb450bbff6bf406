"""What CloudFront tells about a distribution becomes one that the edge serves, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signer import PrivateKey
from signer.assumptions import Assumptions
from signer.edge import (
    FunctionUrlOrigin,
    HttpOrigin,
    LocalSettings,
    S3Origin,
    ViewerCertificate,
)
from signer.edge.config import read_local_settings
from signer.errors import ConfigurationError
from tests.edge.told_cloudfront import (
    FOLDER,
    GROUP_ID,
    KEY_PAIR_ID,
    Client,
    custom,
    items,
    read,
    refused,
    s3,
)


@pytest.fixture
def client(p256_key: PrivateKey) -> Client:
    return Client(p256_key)


def test_behaviors_and_key_groups_are_read(client: Client) -> None:
    site = read(client)
    assert site.default_behavior.trusted_key_groups == ("viewers",)
    assert [one.path_pattern for one in site.behaviors] == ["/assets/*"]
    assert site.behaviors[0].trusted_key_groups == ()
    assert list(site.key_groups["viewers"].keys) == [KEY_PAIR_ID]
    assert site.default_root_object == "index.html"


def test_viewers_may_use_every_name_of_the_distribution_and_loopback(client: Client) -> None:
    site = read(client)
    for host in ("cdn.example.com", "d111111abcdef8.cloudfront.net", "localhost:8080", "127.0.0.1"):
        assert site.serves_host(host)
    assert not site.serves_host("other.example.com")
    assert read(client, domain_names=("only.test",)).domain_names == ("only.test",)


@pytest.mark.parametrize(
    ("given", "methods"),
    [
        (("GET", "HEAD"), "GET_HEAD"),
        (("OPTIONS", "HEAD", "GET"), "GET_HEAD_OPTIONS"),
        (("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"), "ALL"),
        ((), "GET_HEAD"),
    ],
)
def test_allowed_methods(client: Client, given: tuple[str, ...], methods: str) -> None:
    client.config["DefaultCacheBehavior"]["AllowedMethods"] = items(*given)
    assert read(client).default_behavior.allowed_methods == methods


@pytest.mark.parametrize(("forward", "forwarded"), [("none", False), ("all", True)])
def test_forwarded_values_say_it_in_the_old_way(
    client: Client, forward: str, forwarded: bool
) -> None:
    old = {"QueryString": False, "Cookies": {"Forward": forward}}
    client.config["DefaultCacheBehavior"]["ForwardedValues"] = old
    assert read(client).default_behavior.forward_cookies is forwarded


@pytest.mark.parametrize(
    ("domain", "bucket", "region"),
    [
        ("films.s3.eu-central-1.amazonaws.com", "films", "eu-central-1"),
        ("films.s3.amazonaws.com", "films", "us-east-1"),
        ("films.s3-eu-west-1.amazonaws.com", "films", "eu-west-1"),
        ("films.s3.dualstack.eu-west-1.amazonaws.com", "films", "eu-west-1"),
        ("a.s3.b.s3.us-gov-west-1.amazonaws.com", "a.s3.b", "us-gov-west-1"),
        ("films.s3.cn-north-1.amazonaws.com.cn", "films", "cn-north-1"),
    ],
)
def test_a_bucket_is_read_from_its_domain_name(
    client: Client, domain: str, bucket: str, region: str
) -> None:
    client.origin(s3(domain, OriginPath="/site"))
    assert read(client, s3_endpoint_url="http://127.0.0.1:4566").origins == {
        "media": S3Origin(
            bucket, region=region, prefix="site", endpoint_url="http://127.0.0.1:4566"
        )
    }


@pytest.mark.parametrize("controlled", [True, False])
def test_a_function_url_is_asked_as_one(client: Client, controlled: bool) -> None:
    domain = "abc.lambda-url.eu-central-1.on.aws"
    told = custom(DomainName=domain, OriginPath="/v1")
    client.origin({**told, "OriginAccessControlId": "E1" if controlled else ""})
    local: dict[str, Any] = {
        "access_key_id": "A",
        "secret_access_key": "B",
        "session_token": "C",
    }
    assert read(client, lambda_endpoint_url="http://127.0.0.1:4566", **local).origins == {
        "media": FunctionUrlOrigin(
            f"https://{domain}",
            endpoint_url="http://127.0.0.1:4566",
            prefix="v1",
            origin_access_control=controlled,
            connect_timeout=5,
            read_timeout=20,
            **local,
        )
    }


def test_buckets_are_read_with_the_credentials_of_this_machine(client: Client) -> None:
    origin = read(client, access_key_id="A", secret_access_key="B").origins["media"]
    assert isinstance(origin, S3Origin)
    assert (origin.access_key_id, origin.secret_access_key) == ("A", "B")


@pytest.mark.parametrize(
    ("protocol", "ports", "url"),
    [
        ("https-only", (80, 443), "https://backend.example.com/v1"),
        ("http-only", (80, 443), "http://backend.example.com/v1"),
        ("http-only", (8080, 443), "http://backend.example.com:8080/v1"),
        ("https-only", (80, 8443), "https://backend.example.com:8443/v1"),
        ("match-viewer", (80, 443), "http://backend.example.com/v1"),
    ],
)
def test_a_custom_origin_is_asked_at_its_address(
    client: Client, protocol: str, ports: tuple[int, int], url: str
) -> None:
    told = custom(protocol, OriginPath="/v1")
    told["CustomOriginConfig"] |= {"HTTPPort": ports[0], "HTTPSPort": ports[1]}
    client.origin(told)
    expected = HttpOrigin(url, connect_timeout=5, read_timeout=20)
    assert read(client).origins == {"media": expected}


def test_match_viewer_follows_the_scheme_of_this_run(client: Client) -> None:
    client.origin(custom("match-viewer"))
    site = read(client, viewer_certificate=ViewerCertificate(Path("c.pem"), Path("k.pem")))
    origin = site.origins["media"]
    assert isinstance(origin, HttpOrigin)
    assert origin.url == "https://backend.example.com"


def test_an_origin_of_this_machine_takes_the_place_of_the_real_one(client: Client) -> None:
    client.origin(custom(OriginAccessControlId="E1", CustomHeaders=items({"HeaderName": "x"})))
    assert read(client, origins={"media": FOLDER}).origins == {"media": FOLDER}


def test_origins_that_no_behavior_uses_do_not_matter(client: Client) -> None:
    unused = {
        "Id": "unused",
        "DomainName": "x.example.com",
        "VpcOriginConfig": {"VpcOriginId": "v"},
    }
    client.config["Origins"]["Items"].append(unused)
    assert list(read(client).origins) == ["media"]


@pytest.mark.parametrize(
    "told",
    [
        custom(OriginAccessControlId="E1"),
        custom(CustomHeaders=items({"HeaderName": "x-secret", "HeaderValue": "hush"})),
        {"Id": "media", "DomainName": "x.example.com", "VpcOriginConfig": {"VpcOriginId": "v"}},
        s3("films.elsewhere.example.com"),
    ],
    ids=["signed requests", "headers of its own", "in a VPC", "not an S3 name"],
)
def test_an_origin_that_cannot_be_told_is_named(client: Client, told: dict[str, Any]) -> None:
    client.origin(told)
    error = refused(client)
    assert error.code == "cloudfront_origin"
    assert "[origins.media]" in error.advice
    assert "hush" not in str(error)


def test_an_origin_group_needs_an_origin_here(client: Client) -> None:
    client.config["OriginGroups"] = items({"Id": "both"})
    client.config["DefaultCacheBehavior"]["TargetOriginId"] = "both"
    assert refused(client).code == "cloudfront_origin"
    assert read(client, origins={"both": FOLDER}).origins["both"] == FOLDER


def test_a_misspelt_origin_is_refused(client: Client) -> None:
    error = refused(client, origins={"medai": FOLDER})
    assert (error.code, error.advice) == ("configuration_reference", "it has: media")


def test_behaviors_that_need_other_signatures_are_never_open(client: Client) -> None:
    default = client.config["DefaultCacheBehavior"]
    default["TrustedSigners"] = {"Enabled": True, **items("self")}
    assert refused(client).code == "cloudfront_behavior"
    default["TrustedSigners"] = {"Enabled": False, **items()}
    default["TrustedKeyGroups"] = {"Enabled": True, **items()}
    assert refused(client).code == "cloudfront_behavior"
    default["TrustedKeyGroups"] = {"Enabled": False, **items(GROUP_ID)}
    assert read(client).default_behavior.trusted_key_groups == ("viewers",)


def settings(tmp_path: Path, text: str) -> LocalSettings:
    file = tmp_path / "edge.toml"
    file.write_text(text)
    return read_local_settings(file)


def test_a_file_tells_what_belongs_to_this_machine(tmp_path: Path) -> None:
    local = settings(
        tmp_path,
        'domain_names = ["cdn.test"]\nexplain_header = true\ns3_endpoint_url = "http://127.0.0.1:1"\n'
        'lambda_endpoint_url = "http://127.0.0.1:2"\naccess_key_id = "A"\n'
        'secret_access_key = "B"\nsession_token = "C"\n'
        '[origins.media]\ntype = "http"\nurl = "http://127.0.0.1:9000"\n'
        "[assumptions]\nclock_skew_seconds = 5\n",
    )
    assert local == LocalSettings(
        origins={"media": HttpOrigin("http://127.0.0.1:9000")},
        domain_names=("cdn.test",),
        explain_header=True,
        s3_endpoint_url="http://127.0.0.1:1",
        lambda_endpoint_url="http://127.0.0.1:2",
        access_key_id="A",
        secret_access_key="B",
        session_token="C",
        assumptions=Assumptions(clock_skew_seconds=5),
    )
    assert settings(tmp_path, "") == LocalSettings()


@pytest.mark.parametrize(
    "text",
    ['[default_behavior]\norigin = "m"', "[key_groups.viewers]", 'default_root_object = "a"'],
)
def test_a_file_does_not_tell_what_the_api_does(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings(tmp_path, text)
    assert "is read from CloudFront's API" in caught.value.message
