"""Flask: what the scenario does not show."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, session

from signer import PrivateKey
from signer.access import Access
from signer.errors import ConfigurationError, SignerError
from signer.integrations.flask import SignedAccess, current, set_cookies
from signer.integrations.opening import open_access
from tests.integrations.backends import BASE, GRANTS, SITE, Clock, make_credential

ADA: dict[str, object] = {"sub": "ada", "groups": ["gallery", "cinema"]}


@pytest.fixture
def settings(tmp_path: Path, p256_key: PrivateKey) -> dict[str, Any]:
    return {
        "SECRET_KEY": "of no use to anybody",
        "SIGNER_CREDENTIAL": f"file:{make_credential(tmp_path, p256_key)}",
        "SIGNER_GRANTS": str(GRANTS),
        "SIGNER_BASE_URL": BASE,
    }


def app_with(settings: dict[str, Any], **changed: object) -> Flask:
    app = Flask(__name__)
    app.config.update(settings | changed)

    @app.post("/login")
    def log_in() -> str:
        current.log_in(ADA)
        return "in"

    @app.post("/clear")
    def clear() -> str:
        session.clear()
        return "out"

    @app.get("/page")
    def page() -> str:
        return "page"

    @app.get("/url")
    def url() -> str:
        return current.url("share", "a.jpg").url

    return app


def signed(response: Any) -> list[str]:  # noqa: ANN401 - werkzeug's test response
    lines: list[str] = response.headers.getlist("Set-Cookie")
    return [line for line in lines if line.startswith("CloudFront-")]


def test_an_extension_can_be_made_before_its_app(settings: dict[str, Any]) -> None:
    access = SignedAccess()
    for _ in range(2):
        app = app_with(settings)
        access.init_app(app)
        assert len(signed(app.test_client().post("/login", base_url=SITE))) == 10


def test_an_access_made_by_hand_needs_no_settings(settings: dict[str, Any]) -> None:
    made = open_access(credential=settings["SIGNER_CREDENTIAL"], grants=GRANTS, base_url=BASE)
    app = app_with({"SECRET_KEY": "of no use"})
    SignedAccess(app, access=made)
    assert signed(app.test_client().post("/login", base_url=SITE))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"SIGNER_CREDENTIAL": None}, "SIGNER_CREDENTIAL is not set"),
        ({"SIGNER_GRANTS": ""}, "SIGNER_GRANTS is not set"),
        ({"SIGNER_BASE_URL": None}, "SIGNER_BASE_URL is not set"),
        ({"SIGNER_COOKIE": {}}, "SIGNER_COOKIE is not a setting; known are SIGNER_BASE_URL, "),
        ({"SIGNER_COOKIES": "Lax"}, "SIGNER_COOKIES is not a dict"),
        ({"SIGNER_SESSION_LIFETIME": "1h"}, "SIGNER_SESSION_LIFETIME is not a timedelta"),
        ({"SIGNER_SESSION_LIFETIME": 0}, "SIGNER_SESSION_LIFETIME is not a timedelta"),
        ({"SIGNER_SESSION_LIFETIME": True}, "SIGNER_SESSION_LIFETIME is not a timedelta"),
    ],
)
def test_wrong_settings_are_told_at_start(
    settings: dict[str, Any], changed: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        SignedAccess(app_with(settings, **changed))
    assert caught.value.code == "setting"
    assert caught.value.evidence["field"] == next(iter(changed))


@pytest.mark.parametrize("lifetime", [100, timedelta(seconds=100)])
def test_how_long_claims_are_believed_is_a_setting(
    settings: dict[str, Any], lifetime: object
) -> None:
    app, clock = app_with(settings, SIGNER_SESSION_LIFETIME=lifetime), Clock()
    SignedAccess(app, clock=clock)
    client = app.test_client()
    client.post("/login", base_url=SITE)
    clock.now += 100
    lines = signed(client.get("/page", base_url=SITE))
    assert len(lines) == 10
    assert all("Max-Age=0" in line for line in lines)


def test_a_very_long_life_is_cut_to_a_year(settings: dict[str, Any]) -> None:
    app, clock = app_with(settings, SIGNER_SESSION_LIFETIME=10**20), Clock()
    SignedAccess(app, clock=clock)
    client = app.test_client()
    client.post("/login", base_url=SITE)
    clock.now += 366 * 86400 - 1
    assert [line for line in signed(client.get("/page", base_url=SITE)) if "Max-Age=0" not in line]
    clock.now += 1
    assert all("Max-Age=0" in line for line in signed(client.get("/page", base_url=SITE)))


def test_a_coroutine_function_is_refused_at_start(settings: dict[str, Any]) -> None:
    async def load(_: str) -> dict[str, object]:
        await asyncio.sleep(0)
        return ADA

    with pytest.raises(ConfigurationError) as caught:
        SignedAccess(app_with(settings), load=load)  # type: ignore[arg-type]  # the mistake
    assert caught.value.code == "claims_async"


def test_an_app_without_the_extension_is_told_so(settings: dict[str, Any]) -> None:
    app = app_with(settings)
    app.testing = True
    with pytest.raises(ConfigurationError) as caught:
        app.test_client().get("/url")
    assert caught.value.code == "extension_missing"


def test_emptying_the_session_logs_out(settings: dict[str, Any]) -> None:
    app = app_with(settings)
    SignedAccess(app)
    client = app.test_client()
    client.post("/login", base_url=SITE)
    lines = signed(client.post("/clear", base_url=SITE))
    assert len(lines) == 10
    assert all("Max-Age=0" in line for line in lines)


def test_a_page_that_asks_nothing_varies_by_no_cookie(settings: dict[str, Any]) -> None:
    app = app_with(settings)
    SignedAccess(app)
    client = app.test_client()
    for _ in range(2):
        answer = client.get("/page", base_url=SITE)
        assert "Vary" not in answer.headers
        assert "Cache-Control" not in answer.headers


def test_a_problem_is_answered_and_the_apps_own_handler_wins(settings: dict[str, Any]) -> None:
    app = app_with(settings)
    SignedAccess(app)
    answer = app.test_client().get("/url")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "login_required")
    app = app_with(settings)
    SignedAccess(app)

    @app.errorhandler(SignerError)
    def own(error: SignerError) -> tuple[str, int]:
        return error.code, 418

    answer = app.test_client().get("/url")
    assert (answer.status_code, answer.text) == (418, "login_required")


def test_a_mistake_of_the_operators_is_logged_and_not_told(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ConfigurationError("setting", "canary is not set")

    app = app_with(settings)
    SignedAccess(app)
    monkeypatch.setattr(Access, "url", fail)
    answer = app.test_client().get("/url")
    assert answer.status_code == 500
    assert "canary" not in answer.text
    assert "canary is not set" in caplog.text


def test_cookies_can_be_set_by_hand(settings: dict[str, Any]) -> None:
    access = open_access(credential=settings["SIGNER_CREDENTIAL"], grants=GRANTS, base_url=BASE)
    response = Response()
    set_cookies(response, access.cookies(ADA).set_cookie_headers)
    assert len(signed(response)) == 10
    assert response.headers["Cache-Control"] == "private, no-store"


def test_attributes_come_from_the_settings(settings: dict[str, Any]) -> None:
    app = app_with(settings, SIGNER_COOKIES={"same_site": "None", "partitioned": True})
    SignedAccess(app)
    lines = signed(app.test_client().post("/login", base_url=SITE))
    assert all("SameSite=None; Partitioned" in line for line in lines)
