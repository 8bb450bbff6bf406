"""Reading a distribution from CloudFront's API: what is asked for, and what failures are called."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError

from signer import PrivateKey
from signer.edge import CloudFrontApi, cloudfront_client
from signer.errors import ConfigurationError, RemoteError
from tests.edge.told_cloudfront import KEY_PAIR_ID, Client, read, refused


@pytest.fixture
def client(p256_key: PrivateKey) -> Client:
    return Client(p256_key)


def test_a_read_that_finds_nothing_new_is_equal(client: Client) -> None:
    api = CloudFrontApi(client, "E1")
    assert api.read() == api.read()
    # Public keys never change, so each is asked for once.
    assert [one for one, _ in client.calls].count("GetPublicKey") == 1


def test_a_key_that_left_is_forgotten_and_asked_for_again(client: Client) -> None:
    api = CloudFrontApi(client, "E1")
    for group in ([KEY_PAIR_ID], ["KOTHER00000000"], [KEY_PAIR_ID]):
        client.group["Items"] = group
        assert list(api.read().key_groups["viewers"].keys) == group
    assert [one for one, _ in client.calls].count("GetPublicKey") == 3


@pytest.mark.parametrize("kind", ["CachePolicyId", "OriginRequestPolicyId"])
@pytest.mark.parametrize(
    ("cookies", "forwarded"),
    [("none", False), ("whitelist", True), ("allExcept", True), ("all", True)],
)
def test_policies_say_whether_cookies_are_forwarded(
    client: Client, kind: str, cookies: str, forwarded: bool
) -> None:
    client.cookies = cookies
    for one in (client.config["DefaultCacheBehavior"], client.config["CacheBehaviors"]["Items"][0]):
        one[kind] = "p1"
    site = read(client)
    assert site.default_behavior.forward_cookies is site.behaviors[0].forward_cookies is forwarded
    assert len([one for one, name in client.calls if name == "p1"]) == 1


def test_a_key_that_is_none_is_named(client: Client) -> None:
    client.pem = "no key"
    error = refused(client)
    assert error.code == "cloudfront_key"
    assert KEY_PAIR_ID in error.message


def told_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "a secret"}}, "GetKeyGroup")


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (told_error("AccessDenied"), "cloudfront_denied"),
        (NoCredentialsError(), "cloudfront_denied"),
        (told_error("NoSuchResource"), "cloudfront_missing"),
        (told_error("NoSuchDistribution"), "cloudfront_missing"),
        (told_error("Throttling"), "cloudfront_unavailable"),
        (told_error("500\r\na secret"), "cloudfront_unavailable"),
        (ConnectTimeoutError(endpoint_url="http://a-secret"), "cloudfront_unavailable"),
    ],
)
@pytest.mark.parametrize("operation", ["GetDistribution", "GetKeyGroup", "GetPublicKey"])
def test_failures_are_told_by_their_kind(
    client: Client, operation: str, failure: Exception, code: str
) -> None:
    client.failures[operation] = failure
    error = refused(client)
    assert isinstance(error, RemoteError)
    assert error.code == code
    assert operation in str(error)
    assert "secret" not in str(error)
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize(
    "answer", [{}, {"DistributionConfig": None}, {"DistributionConfig": {"Origins": 1}}]
)
def test_an_answer_of_another_form_is_an_error_of_ours(
    client: Client, answer: dict[str, Any]
) -> None:
    client.distribution = answer
    assert refused(client).code == "cloudfront_answer"


@pytest.mark.parametrize("name", ["", "E1/..", "a b", "E" * 65])
def test_only_an_id_is_asked_for(client: Client, name: str) -> None:
    with pytest.raises(ConfigurationError):
        CloudFrontApi(client, name)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        cloudfront_client("no address")
    assert caught.value.code == "cloudfront_client"
