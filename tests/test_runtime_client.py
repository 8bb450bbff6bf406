"""The issuer in AWS's own runtime client: four front ends, failures, and what is logged."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signer import PrivateKey
from signer.credential import Credential
from tests import runtime_api
from tests.issuing_function import (
    BASE_URL,
    GRANTS,
    KEY_PAIR_ID,
    headers,
    settings,
    verdict_on,
)
from tests.lambda_asset import event_of, make_asset, set_cookies_of
from tests.loopback_identity import IdentityProvider, identity_provider
from tests.ministack_cloud import ROOT_KEY, Cloud, running_cloud
from tests.runtime_api import Runtime

pytestmark = [
    pytest.mark.ministack,
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is for Linux"),
]

FRONT_ENDS = ["function_url", "http_api", "rest_api", "alb"]
CANARY = "canary-3f9a"


@pytest.fixture(scope="module")
def cloud(p256_key: PrivateKey) -> Iterator[Cloud]:
    document = Credential(kid="k", key_pair_id=KEY_PAIR_ID, private_key=p256_key).to_json()
    with running_cloud() as running:
        running.client("secretsmanager").create_secret(Name="issuer", SecretString=document)
        running.client("ssm").put_parameter(Name="/issuer", Value=document, Type="SecureString")
        for name, value in (("/base-url", BASE_URL), ("/wrong-base-url", f"{CANARY} https://")):
            running.client("ssm").put_parameter(Name=name, Value=f"{value}\n", Type="String")
        yield running


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as running:
        yield running


@pytest.fixture(scope="module")
def environment(
    cloud: Cloud, provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    compiled = tmp_path_factory.mktemp("compiled")
    return {
        **settings(provider),
        **ROOT_KEY,
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "PYTHONPYCACHEPREFIX": str(compiled),
    }


@pytest.fixture(scope="module")
def asset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_asset(tmp_path_factory.mktemp("asset"), GRANTS)


@pytest.fixture(scope="module", params=FRONT_ENDS)
def front_end(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def runtime(front_end: str, asset: Path, environment: dict[str, str]) -> Iterator[Runtime]:
    variables = {**environment, "SIGNER_FRONT_END": front_end}
    with runtime_api.running(asset, "issue.handler", variables) as running:
        yield running


def answer_of(runtime: Runtime, event: object) -> dict[str, Any]:
    outcome = runtime.invoke(event)
    assert outcome.kind == "response", (outcome, runtime.log())
    answer: dict[str, Any] = outcome.payload
    return answer


def header_of(answer: dict[str, Any], name: str) -> str | None:
    for present, value in (answer.get("headers") or {}).items():
        if present.lower() == name:
            return str(value)
    for present, values in (answer.get("multiValueHeaders") or {}).items():
        if present.lower() == name:
            return ",".join(values)
    return None


def problem_of(answer: dict[str, Any]) -> dict[str, Any]:
    assert header_of(answer, "content-type") == "application/problem+json"
    assert header_of(answer, "cache-control") == "no-store"
    problem: dict[str, Any] = json.loads(answer["body"])
    assert problem["status"] == answer["statusCode"]
    return problem


# --- The four front ends. -----------------------------------------------------------------------


@pytest.mark.parametrize("binary", [False, True])
def test_cookies_come_in_the_form_of_each_front_end(
    runtime: Runtime,
    front_end: str,
    provider: IdentityProvider,
    p256_key: PrivateKey,
    *,
    binary: bool,
) -> None:
    sent = headers(provider.token(tenant="acme"))
    event = event_of(front_end, "POST", "/auth/cookies", headers=sent, body="{}", binary=binary)
    answer = answer_of(runtime, event)
    assert answer["statusCode"] == 200
    assert header_of(answer, "cache-control") == "no-store"
    lines = set_cookies_of(front_end, answer)
    for path, allowed in [
        ("/t/acme/docs/a.pdf", True),
        ("/trailers/a.mp4", True),
        ("/t/other/docs/a.pdf", False),
    ]:
        assert verdict_on(lines, path, p256_key.public_key()).allowed is allowed, path
    others = [front for front in ("function_url", "alb") if set_cookies_of(front, answer) != lines]
    assert len(others) == 1, "cookies stand in one place only"


@pytest.mark.parametrize(
    "body", ["{", "[]", '"x"', "null", "\x00", '{"items": 1}', '{"items": [{"grant": 1}]}']
)
def test_bad_bodies_are_problems(runtime: Runtime, front_end: str, body: str) -> None:
    event = event_of(front_end, "POST", "/auth/urls", headers=headers(), body=body)
    answer = answer_of(runtime, event)
    assert 400 <= answer["statusCode"] < 500
    assert problem_of(answer)["code"]
    assert set_cookies_of(front_end, answer) == []


def test_a_bad_token_is_401(runtime: Runtime, front_end: str, provider: IdentityProvider) -> None:
    token = provider.token(tenant="acme", aud=CANARY)
    event = event_of(front_end, "POST", "/auth/cookies", headers=headers(token), body="{}")
    answer = answer_of(runtime, event)
    assert answer["statusCode"] == 401
    assert problem_of(answer)["code"]
    assert CANARY not in json.dumps(answer)
    assert set_cookies_of(front_end, answer) == []


def test_an_unknown_path_is_404(runtime: Runtime, front_end: str) -> None:
    answer = answer_of(runtime, event_of(front_end, "GET", f"/auth/{CANARY}"))
    assert answer["statusCode"] == 404
    assert problem_of(answer)["code"]


# --- Logs. --------------------------------------------------------------------------------------


def test_one_line_a_request_and_nothing_secret_in_it(
    front_end: str, asset: Path, environment: dict[str, str], provider: IdentityProvider
) -> None:
    token = provider.token(tenant="acme", jti=CANARY)
    good = headers(token)
    events = [
        event_of(front_end, "POST", "/auth/cookies", headers=good, body="{}"),
        event_of(front_end, "POST", "/auth/cookies", headers=headers(token[:-6]), body="{}"),
        event_of(front_end, "POST", "/auth/cookies", headers=headers(CANARY), body="{}"),
        event_of(front_end, "POST", "/auth/urls", headers=good, body=f'{{"x":"{CANARY}"'),
        event_of(front_end, "GET", f"/auth/{CANARY}", query={"q": CANARY}),
        event_of(front_end, "GET", "/auth/session", cookies=(f"__Host-signer-session={CANARY}",)),
    ]
    # As loud as it can be made.
    variables = {**environment, "SIGNER_FRONT_END": front_end, "POWERTOOLS_LOG_LEVEL": "DEBUG"}
    with runtime_api.running(asset, "issue.handler", variables) as runtime:
        answers = [answer_of(runtime, event) for event in events]
        log = runtime.log()
    assert answers[0]["statusCode"] == 200
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert len(log.splitlines()) == len(lines), "every line is JSON"
    requests = [line for line in lines if "status" in line]
    assert len(requests) == len(events)
    signature = next(
        line
        for line in set_cookies_of(front_end, answers[0])
        if line.startswith("CloudFront-Signature=") and "Max-Age=0" not in line
    )
    secrets = [CANARY, *token.split("."), signature.partition("=")[2].partition(";")[0]]
    assert [secret for secret in secrets if secret in log] == []


# --- Failures. ----------------------------------------------------------------------------------


def test_a_key_in_the_parameter_store(
    asset: Path, environment: dict[str, str], provider: IdentityProvider, p256_key: PrivateKey
) -> None:
    variables = {**environment, "SIGNER_CREDENTIAL": "ssm:/issuer"}
    event = event_of(
        "function_url",
        "POST",
        "/auth/cookies",
        headers=headers(provider.token(tenant="acme")),
        body="{}",
    )
    with runtime_api.running(asset, "issue.handler", variables) as runtime:
        lines = set_cookies_of("function_url", answer_of(runtime, event))
    assert verdict_on(lines, "/t/acme/docs/a.pdf", p256_key.public_key()).allowed


@pytest.mark.parametrize(
    "changed",
    [
        {"SIGNER_CREDENTIAL": f"secretsmanager:{CANARY}"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        {"AWS_SECRET_ACCESS_KEY": ""},
    ],
    ids=["no such secret", "no answer", "no credentials"],
)
def test_a_key_that_cannot_be_read_is_a_problem(
    asset: Path, environment: dict[str, str], provider: IdentityProvider, changed: dict[str, str]
) -> None:
    event = event_of(
        "function_url",
        "POST",
        "/auth/cookies",
        headers=headers(provider.token(tenant="acme")),
        body="{}",
    )
    with runtime_api.running(asset, "issue.handler", {**environment, **changed}) as runtime:
        answer = answer_of(runtime, event)
    assert 500 <= answer["statusCode"] < 600
    assert problem_of(answer)["code"]
    assert CANARY not in json.dumps(answer)


def test_the_base_url_can_be_looked_up(
    asset: Path, environment: dict[str, str], provider: IdentityProvider
) -> None:
    located = {**environment, "SIGNER_BASE_URL": "ssm:/base-url"}
    sent = headers(provider.token(tenant="acme"))
    event = event_of("function_url", "POST", "/auth/cookies", headers=sent, body="{}")
    with runtime_api.running(asset, "issue.handler", located) as runtime:
        assert answer_of(runtime, event)["statusCode"] == 200


def test_no_base_url_is_looked_up_for_a_snapshot(asset: Path, environment: dict[str, str]) -> None:
    frozen = {
        **environment,
        "SIGNER_BASE_URL": "ssm:/base-url",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
    }
    with runtime_api.running(asset, "issue.handler", frozen) as runtime:
        outcome = runtime.outcome()
    assert outcome.kind == "init/error"
    assert "cannot be looked up for a snapshot" in outcome.payload["errorMessage"]


WRONG = [
    ("SIGNER_FRONT_END", CANARY),
    ("SIGNER_BASE_URL", ""),
    ("SIGNER_BASE_URL", f"ftp://{CANARY}.test"),
    ("SIGNER_BASE_URL", f"ssm:/{CANARY}"),
    ("SIGNER_BASE_URL", "ssm:/wrong-base-url"),
    ("SIGNER_DELIVERY", CANARY),
    ("SIGNER_CREDENTIAL", ""),
    ("SIGNER_CREDENTIAL", f'{{"private_key_pem": "{CANARY}"}}'),
    ("SIGNER_GRANTS", ""),
    ("SIGNER_GRANTS", CANARY),
    ("SIGNER_OIDC_ISSUER", f"http://{CANARY}.test"),
    ("SIGNER_OIDC_CLIENT_SECRET", f"{CANARY} secret"),
    ("SIGNER_OIDC_SCOPES", CANARY),
    ("SIGNER_TOKEN_AUDIENCE", f"{CANARY} x"),
    ("SIGNER_TOKEN_USE", CANARY),
    ("SIGNER_SESSION_KEYS", CANARY),
    ("SIGNER_SESSION_LIFETIME", CANARY),
    ("SIGNER_ALLOWED_ORIGINS", f"*.{CANARY}.test"),
    ("SIGNER_CROSS_SITE_COOKIES", CANARY),
    ("SIGNER_BUCKET", f"{CANARY}!"),
    ("SIGNER_KEY_PREFIX", f"{CANARY} x"),
    ("SIGNER_REGION", CANARY),
    ("SIGNER_IMAGES_GRANT", f"{CANARY} x"),
]


@pytest.mark.parametrize(
    ("variable", "value"), WRONG, ids=[f"{name}-{index}" for index, (name, _) in enumerate(WRONG)]
)
def test_a_wrong_setting_fails_at_start_and_is_named(
    asset: Path, environment: dict[str, str], variable: str, value: str
) -> None:
    wrong = {**environment, variable: value}
    with runtime_api.running(asset, "issue.handler", wrong) as runtime:
        outcome = runtime.outcome()
        assert runtime.process.wait(10) != 0
        log = runtime.log()
    assert outcome.kind == "init/error"
    assert variable in outcome.payload["errorMessage"]
    assert re.search(r"\bset it to\b", outcome.payload["errorMessage"])
    assert CANARY not in json.dumps(outcome.payload)
    assert CANARY not in log


def test_a_grants_file_that_is_wrong_fails_at_start(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    asset = make_asset(tmp_path / "asset", GRANTS.replace("ttl", "tll", 1))
    with runtime_api.running(asset, "issue.handler", environment) as runtime:
        outcome = runtime.outcome()
    assert outcome.kind == "init/error"
    assert "tll" in outcome.payload["errorMessage"]


@pytest.mark.parametrize("event", [{}, [], None, "x", {"Records": [{"eventSource": CANARY}]}])
def test_an_event_of_nobodys_is_answered_or_refused_without_repeating_it(
    asset: Path, environment: dict[str, str], event: object
) -> None:
    with runtime_api.running(asset, "issue.handler", environment) as runtime:
        outcome = runtime.invoke(event)
        assert outcome.kind == "error" or outcome.payload["statusCode"] >= 400
        assert CANARY not in json.dumps(outcome.payload)
        assert CANARY not in runtime.log()
        assert runtime.process.poll() is None


def test_a_load_balancer_that_would_drop_cookies_gets_none(
    asset: Path, environment: dict[str, str], provider: IdentityProvider
) -> None:
    sent = headers(provider.token(tenant="acme"))
    event = event_of("alb", "POST", "/auth/cookies", headers=sent, body="{}")
    # What the event is when the target group has multi-value headers off.
    event["headers"] = {name: value for name, [value] in event.pop("multiValueHeaders").items()}
    with runtime_api.running(
        asset, "issue.handler", {**environment, "SIGNER_FRONT_END": "alb"}
    ) as runtime:
        answer = answer_of(runtime, event)
        log = runtime.log()
    problem = problem_of(answer)
    assert (problem["status"], problem["code"]) == (500, "internal")
    assert "CloudFront-" not in json.dumps(answer)
    assert '"cause":"front_end"' in log


def test_a_handler_that_raises_is_reported_and_the_next_event_served(
    tmp_path: Path, environment: dict[str, str], provider: IdentityProvider
) -> None:
    asset = make_asset(tmp_path / "asset", GRANTS)
    (asset / "breaking.py").write_text(
        "import issue\n"
        "def handler(event, context):\n"
        "    if event.pop('break', None):\n"
        "        raise RuntimeError('broken')\n"
        "    return issue.handler(event, context)\n"
    )
    event = event_of(
        "function_url",
        "POST",
        "/auth/cookies",
        headers=headers(provider.token(tenant="acme")),
        body="{}",
    )
    with runtime_api.running(asset, "breaking.handler", environment) as runtime:
        outcome = runtime.invoke({**event, "break": True})
        assert outcome.kind == "error"
        assert outcome.payload["errorType"] == "RuntimeError"
        assert outcome.payload["stackTrace"]
        assert answer_of(runtime, event)["statusCode"] == 200
