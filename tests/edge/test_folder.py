"""Folders as origins: what is served, what never is, and the parts of HTTP that files need."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signer.edge import EdgeApp
from signer.edge.origins import folder
from signer.edge.origins.folder import object_path
from tests.edge.serving import Answer, ask, public_folder

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "film").mkdir(parents=True)
    (root / "film" / "part 1.mp4").write_bytes(CONTENT)
    (root / "page.html").write_text("<p>hello</p>")
    (root / "empty.txt").touch()
    (root / ".well-known").write_text("x")
    (root / "å.txt").write_text("unicode")
    (tmp_path / "secret.txt").write_text("secret")
    return root


def get(root: Path, path: str, **headers: str) -> Answer:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return ask(EdgeApp(public_folder(root)), path, headers=pairs)


def film(root: Path, **headers: str) -> Answer:
    return get(root, "/film/part%201.mp4", **headers)


def test_a_file_is_served_whole(root: Path) -> None:
    answer = film(root)
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.header("content-length") == str(len(CONTENT))
    assert answer.header("content-type") == "video/mp4"
    assert answer.header("accept-ranges") == "bytes"
    assert (answer.header("etag") or "").startswith('"')
    assert (answer.header("last-modified") or "").endswith("GMT")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/page.html", b"<p>hello</p>"),
        ("/empty.txt", b""),
        ("/.well-known", b"x"),
        ("/%C3%A5.txt", b"unicode"),
    ],
)
def test_names_are_decoded_once(root: Path, path: str, body: bytes) -> None:
    answer = get(root, path)
    assert (answer.status, answer.body) == (200, body)


ESCAPES = [
    "/../secret.txt",
    "/film/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2E%2E%2Fsecret.txt",
    "/..%2fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/%252e%252e/secret.txt",
    "/film/%2e%2e/%2e%2e/secret.txt",
    "/....//secret.txt",
    "/./page.html",
    "/film/./part%201.mp4",
    "//page.html",
    "/film//part%201.mp4",
    "/film%2Fpart%201.mp4",
    "/page.html/",
    "/page.html/.",
    "/page.html%00",
    "/page.html%00.jpg",
    "/page.html%20",
    "/page.html.",
    "/page.html::$DATA",
    "/C:/secret.txt",
    "/c%3A%5Csecret.txt",
    "/%5C%5Chost%5Cshare",
    "/CON",
    "/nul.txt",
    "/com1",
    "/LPT%C2%B9.txt",
    "/%ff%fe",
    "/%c0%ae%c0%ae/secret.txt",
    "/%0a",
    "/~/secret.txt",
    "/",
    "/film",
    "/film/",
    "/missing",
    "/" + "a" * 5000,
    "/" + "a/" * 2000,
]


@pytest.mark.parametrize("path", ESCAPES, ids=range(len(ESCAPES)))
def test_other_paths_find_nothing(root: Path, path: str) -> None:
    answer = get(root, path)
    assert answer.status == 404
    assert b"NoSuchKey" in answer.body
    assert b"secret" not in answer.body


def test_absolute_paths_do_not_leave_the_folder(root: Path, tmp_path: Path) -> None:
    assert object_path(root, str(tmp_path / "secret.txt")) is None
    assert object_path(root, "//" + str(tmp_path / "secret.txt")) is None


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights on Windows")
def test_links_that_lead_out_are_not_followed(root: Path, tmp_path: Path) -> None:
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "up").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    (root / "inside.html").symlink_to(root / "page.html")
    assert [get(root, path).status for path in ("/out.txt", "/up/secret.txt", "/loop")] == [404] * 3
    assert get(root, "/inside.html").status == 200


@pytest.mark.skipif(
    sys.platform == "win32", reason="there are no named pipes in folders on Windows"
)
def test_pipes_are_not_opened(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert get(root, "/pipe").status == 404


def test_other_spellings_are_refused_where_the_file_system_would_take_them(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_CASE_BLIND", True)
    (root / "FILM").mkdir(exist_ok=True)
    assert object_path(root, "/film/part%201.mp4") is not None
    assert folder._spelled_exactly(root.resolve(), ["film", "Part 1.mp4"]) is False
    assert folder._spelled_exactly(root.resolve(), ["page.HTML"]) is False


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [
                "..",
                ".",
                "%2e",
                "%2E%2e",
                "/",
                "%2f",
                "\\",
                "%5c",
                "%00",
                "secret.txt",
                "film",
                "C:",
                "~",
                "%25",
                "root",
            ]
        ),
        max_size=12,
    ).map("".join)
)
def test_no_combination_reaches_outside(root: Path, path: str) -> None:
    found = object_path(root, "/" + path)
    assert found is None or root.resolve() in found.parents


def test_one_range(root: Path) -> None:
    answer = film(root, range="bytes=10-19")
    assert (answer.status, answer.body) == (206, CONTENT[10:20])
    assert answer.header("content-range") == f"bytes 10-19/{len(CONTENT)}"
    assert answer.header("content-length") == "10"


def test_several_ranges(root: Path) -> None:
    answer = film(root, range="bytes=0-1,10-11,-2")
    kind = answer.header("content-type") or ""
    assert answer.status == 206
    assert kind.startswith("multipart/byteranges; boundary=")
    assert answer.header("content-length") == str(len(answer.body))
    boundary = kind.partition("boundary=")[2].encode()
    parts = answer.body.split(b"\r\n--" + boundary)[1:-1]
    assert [part.partition(b"\r\n\r\n")[2] for part in parts] == [
        CONTENT[:2],
        CONTENT[10:12],
        CONTENT[-2:],
    ]
    assert b"Content-Range: bytes 10-11/1024" in parts[1]
    assert answer.body.endswith(b"--\r\n")


@pytest.mark.parametrize("wanted", ["bytes=20-29,0-9", "bytes=0-9,5-14", "bytes=9-0", "pages=1"])
def test_ranges_that_cloudfront_ignores(root: Path, wanted: str) -> None:
    answer = film(root, range=wanted)
    assert (answer.status, answer.body) == (200, CONTENT)


def test_ranges_outside_the_file(root: Path) -> None:
    answer = film(root, range="bytes=5000-")
    assert answer.status == 416
    assert answer.header("content-range") == f"bytes */{len(CONTENT)}"


def test_validators(root: Path) -> None:
    first = film(root)
    etag, modified = first.header("etag") or "", first.header("last-modified") or ""
    for headers in (
        {"if_none_match": etag},
        {"if_none_match": f'"x", W/{etag}'},
        {"if_none_match": "*"},
        {"if_modified_since": modified},
    ):
        answer = film(root, **headers)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.header("etag") == etag
    for headers in (
        {"if_none_match": '"other"'},
        {"if_none_match": '"other"', "if_modified_since": modified},
        {"if_modified_since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"if_modified_since": "not a date"},
        {"if_modified_since": "Thu, 99 Foo 99999999999 99:99:99 GMT"},
    ):
        assert film(root, **headers).status == 200


def test_if_range(root: Path) -> None:
    first = film(root)
    etag, modified = first.header("etag") or "", first.header("last-modified") or ""
    assert film(root, range="bytes=0-9", if_range=etag).status == 206
    assert film(root, range="bytes=0-9", if_range=modified).status == 206
    assert film(root, range="bytes=0-9", if_range='"other"').status == 200
    assert film(root, range="bytes=0-9", if_range=f"W/{etag}").status == 200


def test_the_etag_changes_with_the_file(root: Path) -> None:
    before = get(root, "/page.html").header("etag")
    (root / "page.html").write_text("<p>other</p>!")
    assert get(root, "/page.html").header("etag") != before


def test_head_has_the_headers_and_no_body(root: Path) -> None:
    answer = ask(EdgeApp(public_folder(root)), "/page.html", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("content-length") == "12"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x.html", "text/html; charset=utf-8"),
        ("x.m3u8", "application/vnd.apple.mpegurl"),
        ("x.m4s", "video/iso.segment"),
        ("x.JPG", "image/jpeg"),
        ("x.js", "text/javascript; charset=utf-8"),
        ("x.tar.gz", "application/gzip"),
        ("x", "application/octet-stream"),
        ("x.unheard-of", "application/octet-stream"),
    ],
)
def test_content_types(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert get(tmp_path, f"/{name}").header("content-type") == kind


def test_a_folder_that_went_away(tmp_path: Path) -> None:
    assert get(tmp_path / "gone", "/x").status == 404
