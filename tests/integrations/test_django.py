"""Django: system checks, storages side by side, async views, and what the scenario does not show."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from signer.access import Access
from signer.cookies import CookieAttributes
from signer.errors import ConfigurationError, GrantError
from tests.integrations.backends import (
    BASE,
    GRANTS,
    NOW,
    PASSWORD,
    Backend,
    prepare_django,
)

# Settings first, as with every program that uses Django.
prepare_django()

from django.conf import settings  # noqa: E402
from django.core.checks import run_checks  # noqa: E402
from django.core.files.storage import storages  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import AsyncClient, RequestFactory, override_settings  # noqa: E402

from signer.integrations.django import (  # noqa: E402
    PublicUrlFileSystemStorage,
    SignedAccessMiddleware,
    SignedUrlFileSystemStorage,
    current,
    get_access,
    set_cookies,
    user_claims,
)
from signer.integrations.django.checks import (  # noqa: E402
    check_credential,
    check_settings,
    check_storages,
)

MIDDLEWARE = "signer.integrations.django.SignedAccessMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


@pytest.fixture
def site(make_backend: Callable[[str], Backend]) -> Backend:
    return make_backend("django")


@contextlib.contextmanager
def signer(site: Backend, **changed: object) -> Iterator[None]:
    """Run with settings of names instead of a ready Access."""
    given = {"CREDENTIAL": f"file:{site.credential}", "GRANTS": GRANTS, "BASE_URL": BASE}
    given |= {name: value for name, value in changed.items() if value is not None}
    for name, value in changed.items():
        if value is None:
            del given[name]
    with override_settings(SIGNER=given):
        yield


def codes(found: list[Any]) -> list[str]:
    return [message.id for message in found]


# --- Checks. ------------------------------------------------------------------------------------


def test_the_example_passes_every_check(site: Backend) -> None:
    with signer(site):
        assert run_checks() == []
        deployed = {message.id for message in run_checks(include_deployment_checks=True)}
    assert not {one for one in deployed if one and one.startswith("signer")}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"CREDENTIAL": None}, "SIGNER['CREDENTIAL'] is not set"),
        ({"GRANTS": None}, "SIGNER['GRANTS'] is not set"),
        ({"BASE_URL": ""}, "SIGNER['BASE_URL'] is not set"),
        ({"BASE_URLS": "x"}, "SIGNER has no setting 'BASE_URLS'"),
        ({"COOKIES": "Lax"}, "SIGNER['COOKIES'] is not a dict"),
        ({"COOKIES": {"same_site": "x"}}, "cookies: "),
        ({"CLAIMS": "no.such.function"}, "SIGNER['CLAIMS'] cannot be imported"),
        ({"CLAIMS": 1}, "SIGNER['CLAIMS'] is not a function"),
        ({"GRANTS": "nowhere.toml"}, "the grants file 'nowhere.toml' cannot be read"),
        ({"BASE_URL": "http://media.example.com"}, "http"),
    ],
)
def test_a_wrong_setting_is_told(site: Backend, changed: dict[str, object], told: str) -> None:
    with signer(site, **changed):
        [error] = check_settings(app_configs=None)
    assert error.id == "signer.E001"
    assert told in error.msg


@pytest.mark.parametrize("value", [None, "x", []])
def test_a_missing_setting_is_told(site: Backend, value: object) -> None:
    del site
    with override_settings(SIGNER=value):
        [error] = check_settings(app_configs=None)
    assert "SIGNER is not set to a dict" in error.msg


def test_the_order_of_middleware_is_checked(site: Backend) -> None:
    with signer(site):
        without = [name for name in settings.MIDDLEWARE if name != MIDDLEWARE]
        with override_settings(MIDDLEWARE=without):
            assert codes(check_settings(app_configs=None)) == ["signer.W001"]
        with override_settings(MIDDLEWARE=[MIDDLEWARE, *without]):
            assert codes(check_settings(app_configs=None)) == ["signer.E002", "signer.E002"]


def test_a_credential_is_opened_when_that_is_expected(site: Backend) -> None:
    with signer(site):
        assert check_credential(app_configs=None) == []
    for wrong in ("file:nowhere.json", "env:NOWHERE", "keys/dev.json"):
        with signer(site, CREDENTIAL=wrong):
            [error] = check_settings(app_configs=None)
            assert (error.id, error.obj) in {
                ("signer.E001", "credential_missing"),
                ("signer.E001", "credential_uri"),
            }
    # What lies at AWS is asked for only when that is expected.
    with signer(site, CREDENTIAL="secretsmanager:a b"):
        assert check_settings(app_configs=None) == []
        assert codes(check_credential(app_configs=None)) == ["signer.E004"]


@pytest.mark.parametrize(
    ("storage", "found"),
    [
        ({"BACKEND": "signer.integrations.django.SignedUrlFileSystemStorage"}, ["signer.E003"]),
        (
            {
                "BACKEND": "signer.integrations.django.SignedUrlFileSystemStorage",
                "OPTIONS": {"grant": "nothing"},
            },
            ["signer.E003"],
        ),
        (
            {
                "BACKEND": "signer.integrations.django.SignedUrlFileSystemStorage",
                "OPTIONS": {"grant": "share"},
            },
            [],
        ),
        ({"BACKEND": "signer.integrations.django.PublicUrlFileSystemStorage"}, ["signer.W002"]),
        ({"BACKEND": "no.such.Storage"}, []),
        ({}, []),
        ({"BACKEND": "tests.integrations.named_by_settings.HashedPrivate"}, ["signer.E005"]),
        ({"BACKEND": "tests.integrations.named_by_settings.function"}, []),
    ],
)
def test_storages_are_checked(site: Backend, storage: dict[str, Any], found: list[str]) -> None:
    with signer(site), override_settings(STORAGES={"default": storage}):
        assert codes(check_storages(app_configs=None)) == found
    # A table that cannot be read is told once, by the check of the settings.
    with signer(site, GRANTS="nowhere.toml"), override_settings(STORAGES={"default": storage}):
        assert "signer.E003" not in codes(check_storages(app_configs=None))


# --- Settings. ----------------------------------------------------------------------------------


def test_an_access_is_opened_once(site: Backend) -> None:
    with signer(site):
        assert get_access() is get_access()
        first = get_access()
    with signer(site):
        assert get_access() is not first


def test_an_access_may_be_given_in_three_ways(site: Backend) -> None:
    made = get_access()
    for given in (made, lambda: made, "tests.integrations.named_by_settings.made_access"):
        with override_settings(SIGNER={"ACCESS": given}):
            assert isinstance(get_access(), Access)
            assert check_settings(app_configs=None) == []
            assert check_storages(app_configs=None) == []
    for wrong in (1, "signer.errors.SignerError.__doc__", dict):
        with (
            override_settings(SIGNER={"ACCESS": wrong}),
            pytest.raises(ConfigurationError, match=r"SIGNER\['ACCESS'\]"),
        ):
            get_access()
    del site


def test_what_is_known_about_a_user(site: Backend) -> None:
    from django.contrib.auth.models import AnonymousUser, User  # noqa: PLC0415 - wants the site

    ada = User.objects.get(username="ada")
    assert user_claims(ada) == {
        "sub": str(ada.pk),
        "username": "ada",
        "groups": ["cinema", "gallery"],
        "staff": False,
        "superuser": False,
    }
    site.set_groups("ada", None)
    assert user_claims(User.objects.get(username="ada")) is None
    assert user_claims(AnonymousUser()) is None


def test_claims_may_be_ones_own(site: Backend) -> None:
    access = get_access()
    given = {"ACCESS": access, "CLAIMS": lambda _: {"groups": ["cinema"]}}
    with override_settings(SIGNER=given):
        visitor = site.visitor()
        visitor.log_in("guest")
    assert {path for _, path in visitor.kept} == {"/film/"}


# --- Storages. ----------------------------------------------------------------------------------


def test_public_and_private_lie_side_by_side(site: Backend) -> None:
    visitor = site.visitor()
    [shown] = visitor.get("/api/pictures").content["pictures"]
    assert shown == {"title": "Moonrise", "cover": f"{BASE}/covers/moon.svg", "url": None}
    visitor.log_in("guest")
    [shown] = visitor.get("/api/pictures").content["pictures"]
    assert visitor.opens_url(shown["url"])
    assert shown["url"].startswith(f"{BASE}/gallery/moonrise.jpg?Expires={NOW + 600}&")


def test_a_storage_finds_its_file_and_signs_its_url(site: Backend) -> None:
    private = storages["default"]
    assert private.exists("moonrise.jpg")
    url = private.url("Blå time.jpg")
    assert url.startswith(f"{BASE}/gallery/Bl%C3%A5%20time.jpg?")
    assert site.visitor().opens_url(url)


def test_a_folder_of_the_grant_is_a_prefix(site: Backend) -> None:
    storage = SignedUrlFileSystemStorage(
        grant="share", claims={"groups": ["gallery"]}, prefix="/2030/"
    )
    for name in ("a/b.jpg", "a\\b.jpg"):
        assert storage.url(name).startswith(f"{BASE}/gallery/2030/a/b.jpg?")
    assert site.visitor().opens_url(storage.url("a.jpg"))


def test_a_storage_has_no_more_than_its_claims_give(site: Backend) -> None:
    del site
    for claims in (None, {}, {"groups": ["cinema"]}):
        with pytest.raises(GrantError) as caught:
            SignedUrlFileSystemStorage(grant="share", claims=claims).url("a.jpg")
        assert caught.value.code == "grant_not_given"


@pytest.mark.parametrize("name", ["../a.jpg", "a/../../b", "*", "a?.jpg", "a\0", "/../film/a"])
def test_a_name_that_leaves_the_grant_is_refused(site: Backend, name: str) -> None:
    del site
    with pytest.raises(GrantError):
        storages["default"].url(name)


@pytest.mark.parametrize("name", ["", None])
def test_a_file_has_a_name(site: Backend, name: str | None) -> None:
    del site
    for alias in ("default", "public"):
        with pytest.raises(ConfigurationError) as caught:
            storages[alias].url(name)
        assert caught.value.code == "file_name"


def test_a_public_url_is_encoded_and_never_signed(site: Backend) -> None:
    assert storages["public"].url("a b?*.svg") == f"{BASE}/covers/a%20b%3F%2A.svg"
    assert PublicUrlFileSystemStorage().url("a.svg") == f"{BASE}/a.svg"
    with signer(site):
        assert storages["public"].url("a.svg") == f"{BASE}/covers/a.svg"


# --- The middleware. ----------------------------------------------------------------------------


def test_async_views_get_the_same(site: Backend) -> None:
    async def walk() -> None:
        client = AsyncClient(headers={"host": "localhost"})
        answer = await client.post(
            "/api/login",
            {"name": "ada", "password": PASSWORD},
            content_type="application/json",
            secure=True,
        )
        assert answer.status_code == 200
        assert len([name for name in answer.cookies if name.startswith("CloudFront-")]) == 10
        answer = await client.get("/api/images/a.jpg/url", secure=True)
        assert answer.json()["expires_at"] == NOW + 600
        answer = await client.get("/api/images/*/url", secure=True)
        assert (answer.status_code, answer.json()["code"]) == (400, "item_wildcard")
        site.clock.now += 15 * 60 // 2
        answer = await client.get("/api/session", secure=True)
        assert len([name for name in answer.cookies if name.startswith("CloudFront-")]) == 10

    asyncio.run(walk())


def test_a_page_that_asks_nothing_varies_by_no_cookie(site: Backend) -> None:
    visitor = site.visitor()
    assert "vary" not in visitor.get("/api/pictures/none").headers
    visitor.log_in("ada")
    assert "vary" not in visitor.get("/api/pictures/none").headers


def test_log_in_without_a_key_store_is_still_log_in(
    site: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    document = site.credential.read_bytes()
    site.credential.unlink()
    site.clock.now += 31 * 60
    visitor = site.visitor()
    assert visitor.log_in("ada").status == 200
    assert not visitor.kept
    assert visitor.get("/api/session").content == {"name": "ada"}
    assert "no signed cookies at log-in: credential_stale" in caplog.text
    site.credential.touch(mode=0o600)
    site.credential.write_bytes(document)


def test_pages_are_served_before_the_credential_could_ever_be_opened(
    site: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = site.visitor()
    with signer(site, CREDENTIAL="file:nowhere.json"):
        assert visitor.log_in("ada").status == 200
        assert visitor.get("/api/session").content == {"name": "ada"}
        assert visitor.get("/api/images/a.jpg/url").status == 503
        assert visitor.log_out().status == 200
    assert not visitor.kept
    assert "no signed cookies since the credential or the grants cannot be read" in caplog.text


def test_a_request_that_did_not_come_through_it_is_told_so(site: Backend) -> None:
    del site
    with pytest.raises(ConfigurationError) as caught:
        current(RequestFactory().get("/"))
    assert caught.value.code == "middleware_missing"


def test_errors_that_are_not_ours_are_left_alone(site: Backend) -> None:
    del site
    middleware = SignedAccessMiddleware(lambda _: HttpResponse())
    request = RequestFactory().get("/")
    assert middleware.process_exception(request, KeyError("x")) is None
    answer = middleware.process_exception(request, GrantError("grant_not_given", "none"))
    assert answer is not None
    assert answer.status_code == 403


def test_sets_of_cookies_of_one_name_are_all_sent_as_they_are(site: Backend) -> None:
    made = get_access()
    cross_site = Access(
        made.table, made._signer, attributes=CookieAttributes.cross_site(), clock=site.clock
    )
    response = HttpResponse()
    lines = cross_site.cookies({"groups": ["gallery", "cinema"]}).set_cookie_headers
    set_cookies(response, lines)
    response.set_cookie("other", "1")
    sent = [cookie.OutputString() for cookie in response.cookies.values()]
    assert sent[:-1] == lines
    assert all("; SameSite=None; Partitioned" in line for line in lines)
    assert response.headers["Cache-Control"] == "private, no-store"
