"""Marked secrets, and a scanner that finds 16 characters of one in any usual spelling."""

from __future__ import annotations

import base64
import json
import logging
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from signer.credential import Credential
from signer.errors import RemoteError, SignerError
from signer.keys import PrivateKey
from signer.oidc.host_cookie import SESSION_COOKIE
from signer.oidc.seal import new_key
from tests.lambda_asset import event_of, issue_module, set_cookies_of
from tests.oidc.fake_provider import FakeProvider, Page, page
from tests.oidc.token_maker import AUDIENCE, CLIENT_ID, Maker
from tests.service.browsing import BASE, GRANTS, PUBLIC, query_of
from tests.test_leaks import told_by

Text = Callable[[PrivateKey], str]
WINDOW = 16
_URL_ALPHABET = str.maketrans("+/", "-_")
PASSPHRASE, OTHER_PASSPHRASE = (f"Kp{secrets.token_hex(16)}" for _ in range(2))


def mark() -> str:
    return f"Kc{secrets.token_hex(16)}"


def spellings(data: bytes) -> Iterator[str]:
    if data.isascii():
        text = data.decode()
        yield from (text, text[::-1], quote(text, safe=""), json.dumps(text)[1:-1])
    for before, cut in ((0, 0), (1, 2), (2, 3)):
        coded = base64.b64encode(bytes(before) + data).decode().rstrip("=")[cut:-1]
        yield from (coded, coded.translate(_URL_ALPHABET), coded[::-1])
    yield from (data.hex(), data.hex().upper())
    yield from ("".join(f"%{octet:02X}" for octet in data), "".join(f"%{b:02x}" for b in data))


