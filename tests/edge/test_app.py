"""The data plane's decisions: signatures, methods, sizes, and what reaches the origin."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from signer import PrivateKey
from signer.assumptions import Assumptions
from signer.edge import Behavior, Distribution, EdgeApp, FolderOrigin
from signer.edge.exchange import Exchange, Recorder
from tests.edge.serving import (
    Answer,
    ask,
    group_of,
    issuer_of,
    private_folder,
    public_folder,
)

SITE = "http://edge.test"
HOUR = timedelta(hours=1)
SIGNED_HEADERS = {
    "content-type": "text/xml",
    "server": "CloudFront",
    "x-cache": "Error from cloudfront",
    "x-amz-cf-pop": "LOCAL1-P1",
}


@pytest.fixture
def media(tmp_path: Path) -> Path:
    (tmp_path / "film").mkdir()
    for name in ("index.html", "film/a.mp4", "film/b.mp4"):
        (tmp_path / name).write_text(name)
    return tmp_path


def fetch(app: EdgeApp, url: str, *, method: str = "GET", cookie: str = "") -> Answer:
    parts = urlsplit(url)
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return ask(app, parts.path, parts.query, method=method, headers=headers)


def assert_refused(answer: Answer, code: str) -> None:
    assert answer.status == 403
    assert ET.fromstring(answer.body).findtext("Code") == code
    for name, value in SIGNED_HEADERS.items():
        assert answer.header(name) == value
    assert (answer.header("via") or "").endswith("(CloudFront)")
    assert answer.header("x-amz-cf-id")
    assert answer.header("x-edge-reason") is None


def test_without_a_signature_nothing_is_served(media: Path, p256_key: PrivateKey) -> None:
    app = EdgeApp(private_folder(media, p256_key))
    assert_refused(fetch(app, f"{SITE}/film/a.mp4"), "MissingKey")
    # Not even whether a file exists.
    assert_refused(fetch(app, f"{SITE}/missing"), "MissingKey")


def test_a_signed_url_opens_one_file(media: Path, p256_key: PrivateKey) -> None:
    app = EdgeApp(private_folder(media, p256_key))
    url = issuer_of(p256_key).signed_url(f"{SITE}/film/a.mp4", expires_in=HOUR)
    answer = fetch(app, url)
    assert (answer.status, answer.body) == (200, b"film/a.mp4")
    assert answer.header("x-cache") == "Miss from cloudfront"
    assert_refused(fetch(app, url.replace("a.mp4", "b.mp4")), "AccessDenied")
    assert_refused(fetch(app, url + "&utm=x"), "AccessDenied")


def test_signed_cookies_open_a_folder(media: Path, rsa_key: PrivateKey) -> None:
    app = EdgeApp(private_folder(media, rsa_key))
    cookie = issuer_of(rsa_key).signed_cookies(f"{SITE}/film/*", expires_in=HOUR).header()
    assert [fetch(app, f"{SITE}/film/{n}.mp4", cookie=cookie).status for n in "ab"] == [200, 200]
    assert_refused(fetch(app, f"{SITE}/index.html", cookie=cookie), "AccessDenied")
    # Any of CloudFront's parameters in the URL switches the cookies off.
    assert_refused(fetch(app, f"{SITE}/film/a.mp4?Expires=1", cookie=cookie), "MissingKey")


def test_every_code(media: Path, p256_key: PrivateKey, rsa_key: PrivateKey) -> None:
    app = EdgeApp(private_folder(media, p256_key))
    url = issuer_of(p256_key).signed_url(f"{SITE}/film/a.mp4", expires_in=HOUR)
    cases = {
        "MissingKey": url.replace("Key-Pair-Id=", "Key-Pair="),
        "InvalidKey": url.replace("Key-Pair-Id=K2", "Key-Pair-Id=K3"),
        "MalformedSignature": url.replace("Signature=", "Signature=!"),
        "MalformedPolicy": url.replace("Expires=", "Expires=x"),
        "AccessDenied": issuer_of(rsa_key).signed_url(f"{SITE}/film/a.mp4", expires_in=HOUR),
    }
    for code, wrong in cases.items():
        assert_refused(fetch(app, wrong), code)


def test_time_is_the_edges_own(media: Path, p256_key: PrivateKey) -> None:
    issuer = issuer_of(p256_key, clock=lambda: 1_000_000_000.0)
    url = issuer.signed_url(f"{SITE}/film/a.mp4", expires_in=HOUR)
    app = private_folder(media, p256_key)
    assert fetch(EdgeApp(app, clock=lambda: 1_000_003_599.0), url).status == 200
    assert_refused(fetch(EdgeApp(app, clock=lambda: 1_000_003_600.0), url), "AccessDenied")


def test_the_viewers_address_is_that_of_the_connection(media: Path, p256_key: PrivateKey) -> None:
    app = EdgeApp(private_folder(media, p256_key))
    url = issuer_of(p256_key).signed_url(
        f"{SITE}/film/a.mp4", expires_in=HOUR, ip_address="203.0.113.0/24"
    )
    query = urlsplit(url).query
    forged = [(b"x-forwarded-for", b"203.0.113.9")]
    assert ask(app, "/film/a.mp4", query, peer=("203.0.113.7", 1)).status == 200
    assert ask(app, "/film/a.mp4", query, peer=("198.51.100.7", 1), headers=forged).status == 403
    assert ask(app, "/film/a.mp4", query, peer=None, headers=forged).status == 403


def test_reasons_are_told_on_request_only(media: Path, p256_key: PrivateKey) -> None:
    app = EdgeApp(private_folder(media, p256_key, explain_header=True))
    answer = fetch(app, f"{SITE}/film/a.mp4")
    assert answer.header("x-edge-reason") == "key_pair_id_missing"
    assert b"key_pair_id_missing" not in answer.body


def test_assumptions_are_the_distributions(media: Path, p256_key: PrivateKey) -> None:
    url = issuer_of(p256_key).signed_url(f"{SITE}/film/a.mp4", expires_in=HOUR)
    doubled = url + "&Key-Pair-Id=" + issuer_of(p256_key).key_pair_id
    assert fetch(EdgeApp(private_folder(media, p256_key)), doubled).status == 403
    lax = private_folder(media, p256_key, assumptions=Assumptions(duplicate_parameters="first"))
    assert fetch(EdgeApp(lax), doubled).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/film/../film/a.mp4",
        "/film/%2e%2e/index.html",
        "/film/%2E./index.html",
        "/film/./a.mp4",
        "/film/..",
        "/film/..;x/index.html",
        "/film/..%3Bx/index.html",
        "/film//../index.html",
        "/film%2fa.mp4",
        "/film%2Fa.mp4",
        "/film%5ca.mp4",
        "/film\\a.mp4",
    ],
)
def test_what_an_origin_may_read_otherwise_is_refused(
    media: Path, p256_key: PrivateKey, path: str
) -> None:
    # Signed or not, and whichever behavior takes it: the public one may reach the private one's
    # objects at an origin that reads the path in another way.
    cookie = issuer_of(p256_key).signed_cookies(f"{SITE}/film/*", expires_in=HOUR).header()
    for site in (private_folder(media, p256_key), mixed(media, p256_key)):
        for prefix in ("", "/public"):
            answer = ask(EdgeApp(site), prefix + path, headers=[(b"cookie", cookie.encode())])
            assert answer.status == 400
    # Where nothing is signed nothing can be avoided.
    assert ask(EdgeApp(public_folder(media)), path).status in {200, 404}


@pytest.mark.parametrize(
    "host",
    [
        "edge.test/film",
        "edge.test/film/",
        "edge.test?x",
        "edge.test#x",
        "edge.test@other.test",
        "user@edge.test",
        "edge.test\\x",
        "edge.test:8080/film",
        "edge.test:",
        "edge.test:808080",
        "edge.test:http",
        "edge test",
        "edge.test,other.test",
        "edge.test\n",
        "[::1",
        "[::1]x",
        "[edge.test]",
        "\u00e4.test",
    ],
)
def test_a_host_header_cannot_move_the_path(media: Path, p256_key: PrivateKey, host: str) -> None:
    for names in ((), ("edge.test", "*.test")):
        app = EdgeApp(private_folder(media, p256_key, domain_names=names))
        assert ask(app, "/index.html", host=host.encode("latin-1")).status == 400


def test_a_signature_is_not_good_for_a_path_in_the_host(media: Path, p256_key: PrivateKey) -> None:
    (media / "a.mp4").write_text("another file")
    app = EdgeApp(private_folder(media, p256_key))
    url = issuer_of(p256_key).signed_url(f"{SITE}/film/a.mp4", expires_in=HOUR)
    answer = ask(app, "/a.mp4", urlsplit(url).query, host=b"edge.test/film")
    assert (answer.status, b"another file" in answer.body) == (400, False)


@pytest.mark.parametrize(
    "host", ["edge.test", "EDGE.test:8080", "127.0.0.1:8080", "[::1]", "[::1]:8080", "my_host-1"]
)
def test_proper_host_names(media: Path, host: str) -> None:
    assert ask(EdgeApp(public_folder(media)), "/index.html", host=host.encode()).status == 200


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (b"/index.html#", b""),
        (b"/index.html#.jpg", b"a=1"),
        (b"/index.html", b"a=1#b"),
        (b"/index.html?a", b""),
        (b"/index.html\x00", b""),
        (b"/index.html\t", b""),
        (b"/index .html", b""),
        (b"/index.html\x7f", b""),
        ("/\u00e4".encode(), b""),
        (b"/index.html", b"a=\xff"),
        (b"/index.html", b"a=\n"),
    ],
)
def test_targets_that_no_url_has(media: Path, path: bytes, query: bytes) -> None:
    assert ask(EdgeApp(public_folder(media)), path, query).status == 400


def mixed(media: Path, key: PrivateKey) -> Distribution:
    return Distribution(
        origins={"media": FolderOrigin(media)},
        key_groups={"viewers": group_of(key)},
        behaviors=(
            Behavior(origin="media", path_pattern="/film/*", trusted_key_groups=("viewers",)),
            Behavior(origin="media", path_pattern="*.mp4"),
        ),
        default_behavior=Behavior(origin="media"),
        default_root_object="index.html",
    )


def test_the_first_behavior_decides(media: Path, p256_key: PrivateKey) -> None:
    app = EdgeApp(mixed(media, p256_key))
    assert ask(app, "/film/a.mp4").status == 403
    assert ask(app, "/%66ilm/a.mp4").status == 403
    assert ask(app, "//film/a.mp4").status == 403
    assert ask(app, "/index.html").status == 200


def test_the_default_root_object(media: Path, p256_key: PrivateKey) -> None:
    assert ask(EdgeApp(mixed(media, p256_key)), "/").body == b"index.html"
    assert ask(EdgeApp(public_folder(media)), "/").status == 404


@pytest.mark.parametrize(
    ("allowed", "method", "status"),
    [
        ("GET_HEAD", "GET", 200),
        ("GET_HEAD", "HEAD", 200),
        ("GET_HEAD", "OPTIONS", 403),
        ("GET_HEAD", "POST", 403),
        ("GET_HEAD_OPTIONS", "OPTIONS", 405),  # the folder's own answer
        ("GET_HEAD_OPTIONS", "DELETE", 403),
        ("ALL", "DELETE", 405),
        ("ALL", "TRACE", 403),
        ("ALL", "get", 403),
    ],
)
def test_methods(media: Path, allowed: str, method: str, status: int) -> None:
    site = Distribution(
        origins={"m": FolderOrigin(media)},
        default_behavior=Behavior(origin="m", allowed_methods=allowed),  # type: ignore[arg-type] # one of three
    )
    answer = ask(EdgeApp(site), "/index.html", method=method)
    assert answer.status == status
    if status == 403:
        assert answer.header("content-type") == "text/html"
        assert answer.header("server") == "CloudFront"


def test_the_signature_comes_before_the_method(media: Path, p256_key: PrivateKey) -> None:
    app = EdgeApp(private_folder(media, p256_key))
    assert_refused(ask(app, "/film/a.mp4", method="POST"), "MissingKey")
    assert_refused(ask(app, "/film/a.mp4", method="OPTIONS"), "MissingKey")


def test_a_get_has_no_body(media: Path) -> None:
    app = EdgeApp(public_folder(media))
    for header in ((b"content-length", b"3"), (b"transfer-encoding", b"chunked")):
        assert ask(app, "/index.html", headers=[header], body=b"abc").status == 403
    assert ask(app, "/index.html", headers=[(b"content-length", b"0")]).status == 200


def test_sizes(media: Path) -> None:
    app = EdgeApp(public_folder(media))
    longest = "/" + "a" * (8192 - len(SITE) - 1)
    assert ask(app, longest).status == 404
    answer = ask(app, longest + "a")
    assert (answer.status, answer.header("connection")) == (414, "close")
    assert ask(app, "/index.html", headers=[(b"x", b"y" * 32_000)]).status == 200
    answer = ask(app, "/index.html", headers=[(b"x", b"y" * 32_768)])
    assert (answer.status, answer.header("connection")) == (494, "close")


@pytest.mark.parametrize("path", [b"", b"*", b"http://edge.test/index.html", b"edge.test:443"])
def test_targets_that_are_no_paths(media: Path, path: bytes) -> None:
    app = EdgeApp(public_folder(media))
    # An empty raw path falls back on the decoded one, which is empty as well.
    assert ask(app, path).status == 400


def test_host_names(media: Path) -> None:
    app = EdgeApp(public_folder(media, domain_names=("edge.test",)))
    assert ask(app, "/index.html", host=b"EDGE.test:8080").status == 200
    assert ask(app, "/index.html", host=b"other.test").status == 403
    assert ask(app, "/index.html", host=None).status == 400
    assert ask(app, "/index.html", host=b"").status == 400
    assert ask(app, "/index.html", headers=[(b"host", b"edge.test")]).status == 400


def test_a_defect_of_ours_is_an_answer_too(
    media: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("signer.edge.app._check_method", broken)
    answer = ask(EdgeApp(public_folder(media)), "/index.html")
    assert answer.status == 500
    assert b"RuntimeError" not in answer.body
    assert "the edge failed" in caplog.text


def test_everything_is_recorded(media: Path, p256_key: PrivateKey) -> None:
    recorder = Recorder()
    seen: list[Exchange] = []
    app = EdgeApp(mixed(media, p256_key), recorder=recorder, on_exchange=seen.append)
    ask(app, "/index.html")
    ask(app, "/film/a.mp4")
    ask(app, "/index.html", method="POST")
    assert [exchange.reason for exchange in recorder.all()] == [
        "served",
        "key_pair_id_missing",
        "refused",
    ]
    assert seen == recorder.all()
    assert seen[0].sent == len("index.html")
    assert all(exchange.seconds is not None for exchange in seen)
