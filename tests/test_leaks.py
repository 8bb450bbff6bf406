"""A key, its passphrase and a signature never appear where somebody may read them."""

from __future__ import annotations

import base64
import copy
import dataclasses
import logging
import pickle
import pprint
import re
import traceback
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import signer.issuer
from signer.cookies import SignedCookies
from signer.credential import Credential
from signer.custody import read_credential
from signer.errors import SignerError
from signer.issuer import Issuer
from signer.keys import KeyAlgorithm, PrivateKey, PublicKey
from signer.policy import Policy
from signer.signed_policy import SignedPolicy
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest

PASSPHRASE = "canary-passphrase-7f3d1c"
URL = "https://cdn.example.com/films/a.mp4"
FOLDER = "https://cdn.example.com/films/*"
KEY_ID = "K2JCJMDEHXQW5F"
NOW = 1_800_000_000


@pytest.fixture(params=["rsa_key", "p256_key"])
def key(request: pytest.FixtureRequest) -> PrivateKey:
    made: PrivateKey = request.getfixturevalue(request.param)
    return made


@lru_cache
def fragments(key: PrivateKey) -> frozenset[str]:
    """Return pieces of the key in every form in which it could be shown."""
    return frozenset(_fragments(key))


def _fragments(key: PrivateKey) -> Iterator[str]:
    yield PASSPHRASE
    yield PASSPHRASE.encode().hex()
    pem = key.to_pem()
    for line in pem.splitlines()[1:-1]:
        # The public half is in the last lines of an EC key, and the head is the same for all.
        yield line[8:40]
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    yield der.hex()[120:160]
    loaded = load_pem_private_key(pem.encode(), None)
    if isinstance(loaded, rsa.RSAPrivateKey):
        numbers = loaded.private_numbers()
        secrets = (numbers.d, numbers.p, numbers.q)
    else:
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        secrets = (loaded.private_numbers().private_value, 0, 0)
    for secret in filter(None, secrets):
        yield f"{secret:x}"[:32]
        yield str(secret)[:32]


def assert_clean(text: str, key: PrivateKey) -> None:
    assert "PRIVATE KEY--" not in text
    for fragment in fragments(key):
        assert fragment not in text


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything that hangs on it, suppressed or not."""
    waiting: list[BaseException | None] = [error]
    while waiting:
        if (item := waiting.pop()) is not None:
            yield item
            waiting += [item.__cause__, item.__context__]


def told_by(error: BaseException) -> str:
    """Return all that an error reporter could print, short of the frames' variables."""
    parts = traceback.format_exception(error)
    for item in chain(error):
        parts += [str(item), repr(item), repr(item.args), repr(vars(item))]
        parts += [repr(getattr(item, name, "")) for name in ("object", "doc", "advice", "evidence")]
    return "\n".join(parts)


def objects(key: PrivateKey) -> list[object]:
    issuer = Issuer(key, key_pair_id=KEY_ID, clock=lambda: NOW)
    signed = issuer.sign(Policy(FOLDER, date_less_than=NOW + 60))
    credential = Credential(kid="kid", key_pair_id=KEY_ID, private_key=key)
    group = TrustedKeyGroup({KEY_ID: key.public_key()}, "films")
    verifier = Verifier([group])
    cookies = signed.cookies()
    verdict = verifier.verify(ViewerRequest(signed.url(URL)), now=NOW)
    return [key, key.public_key(), issuer, signed, cookies, credential, group, verifier, verdict]


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{0!r} {0!s} {0!a}".format,
        "%s %r".__mod__,
        pprint.pformat,
        lambda item: repr([item, {"key": item}, (item,)]),
        lambda item: repr(
            {name: getattr(item, name, None) for name in dir(item) if name[0] != "_"}
        ),
        lambda item: repr(getattr(item, "__dict__", {})),
    ],
    ids=[
        "repr",
        "str",
        "format",
        "conversions",
        "percent",
        "pprint",
        "nested",
        "attributes",
        "dict",
    ],
)
def test_no_object_shows_the_key(key: PrivateKey, show: Callable[[object], str]) -> None:
    for item in objects(key):
        shown = show((item, item)) if getattr(show, "__name__", "") == "__mod__" else show(item)
        assert_clean(shown, key)


def test_reprs_hold_no_signature(key: PrivateKey) -> None:
    for item in objects(key):
        if isinstance(item, SignedPolicy):
            signature = item.signature
    for item in objects(key):
        shown = f"{item!r}{item!s}{pprint.pformat(item)}"
        if isinstance(item, SignedCookies):
            shown = repr(item)
        assert not re.search(r"[A-Za-z0-9~-]{70,}", shown), type(item)
        assert signature[:24] not in shown


