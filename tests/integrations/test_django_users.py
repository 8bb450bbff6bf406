"""Django: a user who is changed, gone, or looked at as somebody else; and views of one's own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from signer.access import Access, AccessUrl, Claims
from signer.errors import CredentialError
from tests.integrations.backends import BASE, NOW, PASSWORD, Backend, Visitor, prepare_django

# Settings first, as with every program that uses Django.
prepare_django()

from django.contrib.auth import authenticate, login, logout  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402
from django.test import AsyncClient, override_settings  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import include, path  # noqa: E402

from signer.integrations.django import acurrent, current, get_access  # noqa: E402
from signer.integrations.django.checks import (  # noqa: E402
    check_credential,
    check_settings,
    check_storages,
)

LIFE = 15 * 60
URL = "/api/images/moonrise.jpg/url"


def out_and_in_again(request: HttpRequest) -> HttpResponse:
    user = request.user
    logout(request)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[arg-type]
    return JsonResponse({})


def as_another(request: HttpRequest) -> HttpResponse:
    """What "view as" packages do: they replace the user of the request."""
    request.user = User.objects.get(username="guest")
    return JsonResponse({"subject": current(request).subject})


def by_token(request: HttpRequest) -> HttpResponse:
    """What token packages do: the user is no model."""
    request.user = SimpleNamespace(is_authenticated=True, pk=7)  # type: ignore[assignment]
    return JsonResponse({"subject": current(request).subject})


def writes(request: HttpRequest) -> HttpResponse:
    request.session["seen"] = True
    return JsonResponse({})


async def asks(request: HttpRequest) -> HttpResponse:
    viewer = await acurrent(request)
    made = await viewer.url_async("share", "moonrise.jpg")
    # Nothing of the database, which refuses to be asked in the loop's thread.
    return JsonResponse({"url": made.url, "ends": made.expires_at, "subject": viewer.subject})


urlpatterns = [
    path("", include("urls")),
    path("again", out_and_in_again),
    path("another", as_another),
    path("token", by_token),
    path("writes", writes),
    path("asks", asks),
]


@pytest.fixture
def site(make_backend: Callable[[str], Backend]) -> Iterator[Backend]:
    backend = make_backend("django")
    with override_settings(ROOT_URLCONF=__name__):
        yield backend
    ada = User.objects.get(username="ada")
    ada.set_password(PASSWORD)
    ada.save()


def logged_in(site: Backend, name: str = "ada") -> Visitor:
    visitor = site.visitor()
    assert visitor.log_in(name).status == 200
    assert visitor.kept
    return visitor


def test_who_looks_as_another_keeps_cookies_of_their_own(site: Backend) -> None:
    visitor = logged_in(site)
    site.clock.now += LIFE // 2
    before = visitor.kept
    answer = visitor.get("/another")
    assert answer.content == {"subject": str(User.objects.get(username="ada").pk)}
    assert {where for _, where in visitor.kept} == {"/gallery/", "/film/"}
    assert visitor.kept != before


def test_a_user_that_is_no_model_is_not_the_one_of_the_session(site: Backend) -> None:
    visitor = logged_in(site)
    site.clock.now += LIFE // 2
    answer = visitor.get("/token")
    assert answer.content == {"subject": str(User.objects.get(username="ada").pk)}
    assert len(answer.signed) == 10
    assert site.visitor().get("/token").content == {"subject": None}


@pytest.mark.parametrize("later", [0, LIFE // 2])
def test_a_user_is_read_once_for_a_request(site: Backend, later: int) -> None:
    visitor = logged_in(site)
    site.clock.now += later
    with CaptureQueriesContext(connection) as queries:
        assert visitor.get(URL).status == 200
    assert sum('FROM "auth_user" WHERE' in query["sql"] for query in queries) == 1


def test_nothing_is_signed_for_a_session_that_a_new_password_ended(site: Backend) -> None:
    visitor = logged_in(site)
    ada = User.objects.get(username="ada")
    ada.set_password("another password")
    ada.save()
    answer = visitor.get(URL)
    assert (answer.status, answer.content["code"]) == (401, "login_required")
    assert visitor.kept == {}


def test_nothing_is_signed_for_a_user_who_may_not_log_in_any_longer(site: Backend) -> None:
    visitor = logged_in(site)
    site.set_groups("ada", None)
    assert authenticate(username="ada", password=PASSWORD) is None
    answer = visitor.get(URL)
    assert (answer.status, answer.content["code"]) == (401, "login_required")
    assert visitor.kept == {}


def test_out_and_in_again_in_one_request_leaves_the_cookies_of_the_second(site: Backend) -> None:
    visitor = logged_in(site)
    site.set_groups("ada", ["gallery"])
    answer = visitor.get("/again")
    assert {where for _, where in visitor.kept} == {"/gallery/"}
    assert len(answer.signed) == 2 * 5  # set at one path, cleared at the other


def test_a_log_in_is_signed_for_once(site: Backend) -> None:
    with patch.object(Access, "cookies", autospec=True, side_effect=Access.cookies) as signing:
        logged_in(site)
    assert signing.call_count == 1


def test_a_session_that_a_view_wrote_to_varies_by_its_cookie(site: Backend) -> None:
    assert "Cookie" in logged_in(site).get("/writes").headers["vary"]


def test_a_store_of_grants_that_is_down_takes_no_page_with_it(
    site: Backend, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    def fails(place: str, **_: object) -> str:
        asked.append(place)
        raise CredentialError("credential_unavailable", "the store does not answer")

    monkeypatch.setattr("signer.grants_place.read_secret_text", fails)
    visitor = logged_in(site)
    given = {"CREDENTIAL": f"file:{site.credential}", "GRANTS": "ssm:/grants", "BASE_URL": BASE}
    with override_settings(SIGNER=given):
        for _ in range(3):
            assert visitor.get("/api/session").content == {"name": "ada"}
        assert visitor.get(URL).status == 503
        assert asked == ["ssm:/grants"]
        assert "the grants cannot be read: grants_unavailable" in caplog.text
        # Checks ask nobody, unless they are those of a deployment.
        assert check_settings(app_configs=None) == []
        assert check_storages(app_configs=None) == []
        assert asked == ["ssm:/grants"]
        assert [message.id for message in check_credential(app_configs=None)] == ["signer.E004"]


def test_a_credential_that_cannot_be_opened_is_looked_for_now_and_then(
    site: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    del site
    opened, now = [], [100]

    def fails(**_: object) -> Access:
        opened.append(now[0])
        raise CredentialError("credential_missing", "there is none")

    monkeypatch.setattr("signer.integrations.django.settings.open_access", fails)
    monkeypatch.setattr("signer.integrations.django.settings.time.monotonic", lambda: now[0])
    given = {"CREDENTIAL": "file:none", "GRANTS": "none", "BASE_URL": BASE}
    with override_settings(SIGNER=given):
        for step in (0, 1, 3, 1, 4):
            now[0] += step
            with pytest.raises(CredentialError, match="there is none"):
                get_access()
    assert opened == [100, 105]


@pytest.mark.parametrize("later", [0, LIFE // 2])
def test_an_async_view_signs_in_a_thread(site: Backend, later: int) -> None:
    threads = set()
    sign = Access.url

    def noted(access: Access, claims: Claims | None, grant: str, item: str) -> AccessUrl:
        threads.add(threading.get_ident())
        return sign(access, claims, grant, item)

    async def walk() -> None:
        client = AsyncClient(headers={"host": "localhost"})
        await client.post(
            "/api/login",
            {"name": "ada", "password": PASSWORD},
            content_type="application/json",
            secure=True,
        )
        site.clock.now += later
        answer = await client.get("/asks", secure=True)
        assert answer.status_code == 200
        assert answer.json()["ends"] == NOW + later + 600
        assert answer.json()["subject"]
        assert answer.headers["Cache-Control"] == "private, no-store"
        signed = [name for name in answer.cookies if name.startswith("CloudFront-")]
        assert len(signed) == (10 if later else 0)
        assert threads
        assert threading.get_ident() not in threads

    with patch.object(Access, "url", noted):
        asyncio.run(walk())
