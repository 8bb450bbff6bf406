"""Ours beside botocore's ``CloudFrontSigner``: the same bytes wherever botocore's are right."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random

import pytest

from signer.encoding import decode_base64
from signer.errors import PolicyError, ResourceError, UrlError
from signer.policy import Policy
from signer.wire import wire_url
from tests import botocore_comparison, conformance_report, generated_urls
from tests.botocore_comparison import NOW, Signers


@pytest.fixture(scope="module")
def signers() -> Signers:
    return Signers()


def wire_forms(seed: int, count: int) -> list[str]:
    forms = []
    for url in generated_urls.urls(seed, count):
        try:
            forms.append(wire_url(url))
        except UrlError:
            continue
    return forms


def test_10_000_canned_urls_equal_botocores_or_differ_for_a_reason_on_the_page() -> None:
    """When only the page is wrong, rewrite it with: python -m tests.conformance_report."""
    result = botocore_comparison.compare()
    assert result.broken == []
    assert result.total == botocore_comparison.COUNT >= 10_000
    assert result.identical >= 4_500
    assert "nothing in the query" not in result.normalised
    assert len(result.normalised) >= 15
    assert len(result.refused) >= 15
    assert len(result.cautious) == 3
    page = conformance_report.PAGE.read_text(encoding="utf-8")
    assert conformance_report.botocore_section(result) in page


def test_custom_policies_say_the_same(signers: Signers) -> None:
    random, compared = Random(1), 0
    for resource in wire_forms(50, 4_000):
        end = NOW + random.randint(2, 10**7)
        start = random.choice((None, random.randint(1, end - 1)))
        address = random.choice(
            (None, f"{random.randint(1, 223)}.0.0.0/8", f"10.1.2.{random.randint(0, 255)}")
        )
        theirs = signers.botocore.build_policy(
            resource,
            datetime.fromtimestamp(end, UTC),
            date_greater_than=datetime.fromtimestamp(start, UTC) if start else None,
            ip_address=address,
        )
        ours = Policy(
            resource, date_less_than=end, date_greater_than=start, ip_address=address
        ).to_json()
        assert json.loads(ours) == json.loads(theirs)
        assert ours == theirs
        compared += 1
    assert compared >= 2_500


def test_generate_presigned_url_with_a_date_gives_the_same_url(signers: Signers) -> None:
    end = datetime.fromtimestamp(NOW + 3600, UTC)
    for url in wire_forms(51, 300):
        ours = signers.ours.generate_presigned_url(url, date_less_than=end)
        assert ours == signers.botocore.generate_presigned_url(url, date_less_than=end)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_generate_presigned_url_with_a_policy_gives_the_same_url(
    signers: Signers, as_bytes: bool
) -> None:
    end = datetime.fromtimestamp(NOW + 3600, UTC)
    start = datetime.fromtimestamp(NOW - 60, UTC)
    for url in wire_forms(52, 300):
        policy = signers.botocore.build_policy(
            url.partition("?")[0] + "*", end, date_greater_than=start, ip_address="192.0.2.0/24"
        )
        theirs = signers.botocore.generate_presigned_url(url, policy=policy)
        if not url.partition("?")[0].partition("://")[2].partition("/")[2].strip("/"):
            with pytest.raises(ResourceError, match="entire distribution"):
                signers.ours.generate_presigned_url(url, policy=policy)
            continue
        given = policy.encode() if as_bytes else policy
        assert signers.ours.generate_presigned_url(url, policy=given) == theirs


def test_generate_presigned_url_makes_a_policy_of_an_exact_url_and_a_date_canned(
    signers: Signers,
) -> None:
    """botocore sends any policy it is given; the same grant is shorter as a canned one."""
    end = datetime.fromtimestamp(NOW + 3600, UTC)
    url = "https://cdn.example.com/films/a.mp4"
    policy = signers.botocore.build_policy(url, end)
    ours = signers.ours.generate_presigned_url(url, policy=policy)
    assert ours == signers.botocore.generate_presigned_url(url, date_less_than=end)


def test_generate_presigned_url_does_not_pass_white_space_through(signers: Signers) -> None:
    policy = json.dumps(
        {
            "Statement": [
                {
                    "Resource": "https://cdn.example.com/my film/*",
                    "Condition": {"DateLessThan": {"AWS:EpochTime": NOW + 60}},
                }
            ]
        },
        indent=2,
    )
    url = signers.ours.generate_presigned_url("https://cdn.example.com/my film/a", policy=policy)
    sent = dict(part.split("=") for part in url.partition("?")[2].split("&"))["Policy"]
    assert b" " not in decode_base64(sent)
    assert b"/my%20film/*" in decode_base64(sent)


def test_generate_presigned_url_wants_one_of_date_and_policy(signers: Signers) -> None:
    url, end = "https://cdn.example.com/a", datetime.fromtimestamp(NOW + 60, UTC)
    with pytest.raises(PolicyError):
        signers.ours.generate_presigned_url(url)
    with pytest.raises(PolicyError):
        signers.ours.generate_presigned_url(url, date_less_than=end, policy="{}")