def windows(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(
        text[start : start + WINDOW] for text in texts for start in range(len(text) - WINDOW + 1)
    )


def numbers_of(key: PrivateKey) -> list[int]:
    loaded = load_pem_private_key(key.to_pem().encode(), None)
    if isinstance(loaded, rsa.RSAPrivateKey):
        own = loaded.private_numbers()
        return [own.d, own.p, own.q, own.dmp1, own.dmq1, own.iqmp]
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return [loaded.private_numbers().private_value]


@lru_cache
def spellings_of_key(key: PrivateKey) -> tuple[frozenset[str], tuple[str, ...]]:
    lines = key.to_pem().splitlines()[1:-1]
    body = "".join(lines)
    der = base64.b64decode(body)
    octets = [number.to_bytes((number.bit_length() + 7) // 8, "big") for number in numbers_of(key)]
    # Head and public half are the same, in part, in a PEM of the public key.
    first = der.index(octets[0])
    last = max(der.index(one) + len(one) for one in octets)
    private = body[-(-first * 4 // 3) : last * 4 // 3]
    texts = [*spellings(private.encode()), *map(str, numbers_of(key))]
    for one in octets:
        texts += spellings(one)
    return windows(texts), (*lines, *(line[::-1] for line in lines))


class Scanner:
    """Knows secrets by name, and finds them."""

    def __init__(self) -> None:
        self._windows: list[tuple[str, frozenset[str]]] = []
        self._lines: list[tuple[str, str]] = []

    def add(self, name: str, *values: str) -> None:
        for value in values:
            assert len(value) >= WINDOW, name
            self._windows.append((name, windows(spellings(value.encode()))))

    def add_token(self, name: str, token: str) -> None:
        self.add(name, *token.split(".")[1:])

    def add_key(self, name: str, key: PrivateKey) -> None:
        found, lines = spellings_of_key(key)
        self._windows.append((name, found))
        self._lines += [(name, line) for line in lines if len(line) >= WINDOW]

    def hits(self, text: str, exempt: Collection[str] = ()) -> set[str]:
        there = windows([text])
        found = {name for name, known in self._windows if not known.isdisjoint(there)}
        found |= {name for name, line in self._lines if line in text}
        return found.difference(exempt)


def document(key: PrivateKey, **changes: object) -> str:
    made = Credential(kid="k", key_pair_id="K2JCJMDEHXQW5F", private_key=key).to_json()
    members = json.loads(made) | changes
    return json.dumps({name: value for name, value in members.items() if value is not None})


def holding(change: Text) -> Text:
    return lambda key: document(key, private_key_pem=change(key))


def misplaced(member: str, form: Callable[[str], object]) -> Text:
    return lambda key: document(key, **{member: form(key.to_pem())})


def holds(text: str) -> dict[str, object]:
    return {"SecretString": text, "Parameter": {"Value": text}}


class TalkativeError(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.response = {"Error": {"Code": text, "Message": text}, "Body": text}
        self.add_note(text)
        self.__cause__ = ValueError(text)


def refusal(code: str) -> Callable[[str], Exception]:
    return lambda text: ClientError({"Error": {"Code": code or text, "Message": text}}, text)


FAILURES: dict[str, Callable[[str], Any]] = {
    "denied": refusal("AccessDeniedException"),
    "throttled": refusal("ThrottlingException"),
    "code": refusal(""),
    "connection": lambda text: EndpointConnectionError(endpoint_url=text),
    "talkative": TalkativeError,
    "key error": KeyError,
    "os": lambda text: OSError(5, text, text),
    "decoding": lambda text: UnicodeDecodeError("utf-8", text.encode(), 0, 1, text),
    "json": lambda text: json.JSONDecodeError(text, text, 0),
    "remote": lambda text: RemoteError("remote_timeout", text, advice=text, body=text),
    "bytes": lambda text: {"SecretString": text.encode(), "Parameter": {"Value": text.encode()}},
    "list": lambda text: {"SecretString": [text], "Parameter": {"Value": [text]}},
    "binary": lambda text: {"SecretBinary": text.encode(), "Parameter": text},
    "other member": lambda text: {"secretString": text, "Signature": text},
}


class Watch:
    """Collects what a path shows: errors, objects, answers, logs and output."""

    def __init__(self, request: pytest.FixtureRequest, key: PrivateKey) -> None:
        self.key = key
        self.folder: Path = request.getfixturevalue("tmp_path")
        self.patch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
        self._caplog: pytest.LogCaptureFixture = request.getfixturevalue("caplog")
        self._capsys: pytest.CaptureFixture[str] = request.getfixturevalue("capsys")
        self._seen: set[tuple[str, str, tuple[str, ...]]] = set()
        self.scanner = Scanner()
        self.scanner.add_key("key", key)
        self.scanner.add("passphrase", PASSPHRASE, OTHER_PASSPHRASE)
        self._caplog.set_level(logging.DEBUG)
        for name, logger in list(logging.root.manager.loggerDict.items()):
            if isinstance(logger, logging.Logger) and logger.level != logging.NOTSET:
                self._caplog.set_level(logging.DEBUG, logger=name)

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path

    def saw(self, where: str, text: str, *exempt: str) -> None:
        self._seen.add((where, text, exempt))

    def error(self, error: BaseException) -> None:
        self.saw(f"error {type(error).__name__}", told_by(error))

    def refused(self, call: Callable[[], object]) -> SignerError:
        with pytest.raises(SignerError) as caught:
            call()
        self.error(caught.value)
        return caught.value

    def issued(self, url: str) -> str:
        self.scanner.add("signature", url.partition("Signature=")[2].partition("&")[0])
        return url

    def shown(self, *objects: object) -> None:
        for one in objects:
            self.saw(f"repr of {type(one).__name__}", f"{one!r}\n{one}")

    def hits(self, logger: str = "-", *told: str) -> list[str]:
        """Return where which secret is; a logger, by the start of its name, may tell some."""
        assert self._seen, "the path showed nothing at all"
        seen = set(self._seen)
        for record in self._caplog.records:
            text = f"{self._caplog.handler.format(record)}\n{vars(record)!r}\n{record.getMessage()}"
            exempt = told if record.name.startswith(logger) else ()
            seen.add((f"log {record.name}", text, exempt))
        output = self._capsys.readouterr()
        seen |= {("stdout", output.out, ()), ("stderr", output.err, ())}
        found = {
            f"{name} in {where}"
            for where, text, exempt in seen
            for name in self.scanner.hits(text, exempt)
        }
        return sorted(found)

    def assert_clean(self, logger: str = "-", *told: str) -> None:
        found = self.hits(logger, *told)
        assert not found, "; ".join(found)


ISSUED = ("signature", "session")
TOLD = ("code", "state", "bearer", "access token", "id token", "refresh token", "cookie")
KEPT = ("client secret", "AWS secret", "AWS token")
_ROUTES = (
    "GET /auth/login,GET /auth/callback,POST /auth/logout,GET /auth/session,GET /auth/client.js,"
    "POST /auth/cookies,POST /auth/urls,GET /images/a.jpg/url,DELETE /auth/cookies,"
    "OPTIONS /auth/cookies,HEAD /auth/session,GET /nothing/here"
)
ROUTES = _ROUTES.split(",")
ITEMS = json.dumps({"items": [{"grant": "images", "item": "a.jpg"}]})


class Function:
    """The issuer's handler, watched: whatever it issues becomes a secret."""

    def __init__(self, handler: Any, front_end: str, watch: Watch) -> None:  # noqa: ANN401
        self._handler = handler
        self._front_end = front_end
        self._watch = watch
        self.cookies: dict[str, str] = {}

    def send(self, route: str, body: str = "{}", **event: Any) -> dict[str, Any]:  # noqa: ANN401
        kept = tuple(f"{name}={value}" for name, value in self.cookies.items())
        own = {"x-issuer-request": "1", "origin": BASE, "content-type": "application/json"}
        given = {**event, "cookies": kept + event.get("cookies", ())}
        given["headers"] = own | event.get("headers", {})
        method, path = route.split()
        given["body"] = body if method == "POST" else None
        answer = self.invoke(event_of(self._front_end, method, path, **given))
        assert "statusCode" in answer
        return answer

    def invoke(self, event: object) -> dict[str, Any]:
        answer: dict[str, Any] = self._handler(event, None)
        lines = set_cookies_of(self._front_end, answer)
        body = str(answer.get("body"))
        self._keep(lines)
        rest = {name: value for name, value in answer.items() if name not in {"cookies", "body"}}
        for headers in (rest.get("multiValueHeaders") or {}, rest.get("headers") or {}):
            for name in [name for name in headers if name.lower() == "set-cookie"]:
                del headers[name]
        self._watch.saw("Set-Cookie", "\n".join(lines), *ISSUED)
        self._watch.saw("headers", repr(rest))
        self._watch.saw("body", body, *(ISSUED if self._learn(body) else ()))
        return answer

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            name, _, value = line.partition(";")[0].partition("=")
            if value and "Max-Age=0" not in line:
                self.cookies[name] = value
                if name.startswith("__Host-"):
                    self._watch.scanner.add("session", value)
                elif name == "CloudFront-Signature":
                    self._watch.scanner.add("signature", value)

    def _learn(self, body: str) -> bool:
        try:
            content = json.loads(body)
        except ValueError:
            return False
        given = [one["url"] for one in content.get("urls", [])]
        given += [content["url"]] if "url" in content else []
        for url in given:
            self._watch.scanner.add("signature", dict(parse_qsl(urlsplit(url).query))["Signature"])
        return bool(given)


ISSUE = issue_module()


def forget_logger() -> None:
    logger = logging.getLogger(ISSUE.SERVICE)
    logger.handlers.clear()
    logger.propagate = True
    for name in ("init", "powertools_handler"):
        vars(logger).pop(name, None)


class Scene:
    """An issuer with a log-in, and marked secrets for everything that anybody sends."""

    def __init__(self, provider: FakeProvider, maker: Maker, watch: Watch) -> None:
        self.provider, self.maker, self.watch = provider, maker, watch
        provider.pages.clear()
        provider.discover()
        provider.publish(maker.rsa)
        self.marks = {name: mark() for name in (*TOLD, *KEPT)}
        self.session_key = new_key()
        for name, value in {**self.marks, "session key": self.session_key}.items():
            watch.scanner.add(name, value)
        self.variables = {
            "SIGNER_BASE_URL": BASE,
            "SIGNER_CREDENTIAL": f"file:{watch.file('credential', document(watch.key))}",
            "SIGNER_GRANTS": f"file:{watch.file('grants', GRANTS + PUBLIC)}",
            "SIGNER_SESSION_KEYS": f"file:{watch.file('session', self.session_key)}",
            "SIGNER_OIDC_ISSUER": provider.url,
            "SIGNER_OIDC_CLIENT_ID": CLIENT_ID,
            "SIGNER_OIDC_CLIENT_SECRET": f"file:{watch.file('client', self.marks[KEPT[0]])}",
            "SIGNER_TOKEN_AUDIENCE": AUDIENCE,
            "POWERTOOLS_LOG_LEVEL": "DEBUG",
        }

    def build(self, **changed: str) -> Function:
        forget_logger()
        variables = {**self.variables, **changed}
        handler = ISSUE.build(variables)
        return Function(handler, variables.get("SIGNER_FRONT_END", "function_url"), self.watch)

    def token(self, name: str, **changes: object) -> str:
        made = self.maker.token(groups=["gallery", "cinema"], **changes)
        self.watch.scanner.add_token(name, made)
        return made

    def answer(self, **members: object) -> dict[str, object]:
        tokens = {"access_token": self.marks["access token"], "token_type": "Bearer"}
        return {**tokens, "refresh_token": self.marks["refresh token"], **members}

    def begun(self, function: Function) -> dict[str, str]:
        return query_of(function.send("GET /auth/login")["headers"]["Location"])

    def logged_in(self, **changed: str) -> Function:
        function = self.build(**changed)
        query = self.begun(function)
        id_token = self.token("id token", aud=CLIENT_ID, nonce=query["nonce"])
        self.provider.pages["/token"] = page(self.answer(id_token=id_token))
        sent = {"code": self.marks["code"], "state": query["state"]}
        assert function.send("GET /auth/callback", query=sent)["statusCode"] == 303
        assert SESSION_COOKIE in function.cookies
        return function

    def echo(self, status: int, error: str = "") -> Page:
        """Answer with everything that was asked, and with what the asked one itself knows."""

        def answer(server: BaseHTTPRequestHandler) -> None:
            asked = {"form": self.provider.forms[-1:], "headers": dict(server.headers)}
            told = {**self.marks, "error_description": json.dumps(asked), "error": error}
            told |= {"__type": document(self.watch.key), "message": document(self.watch.key)}
            page(told | asked, status=status)(server)

        return answer

    def identified(self, **changes: object) -> Page:
        """Answer with a genuine id token that is not the one wanted."""
        given = {"aud": CLIENT_ID, "nonce": self.marks["state"], **changes}
        return page(self.answer(id_token=self.token("id token", **given)))

    def statuses(self, function: Function, cookies: dict[str, str]) -> set[int]:
        """Send a request to every route with the same cookies."""
        found = set[int]()
        for route in ROUTES:
            function.cookies = dict(cookies)
            body = ITEMS if route == "POST /auth/urls" else "{}"
            found.add(function.send(route, body)["statusCode"])
        return found
