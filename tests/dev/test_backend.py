from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from signer import Issuer, PrivateKey, TrustedKeyGroup, Verifier, ViewerRequest
from signer.dev.content import find_gallery

BASE_URL = "http://localhost:8080"
ADA = {"user": "ada", "password": "lovelace"}
GUEST = {"user": "guest", "password": "guest"}


class Viewer:
    """A browser's worth of state in front of the backend."""

    def __init__(self) -> None:
        key = PrivateKey.generate()
        issuer = Issuer(key, key_pair_id="K2JCJMDEHXQW5F")
        app = find_gallery().backend().create_app(issuer, BASE_URL)
        self.transport = httpx.ASGITransport(app)
        self.jar = httpx.Cookies()
        group = TrustedKeyGroup({issuer.key_pair_id: key.public_key()})
        self.verifier = Verifier([group])

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self.transport, base_url=BASE_URL, cookies=self.jar
            ) as client:
                response = await client.request(method, path, **options)
                self.jar = client.cookies
                return response

        return asyncio.run(send())

    def may_see(self, path: str) -> bool:
        cookies = {c.name: c.value or "" for c in self.jar.jar if path.startswith(c.path)}
        request = ViewerRequest(url=BASE_URL + path, cookies=cookies)
        return self.verifier.verify(request).allowed


@pytest.fixture
def viewer() -> Viewer:
    return Viewer()


def test_log_in_opens_what_the_user_was_granted(viewer: Viewer) -> None:
    assert viewer.request("POST", "/login", json=ADA).status_code == 200
    assert viewer.may_see("/gallery/moonrise.jpg")
    assert viewer.may_see("/film/part-03.m4s")
    assert not viewer.may_see("/other/file")


def test_a_guest_is_granted_less(viewer: Viewer) -> None:
    viewer.request("POST", "/login", json=GUEST)
    assert viewer.may_see("/gallery/moonrise.jpg")
    assert not viewer.may_see("/film/part-03.m4s")


@pytest.mark.parametrize(
    "form",
    [
        {"user": "ada", "password": "guest"},
        {"user": "ada", "password": ""},
        {"user": "nobody", "password": "lovelace"},
        {
            "user": "ad\N{LATIN SMALL LETTER A WITH DIAERESIS}",
            "password": "l\N{WHITE SMILING FACE}",
        },
    ],
)
def test_a_wrong_log_in_sets_nothing(viewer: Viewer, form: dict[str, str]) -> None:
    response = viewer.request("POST", "/login", json=form)
    assert response.status_code == 401
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("path", ["/login", "/api/share"])
@pytest.mark.parametrize(
    "value",
    [
        r'"hidden\ud800"',
        r'["hidden", "\ud800"]',
        "NaN",
        "[Infinity]",
        '{"hidden": 1}',
        "null",
        "1" * 5000,
        "[" * 100_000,
        "",
    ],
)
def test_a_form_of_the_wrong_kind_is_refused_and_not_repeated(
    viewer: Viewer, path: str, value: str
) -> None:
    viewer.request("POST", "/login", json=ADA)
    for name in ("user", "password", "key"):
        members = {"user": '"ada"', "password": '"x"', "key": '"x"', name: value}
        body = "{" + ",".join(f'"{member}":{text}' for member, text in members.items()) + "}"
        response = viewer.request(
            "POST", path, content=body, headers={"Content-Type": "application/json"}
        )
        assert 400 <= response.status_code < 500
        assert response.json()["detail"]
        assert "hidden" not in response.text
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_redirect_follows_the_host_header(viewer: Viewer, method: str) -> None:
    response = viewer.request(method, "/login/", headers={"Host": "evil.example"})
    assert response.status_code == 404
    assert "location" not in response.headers


def test_log_out_ends_everything(viewer: Viewer) -> None:
    viewer.request("POST", "/login", json=ADA)
    token = viewer.jar["session"]
    assert viewer.request("POST", "/logout").status_code == 204
    assert not list(viewer.jar.jar)
    old = viewer.request("GET", "/api/session", headers={"Cookie": f"session={token}"})
    assert old.json()["user"] is None


def test_a_shared_url_is_good_for_one_picture(viewer: Viewer) -> None:
    viewer.request("POST", "/login", json=ADA)
    key = "gallery/bl\N{LATIN SMALL LETTER A WITH RING ABOVE} time.jpg"
    url = viewer.request("POST", "/api/share", json={"key": key}).json()["url"]
    assert viewer.verifier.verify(ViewerRequest(url=url)).allowed
    elsewhere = url.replace("bl%C3%A5%20time", "moonrise")
    assert not viewer.verifier.verify(ViewerRequest(url=elsewhere)).allowed


@pytest.mark.parametrize("key", ["film/master.m3u8", "gallery/*", "gallery/../film/a", "", "*"])
def test_nothing_but_a_known_picture_is_shared(viewer: Viewer, key: str) -> None:
    viewer.request("POST", "/login", json=ADA)
    assert viewer.request("POST", "/api/share", json={"key": key}).status_code == 404


def test_a_stranger_shares_nothing(viewer: Viewer) -> None:
    form = {"key": "gallery/moonrise.jpg"}
    assert viewer.request("POST", "/api/share", json=form).status_code == 401


@pytest.mark.parametrize("path", ["/login", "/logout", "/api/share"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:80801"])
def test_other_sites_cannot_post(viewer: Viewer, path: str, origin: str) -> None:
    response = viewer.request("POST", path, json=ADA, headers={"Origin": origin})
    assert response.status_code == 403
    assert "set-cookie" not in response.headers


def test_no_answer_is_stored(viewer: Viewer) -> None:
    answers = [
        viewer.request("POST", "/login", json=ADA),
        viewer.request("GET", "/api/session"),
        viewer.request("POST", "/api/share", json={"key": "no"}),
        viewer.request("POST", "/logout"),
        viewer.request("POST", "/login", json=ADA, headers={"Origin": "null"}),
        viewer.request("GET", "/nowhere"),
    ]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