@pytest.mark.parametrize("travel", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_holds_a_key_does_not_travel(
    key: PrivateKey, travel: Callable[[object], object]
) -> None:
    credential = Credential(kid="kid", key_pair_id=KEY_ID, private_key=key)
    issuer = Issuer(key, key_pair_id=KEY_ID)
    for item in (key, [key], credential, issuer):
        if travel is copy.copy and item is not key:
            continue  # a shallow copy shares the key
        with pytest.raises(
            (SignerError, TypeError, pickle.PicklingError, AttributeError)
        ) as caught:
            travel(item)
        assert_clean(told_by(caught.value), key)
    with pytest.raises(SignerError):
        dataclasses.asdict(credential)


def test_a_credential_in_a_dict_of_its_fields_shows_no_key(key: PrivateKey) -> None:
    credential = Credential(kid="kid", key_pair_id=KEY_ID, private_key=key)
    shown = {item.name: getattr(credential, item.name) for item in dataclasses.fields(credential)}
    assert_clean(repr(shown), key)


BROKEN: dict[str, Callable[[PrivateKey], object]] = {
    "cut": lambda key: PrivateKey.from_pem(key.to_pem()[:-40]),
    "damaged": lambda key: PrivateKey.from_pem(key.to_pem().replace("M", "N", 1)),
    "not ASCII": lambda key: PrivateKey.from_pem(key.to_pem().replace("M", "\u041c", 1)),
    "surrogate": lambda key: PrivateKey.from_pem(key.to_pem().replace("M", "\udc80", 1)),
    "twice": lambda key: PrivateKey.from_pem(key.to_pem() * 2),
    "encrypted": lambda key: PrivateKey.from_pem(key.to_pem(PASSPHRASE)),
    "wrong passphrase": lambda key: PrivateKey.from_pem(key.to_pem("x"), PASSPHRASE),
    "needless passphrase": lambda key: PrivateKey.from_pem(key.to_pem(), PASSPHRASE),
    "odd passphrase": lambda key: PrivateKey.from_pem(key.to_pem("x"), PASSPHRASE + "\ud800"),
    "odd new passphrase": lambda key: key.to_pem(PASSPHRASE + "\udfff"),
    "as public": lambda key: PublicKey.from_pem(key.to_pem()),
    "as document": lambda key: Credential.from_json(key.to_pem()),
    "as document, quoted": lambda key: Credential.from_json(f'{{"x": "{key.to_pem()}"}}'),
    "document cut": lambda key: Credential.from_json(_document(key)[:-3]),
    "document of a newer version": lambda key: Credential.from_json(
        _document(key).replace('"version": 1', '"version": 2')
    ),
    "document with more": lambda key: Credential.from_json(
        _document(key).replace('"kid":', f'"{PASSPHRASE}": "{PASSPHRASE}", "kid":')
    ),
    "document, key damaged": lambda key: Credential.from_json(
        _document(key).replace("BEGIN PRIVATE KEY-----\\nM", "BEGIN PRIVATE KEY-----\\nN")
    ),
    "document, hash wrong": lambda key: Credential.from_json(
        _document(key).replace('"SHA256"', '"MD5"')
    ),
    "document as place": lambda key: read_credential(_document(key)),
    "pickle": pickle.dumps,
    "deep copy": copy.deepcopy,
}


def _document(key: PrivateKey) -> str:
    return Credential(kid="kid", key_pair_id=KEY_ID, private_key=key).to_json()


@pytest.mark.parametrize("call", BROKEN.values(), ids=BROKEN.keys())
def test_no_error_tells_the_key_or_the_passphrase(
    key: PrivateKey, call: Callable[[PrivateKey], object]
) -> None:
    with pytest.raises(SignerError) as caught:
        call(key)
    assert_clean(told_by(caught.value), key)


def test_a_file_that_is_no_text_is_not_told(key: PrivateKey, tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_bytes(_document(key).encode() + b"\xff")
    path.chmod(0o600)
    with pytest.raises(SignerError) as caught:
        read_credential(f"file:{path}")
    assert_clean(told_by(caught.value), key)


def test_nothing_is_logged(
    key: PrivateKey, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    objects(key)
    for call in BROKEN.values():
        with pytest.raises(SignerError):
            call(key)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_errors_of_the_issuer_show_no_signature(
    key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer(key, key_pair_id=KEY_ID, clock=lambda: NOW)
    signed = issuer.sign(Policy(FOLDER, date_less_than=NOW + 60))
    calls: list[Callable[[], object]] = [
        lambda: signed.url("https://cdn.example.com/other"),
        lambda: signed.url(FOLDER.replace("*", "a" * 7900)),
        lambda: signed.url(signed.url(URL)),
        lambda: issuer.signed_url(signed.url(URL), expires_in=60),
    ]
    monkeypatch.setattr(signer.issuer, "is_signature", lambda *_, **__: False)
    calls.append(lambda: issuer.signed_url(URL, expires_in=60))
    for call in calls:
        with pytest.raises(SignerError) as caught:
            call()
        told = "".join(f"{item}{item.args}{vars(item)}" for item in chain(caught.value))
        assert signed.signature[:24] not in told


def test_a_refusal_shows_no_signature_and_no_policy(key: PrivateKey) -> None:
    issuer = Issuer(key, key_pair_id=KEY_ID, clock=lambda: NOW)
    url = issuer.sign(Policy(FOLDER, date_less_than=NOW + 60)).url(URL)
    verifier = Verifier([TrustedKeyGroup({KEY_ID: key.public_key()})])
    for sent, now in ((url, NOW), (url, NOW + 60), (url.replace("Policy=e", "Policy=f"), NOW)):
        verdict = verifier.verify(ViewerRequest(sent), now=now)
        shown = f"{verdict.detail}{verdict.checks}{verdict.xml_body()}{verdict.reason}"
        for part in sent.partition("?")[2].split("&"):
            value = part.partition("=")[2]
            assert len(value) < 24 or value[:24] not in shown


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_the_watch_would_see_a_leak(algorithm: KeyAlgorithm) -> None:
    key = PrivateKey.generate(algorithm)
    for leak in (key.to_pem(), key.to_pem()[200:], repr(ValueError(PASSPHRASE))):
        with pytest.raises(AssertionError):
            assert_clean(leak, key)
