"""The three example backends under their frameworks' own test clients, behind one interface."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol
from unittest.mock import patch

import pytest
from fastapi import FastAPI
from flask.testing import FlaskClient as FlasksClient
from starlette.testclient import TestClient

from examples.backends import fastapi_app, flask_app
from signer import PrivateKey, TrustedKeyGroup, Verifier, ViewerRequest
from signer.credential import Credential
from signer.custody import write_credential
from tests.grants.tables import jar

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ROOT / "examples" / "backends"
GRANTS = ROOT / "examples" / "gallery" / "grants.toml"
BASE = "https://media.example.test"
SITE = "https://localhost"
KEY_PAIR_ID = "K2JCJMDEHXQW5F"
PASSWORD = "a password of this run"
NOW = 1_900_000_000


class Clock:
    """Moved by tests."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    set_cookies: list[str]
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def signed(self) -> list[str]:
        return [line for line in self.set_cookies if line.startswith("CloudFront-")]


def answer_of(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
    pairs = [(name.lower(), value) for name, value in headers]
    lines = [value for name, value in pairs if name == "set-cookie"]
    return Answer(status, dict(pairs), lines, body)


class Client(Protocol):
    """A framework's client: it keeps session cookies by itself."""

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> Answer: ...

    def session_cookie(self, value: str | None = None) -> str:
        """Return the session cookie, after setting it if a value is given."""
        ...


@dataclass
class Backend:
    """One example, and what tests do to its world."""

    name: str
    clock: Clock
    key: PrivateKey
    credential: Path
    open_client: Callable[[], Client]
    set_groups: Callable[[str, list[str] | None], None]

    def visitor(self) -> Visitor:
        return Visitor(self, self.open_client())


class Visitor:
    """A browser with one session, and the signed cookies that it was given."""

    def __init__(self, backend: Backend, client: Client) -> None:
        self.backend = backend
        self.client = client
        self._lines: list[str] = []

    def send(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        answer = self.client.send(method, path, headers=headers or {}, body=body)
        self._lines += answer.signed
        return answer

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, path: str, content: object) -> Answer:
        # Whoever loads the page has asked for this before.
        self.get("/api/session")
        body = json.dumps(content).encode()
        return self.send("POST", path, body=body, headers={"content-type": "application/json"})

    def log_in(self, name: str, password: str = PASSWORD) -> Answer:
        return self.post("/api/login", {"name": name, "password": password})

    def log_out(self) -> Answer:
        return self.post("/api/logout", {})

    @property
    def kept(self) -> dict[tuple[str, str], str]:
        return jar(self._lines)

    def opens(self, path: str) -> bool:
        """Tell what CloudFront would say to a request of this browser."""
        sent = [
            (name, value) for (name, where), value in self.kept.items() if path.startswith(where)
        ]
        return self._allowed(ViewerRequest(BASE + path, cookies=sent))

    def opens_url(self, url: str) -> bool:
        return self._allowed(ViewerRequest(url))

    def _allowed(self, request: ViewerRequest) -> bool:
        group = TrustedKeyGroup({KEY_PAIR_ID: self.backend.key.public_key()})
        return Verifier([group], clock=self.backend.clock).verify(request).allowed


def make_credential(folder: Path, key: PrivateKey) -> Path:
    file = folder / "credential.json"
    write_credential(Credential(kid="k", key_pair_id=KEY_PAIR_ID, private_key=key), file)
    return file


def environment(credential: Path) -> dict[str, str]:
    return {
        "EXAMPLE_SECRET_KEY": "a key of tests, of no use to anybody else",
        "EXAMPLE_PASSWORD": PASSWORD,
        "SIGNER_CREDENTIAL": f"file:{credential}",
        "SIGNER_GRANTS": str(GRANTS),
        "SIGNER_BASE_URL": BASE,
    }


# --- Flask --------------------------------------------------------------------------------------


class FlaskClient:
    def __init__(self, client: FlasksClient) -> None:
        self._client = client

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        got = self._client.open(
            path, method=method, base_url=SITE, headers=dict(headers), data=body
        )
        return answer_of(got.status_code, got.headers.items(), got.get_data())

    def session_cookie(self, value: str | None = None) -> str:
        if value is not None:
            self._client.set_cookie("__Host-session", value, domain="localhost", secure=True)
        found = self._client.get_cookie("__Host-session", domain="localhost")
        return str(found.value) if found else ""


def flask_backend(credential: Path, key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> Backend:
    clock, accounts = Clock(), patched_accounts(flask_app, monkeypatch)
    app = flask_app.create_app(clock=clock)
    return Backend(
        "flask", clock, key, credential, lambda: FlaskClient(app.test_client()), setter(accounts)
    )


def patched_accounts(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    accounts = dict(module.ACCOUNTS)
    monkeypatch.setattr(module, "ACCOUNTS", accounts)
    return accounts


def setter(accounts: dict[str, list[str]]) -> Callable[[str, list[str] | None], None]:
    def set_groups(name: str, groups: list[str] | None) -> None:
        accounts.pop(name)
        if groups is not None:
            accounts[name] = groups

    return set_groups


# --- FastAPI ------------------------------------------------------------------------------------


class StarletteClient:
    def __init__(self, app: FastAPI) -> None:
        self._client = TestClient(app, base_url=SITE, follow_redirects=False)

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        got = self._client.request(method, path, headers=dict(headers), content=body)
        return answer_of(got.status_code, got.headers.multi_items(), got.content)

    def session_cookie(self, value: str | None = None) -> str:
        if value is not None:
            self._client.cookies.delete("__Host-session")
            self._client.cookies.set("__Host-session", value, domain="localhost.local")
        return self._client.cookies.get("__Host-session", "") or ""


def fastapi_backend(credential: Path, key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> Backend:
    clock, accounts = Clock(), patched_accounts(fastapi_app, monkeypatch)
    app = fastapi_app.create_app(clock=clock)
    return Backend(
        "fastapi", clock, key, credential, lambda: StarletteClient(app), setter(accounts)
    )


# --- Django -------------------------------------------------------------------------------------


class DjangoClient:
    def __init__(self) -> None:
        from django.test import Client as DjangosClient  # noqa: PLC0415 - wants settings first

        self._client = DjangosClient(enforce_csrf_checks=True)

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        token = self._client.cookies.get("csrftoken")
        sent = {"host": "localhost", "origin": SITE} | dict(headers)
        if token is not None and "x-csrftoken" not in sent:
            sent["x-csrftoken"] = token.value
        kind = sent.pop("content-type", "application/octet-stream")
        got = self._client.generic(
            method, path, data=body, content_type=kind, secure=True, headers=sent
        )
        lines = [("set-cookie", cookie.OutputString()) for cookie in got.cookies.values()]
        return answer_of(got.status_code, [*got.headers.items(), *lines], got.content)

    def session_cookie(self, value: str | None = None) -> str:
        if value is not None:
            self._client.cookies["__Host-session"] = value
        found = self._client.cookies.get("__Host-session")
        return found.value if found else ""


def prepare_django() -> None:
    """Set the example's site up, once in a process: Django has one set of settings."""
    import django  # noqa: PLC0415 - wants its environment first
    from django.conf import settings  # noqa: PLC0415 - the same
    from django.core.management import call_command  # noqa: PLC0415 - the same

    if settings.configured:
        return
    folder = Path(tempfile.mkdtemp(prefix="django-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    variables = environment(folder / "none.json") | {
        "DJANGO_SETTINGS_MODULE": "settings",
        "EXAMPLE_DATABASE": str(folder / "database.sqlite3"),
    }
    sys.path.insert(0, str(BACKENDS / "django_site"))
    # Read now and never again, so that no other test finds these variables.
    with patch.dict(os.environ, variables):
        django.setup()
        call_command("migrate", verbosity=0)


def django_backend(credential: Path, key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> Backend:
    prepare_django()
    from django.conf import settings  # noqa: PLC0415 - wants the site first
    from django.contrib.auth.models import Group, User  # noqa: PLC0415 - the same

    from signer.integrations import django as integration  # noqa: PLC0415 - the same
    from signer.integrations.opening import open_access  # noqa: PLC0415 - beside it

    clock = Clock()
    access = open_access(credential=f"file:{credential}", grants=GRANTS, base_url=BASE, clock=clock)
    monkeypatch.setattr(settings, "SIGNER", {"ACCESS": access})
    monkeypatch.setattr(integration.SignedAccessMiddleware, "clock", staticmethod(clock))

    def set_groups(name: str, groups: list[str] | None) -> None:
        user = User.objects.get(username=name)
        user.is_active = groups is not None
        user.save()
        if groups is not None:
            user.groups.set(Group.objects.filter(name__in=groups))

    for name, groups in {"ada": ["gallery", "cinema"], "guest": ["gallery"]}.items():
        set_groups(name, groups)
    return Backend("django", clock, key, credential, DjangoClient, set_groups)


MAKERS = {"flask": flask_backend, "fastapi": fastapi_backend, "django": django_backend}
