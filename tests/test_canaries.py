"""Marked secrets on paths that fail, searched for by tests/canaries.py; see also test_leaks.py."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Never

import pytest
from botocore.session import Session

from signer import PrivateKey, open_issuer
from signer.aws import KmsKey
from signer.errors import CredentialError, SignerError
from signer.oidc.host_cookie import LOGIN_COOKIE, SESSION_COOKIE
from signer.service.settings import ALLOWED
from tests import canaries
from tests.canaries import FAILURES, PASSPHRASE, ROUTES, Scene, Text, Watch, document, holds
from tests.cli.running import KID, URL, run
from tests.oidc.fake_provider import FakeProvider, Page, fake_provider, hang_up, page
from tests.oidc.token_maker import Maker, ec_key, encoded
from tests.oidc.token_maker import rsa_key as token_key
from tests.s3.signing import SECRET, TOKEN, client, issuer
from tests.service.browsing import BASE, GRANTS
from tests.test_aws import Client

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
holding = canaries.holding
both_keys = pytest.mark.parametrize("key_name", ["p256_key", "rsa_key"])


@pytest.fixture
def key_name() -> str:
    return "p256_key"


@pytest.fixture
def watch(request: pytest.FixtureRequest, key_name: str) -> Watch:
    return Watch(request, request.getfixturevalue(key_name))


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[FakeProvider, Maker]]:
    with fake_provider() as provider:
        keys = (token_key("rsa"), ec_key("ec"), token_key("stranger"))
        yield provider, Maker(provider.url, time.time(), *keys)


@pytest.fixture
def scene(served: tuple[FakeProvider, Maker], watch: Watch) -> Iterator[Scene]:
    yield Scene(*served, watch)
    canaries.forget_logger()


DOCUMENTS: dict[str, Text] = {
    "cut": lambda key: document(key)[:-3],
    "comma too many": lambda key: document(key)[:-1] + ",}",
    "single quotes": lambda key: document(key).replace('"', "'"),
    "control character": lambda key: document(key).replace("\\n", "\x01"),
    "not a number": lambda key: document(key)[:-1] + ', "version": NaN}',
    "huge number": lambda key: document(key)[:-1] + f', "version": {"9" * 5000}}}',
    "in a list": lambda key: f"[{document(key)}]",
    "deep": lambda key: "[" * 50_000 + document(key),
    "pem": PrivateKey.to_pem,
    "body of a pem": lambda key: "".join(key.to_pem().splitlines()[1:-1]),
    "unknown member": lambda key: document(key, passphrase=PASSPHRASE),
    "unknown member named as the key": lambda key: document(key, **{key.to_pem(): PASSPHRASE}),
    "huge": lambda key: document(key, more=key.to_pem() * 3000),
    "pem truncated": holding(lambda key: key.to_pem()[:-90] + key.to_pem()[-27:]),
    "pem with a star": holding(lambda key: key.to_pem().replace("\nM", "\n*", 1)),
    "pem damaged": holding(lambda key: key.to_pem().replace("\nM", "\nN", 1)),
    "pem called public": holding(lambda key: key.to_pem().replace("PRIVATE", "PUBLIC")),
    "pem encrypted": holding(lambda key: key.to_pem(PASSPHRASE)),
    "pem in lines": canaries.misplaced("private_key_pem", str.splitlines),
    "pem and ARN": lambda key: document(key, kms_key_arn=ARN),
    "key for an ARN": lambda key: document(key, private_key_pem=None, kms_key_arn=key.to_pem()),
    "key that does not match": lambda key: document(
        key, algorithm="ECDSA_P256RSA_2048".replace(key.algorithm.value, "")
    ),
    "placeholder with a key": lambda key: document(key, status="not-initialised"),
    **{
        f"key for {member} as {form.__name__}": canaries.misplaced(member, form)
        for member in ("version", "key_pair_id", "algorithm", "hash_algorithm", "max_lifetime")
        for form in (str, str.splitlines)
    },
}


@both_keys
@pytest.mark.parametrize("store", ["file", "env", "secretsmanager", "ssm"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_broken_document(name: str, store: str, watch: Watch) -> None:
    text = DOCUMENTS[name](watch.key)
    watch.patch.setenv("signing", text)
    place = str(watch.file("credential", text)) if store == "file" else "signing"
    watch.refused(lambda: open_issuer(f"{store}:{place}", client=Client(holds(text))))
    watch.assert_clean()


@pytest.mark.parametrize("store", ["secretsmanager", "ssm", "kms"])
@pytest.mark.parametrize("name", [*FAILURES, *DOCUMENTS])
def test_a_store_that_fails_at_first_and_later(name: str, store: str, watch: Watch) -> None:
    make = FAILURES.get(name)
    text = document(watch.key, more=PASSPHRASE) if make else DOCUMENTS[name](watch.key)
    answer, place = (make or holds)(text), f"{store.replace('kms', 'ssm')}:signing"
    bad, clock = Client(answer), [time.time()]
    if store == "kms":
        named = Client(holds(document(watch.key, private_key_pem=None, kms_key_arn=ARN)))
        opened = open_issuer(place, client=named, kms_client=bad)
        watch.shown(KmsKey(ARN, watch.key.algorithm, bad))
    else:
        watch.refused(lambda: open_issuer(place, client=bad))
        good = Client(holds(document(watch.key)))
        opened = open_issuer(place, client=good, clock=lambda: clock[0])
        watch.issued(opened.signed_url(URL, expires_in=60))
        good._answer, clock[0] = answer, clock[0] + 31 * 60
    error = watch.refused(lambda: opened.signed_url(URL, expires_in=60))
    assert error.code.startswith("kms_" if store == "kms" else "credential_stale")
    watch.shown(opened, opened._refreshed)
    watch.assert_clean()


def test_what_boto3_reads_is_in_botocores_own_log_only(watch: Watch) -> None:
    session = Session()
    session.set_credentials("AKIDEXAMPLE", SECRET, TOKEN)
    watch.scanner.add("AWS secret", SECRET)
    with fake_provider() as server:
        server.pages["/"] = page(holds(DOCUMENTS["pem truncated"](watch.key)))
        manager = session.create_client("secretsmanager", "eu-central-1", endpoint_url=server.url)
        watch.refused(lambda: open_issuer("secretsmanager:signing", client=manager))
    # docs/custody.md says so.
    assert [one for one in watch.hits() if not one.startswith("key in log botocore.")] == []


@pytest.mark.parametrize("front_end", ["function_url", "http_api", "rest_api", "alb"])
@pytest.mark.parametrize("route", ROUTES)
def test_a_route_that_is_sent_every_secret(route: str, front_end: str, scene: Scene) -> None:
    told, function = scene.marks, scene.build(SIGNER_FRONT_END=front_end)
    names = (LOGIN_COOKIE, SESSION_COOKIE, "CloudFront-Policy", "CloudFront-Signature")
    cookies = tuple(f"{name}={told['cookie']}" for name in names)
    query = {"code": told["code"], "state": told["state"], "error": told["bearer"]}
    for more in ("x-issuer-token", "authorization", "accept-language"):
        for body in ("{}", json.dumps(told), json.dumps(told)[:-1]):
            headers = {more: f"Bearer {told['bearer']}", "accept": "text/html"}
            function.send(route, body, headers=headers, cookies=cookies, query=query)
    scene.watch.assert_clean()


BEARERS: dict[str, Callable[[Scene, str], str]] = {
    "genuine": lambda scene, _: scene.token("bearer"),
    "other signature": lambda scene, _: scene.token("bearer")[:-8] + "AAAAAAAA",
    "expired": lambda scene, _: scene.token("bearer", exp=1_000_000_000),
    "other audience": lambda scene, told: scene.token("bearer", aud=told),
    "other issuer": lambda scene, told: scene.token("bearer", iss=told),
    "other key": lambda scene, told: scene.maker.headed(kid=told),
    "no algorithm": lambda _, told: f"{encoded({'alg': 'none'})}.{encoded({'sub': told})}.",
    "critical header": lambda scene, told: scene.maker.headed(crit=[told]),
    "broken claims": lambda scene, told: scene.maker.raw(payload=told.encode()),
    "huge": lambda _, told: told * 2000,
}


@pytest.mark.parametrize("name", BEARERS)
def test_a_bearer_token(name: str, scene: Scene) -> None:
    token, found = BEARERS[name](scene, scene.marks["bearer"]), set()
    for more in ({"x-issuer-token": token}, {"authorization": f"Bearer {token}"}):
        function = scene.build()
        for route in ("POST /auth/cookies", "POST /auth/urls", "GET /images/a.jpg/url"):
            found.add(function.send(route, canaries.ITEMS, headers=more)["statusCode"])
    assert found == {200 if name == "genuine" else 401}
    scene.watch.assert_clean()


ENDPOINTS: dict[str, Callable[[Scene], Page]] = {
    "grant refused": lambda scene: scene.echo(400, "invalid_grant"),
    "client refused": lambda scene: scene.echo(401, "invalid_client"),
    "odd error": lambda scene: page({"error": scene.marks["code"]}, status=400),
    "too many": lambda scene: scene.echo(429),
    "broken": lambda scene: scene.echo(500),
    "no JSON": lambda scene: page(json.dumps(scene.marks).encode()[:-1]),
    "no JSON, refused": lambda scene: page(json.dumps(scene.marks).encode()[1:], status=400),
    "huge": lambda scene: page(scene.answer(more=[scene.marks["id token"]] * 9000)),
    "odd access token": lambda scene: page(scene.answer(access_token=scene.marks["code"] + "\n")),
    "odd refresh token": lambda scene: page(scene.answer(refresh_token=[scene.marks["code"]])),
    "odd id token": lambda scene: page(scene.answer(id_token=scene.marks["id token"])),
    "id token of another": lambda scene: scene.identified(sub="eve"),
    "id token with another nonce": lambda scene: scene.identified(),
    "id token expired": lambda scene: scene.identified(exp=1_000_000_000),
    "id token for another": lambda scene: scene.identified(aud="another"),
    "no id token": lambda scene: page(scene.answer()),
    "hang up": lambda _: hang_up,
}
CALLBACKS = {
    "error": {"error": "code", "error_description": "bearer", "error_uri": "code"},
    "other issuer": {"iss": "code", "code": "code"},
    "other state": {"state": "state", "code": "code"},
}


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
@pytest.mark.parametrize("name", [*ENDPOINTS, *CALLBACKS])
def test_a_callback_that_fails(name: str, accept: str, scene: Scene) -> None:
    function = scene.build()
    scene.provider.pages["/token"] = ENDPOINTS.get(name, ENDPOINTS["broken"])(scene)
    told = CALLBACKS.get(name, {"code": "code"}).items()
    query = {"state": scene.begun(function)["state"]} | {one: scene.marks[two] for one, two in told}
    answer = function.send("GET /auth/callback", query=query, headers={"accept": accept})
    assert answer["statusCode"] >= 400
    scene.watch.assert_clean()


@pytest.mark.parametrize("route", ["POST /auth/cookies", "POST /auth/logout"])
@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_session_whose_refresh_or_end_fails(name: str, route: str, scene: Scene) -> None:
    function, pages = scene.logged_in(), scene.provider.pages
    pages["/token"] = pages["/revoke"] = ENDPOINTS[name](scene)
    pages["/userinfo"] = page(scene.marks)
    asked = len(scene.provider.asked)
    function.send(route)
    assert len(scene.provider.asked) > asked
    scene.watch.assert_clean()


BREAKING = ["keys.PrivateKey.sign", "service.viewer.Viewers.session", "access.Access.cookies"]
BREAKING += ["credential.Credential.from_json", "custody.Path.read_bytes", "https.request"]


@pytest.mark.parametrize("failure", ["talkative", "os", "key error", "remote"])
@pytest.mark.parametrize("place", BREAKING)
def test_a_part_that_fails_with_all_it_knows(place: str, failure: str, scene: Scene) -> None:
    text = document(scene.watch.key) + json.dumps(scene.marks) + scene.session_key
    cookies = scene.logged_in().cookies
    scene.watch.file("credential", "")
    function = scene.build()
    scene.watch.file("credential", document(scene.watch.key))

    def fail(*_: object, **__: object) -> Never:
        raise FAILURES[failure](text)

    scene.watch.patch.setattr(f"signer.{place}", fail)
    assert scene.statuses(function, cookies) & {500, 503}
    scene.watch.assert_clean()


SESSION_KEYS = {"cut session key": slice(0, -5), "reversed session key": slice(None, None, -1)}


@pytest.mark.parametrize("name", [*DOCUMENTS, *SESSION_KEYS])
def test_a_service_with_broken_secrets(name: str, scene: Scene) -> None:
    session = scene.logged_in().cookies[SESSION_COOKIE]
    if name in DOCUMENTS:
        scene.watch.file("credential", DOCUMENTS[name](scene.watch.key))
    else:
        scene.watch.file("session", scene.session_key[SESSION_KEYS[name]])
    function, found = scene.build(), set[int]()
    for value in (session, scene.marks["cookie"]):
        found |= scene.statuses(function, {SESSION_COOKIE: value})
    assert found & {500, 503}
    scene.watch.assert_clean()


@pytest.mark.parametrize("place", ["secretsmanager:signing", "ssm:/signing"])
@pytest.mark.parametrize("status", [200, 400, 403])
def test_a_service_whose_store_answers_secrets(place: str, status: int, scene: Scene) -> None:
    scene.provider.pages["/"] = scene.echo(status)
    own = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": scene.marks["AWS secret"]}
    own |= {"AWS_SESSION_TOKEN": scene.marks["AWS token"], "AWS_REGION": "eu-central-1"}
    own |= {"AWS_ENDPOINT_URL": scene.provider.url, "SIGNER_CREDENTIAL": place}
    function = scene.build(**own)
    assert function.send("POST /auth/cookies")["statusCode"] == 503
    scene.watch.assert_clean()


@pytest.mark.parametrize("variable", ALLOWED)
def test_a_variable_with_a_secret_in_it(variable: str, scene: Scene) -> None:
    odd = [document(scene.watch.key), scene.watch.key.to_pem()]
    refused = []
    for value in (
        *odd,
        scene.session_key,
        scene.session_key[:-3],
        scene.token("bearer"),
        canaries.mark(),
    ):
        try:
            scene.build(**{variable: value})
        except SignerError as error:
            scene.watch.error(error)
            refused.append(value)
    assert refused[:2] == odd
    scene.watch.assert_clean()


COMMANDS = """\
url {url} --expires-in 1h --key {file}
cookies {url} --expires-in 1h --format curl
verify {signed} --key {file}
verify {signed}&x=1 --public-key {kid}={path}
explain {signed}&x=1 --private-key env:TEXT
explain {signed}&x=1 --public-key {kid}={path}
explain {signed} --playlist {path}
verify {url} --key env:GENUINE --cookies @{path}
explain {url} --cookies @{path}
verify {signed}&x=1 --key env:GENUINE
explain {signed}&x=1 --private-key env:GENUINE
keys show {path}
keys bind {path} --key-pair-id {kid} --output {new}
grants {path} --base-url {base}
grants {grants} --base-url {base} --claims {path}
edge {path}
s3-url ../a --bucket media --region eu-central-1 --expires-in 5m
s3-url a --bucket media --expires-in 5m"""
CONTENTS: dict[str, Text] = {**DOCUMENTS, "encrypted": lambda key: key.to_pem(PASSPHRASE)}


@pytest.mark.parametrize(("option", "key_name"), [("", "p256_key"), ("--json", "rsa_key")])
@pytest.mark.parametrize("line", COMMANDS.splitlines())
def test_a_command(line: str, option: str, watch: Watch) -> None:
    watch.patch.setenv("GENUINE", document(watch.key))
    signed = watch.issued(open_issuer("env:GENUINE").signed_url(URL, expires_in=60))
    watch.scanner.add("AWS secret", SECRET, TOKEN)
    path, grants = watch.folder / "canary", watch.file("grants.toml", GRANTS)
    words = {"url": URL, "kid": KID, "base": BASE, "signed": signed, "grants": str(grants)}
    words |= {"path": str(path), "file": f"file:{path}", "new": f"{path}.new"}
    arguments = f"{line} {option}".format(**words).split()
    environ = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}
    environ |= {"AWS_SESSION_TOKEN": TOKEN, "AWS_CONFIG_FILE": str(path)}
    for name, make in CONTENTS.items():
        text = make(watch.key)
        watch.file("canary", text)
        keys = {"SIGNER_KEY": text, "TEXT": text, "SIGNER_PASSPHRASE": canaries.OTHER_PASSPHRASE}
        result = run(*arguments, env=environ | keys)
        # What shows a public key, or takes any JSON as claims, need not fail.
        assert result.exit_code in {1, 2} or line.startswith(("keys", "grants")), name
        watch.saw(f"output for {name}", result.output)
    watch.assert_clean()


@pytest.mark.parametrize("name", sorted({*FAILURES, "key", "life", "signature"} - {"remote"}))
def test_s3(name: str, watch: Watch) -> None:
    watch.scanner.add("AWS secret", SECRET)
    watch.scanner.add("AWS token", TOKEN)
    own = client(signature_version="s3" if name == "signature" else "s3v4")
    s3 = issuer(client=own)
    watch.shown(s3, own)
    if name != "signature":
        made = s3.presigned("a", expires_in=60)
        watch.scanner.add("signature", made.url.rpartition("Signature=")[2])
        watch.shown(made)
    if name in FAILURES:
        bad = Client(FAILURES[name](f"{SECRET} {TOKEN} {document(watch.key)}"))
        watch.patch.setattr(own, "generate_presigned_url", lambda *_: f"{bad.sign()}")
    given, life = "../a" if name == "key" else "a", 10**9 if name == "life" else 60
    watch.refused(lambda: s3.signed_url(given, expires_in=life))
    watch.assert_clean("botocore.", "AWS token", "signature")


@pytest.mark.parametrize("channel", ["log", "output", "error"])
@both_keys
def test_a_planted_leak_is_found(channel: str, watch: Watch) -> None:
    leaks = [text[8:40] for text in canaries.spellings(PASSPHRASE.encode())]
    leaks += [line[::-1] for line in watch.key.to_pem().splitlines()[1:3]]
    for leak in (*leaks, str(canaries.numbers_of(watch.key)[0])[5:25], watch.key.to_pem()):
        watch._seen = {("nothing", "", ())}
        watch._caplog.clear()
        error = KeyError("x")
        error.__context__ = RuntimeError(leak)
        if channel == "log":
            logging.getLogger("urllib3.canary").debug("sent %s", {"key": leak})
        elif channel == "output":
            print(leak)  # noqa: T201 - the leak
        else:
            watch.error(error)
        assert watch.hits(), leak


def test_a_leak_planted_in_the_product_is_found(scene: Scene) -> None:
    def leak(logger: Any, request: Any, *_: object, **__: object) -> None:  # noqa: ANN401
        logger.debug("request", sent=dict(request.headers))

    def tell(text: str) -> Never:
        raise CredentialError("credential_json", f"wrong: {text}")

    scene.watch.patch.setattr(canaries.ISSUE, "_log", leak)
    headers = {"x-issuer-token": scene.marks["bearer"]}
    scene.build().send("POST /auth/cookies", headers=headers)
    assert scene.watch.hits() == ["bearer in log issuer", "bearer in stdout"]
    scene.watch.patch.setattr("signer.credential._document", tell)
    text = document(scene.watch.key)
    scene.watch.refused(lambda: open_issuer("ssm:a", client=Client(holds(text))))
    assert "key in error CredentialError" in scene.watch.hits()
