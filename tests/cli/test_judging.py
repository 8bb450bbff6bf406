"""`signer verify` and `signer explain`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.cli.running import KID, NOW, URL, documented, make_credential, refused, run


@pytest.fixture
def key(tmp_path: Path) -> str:
    return make_credential(tmp_path)


@pytest.fixture
def public(key: str) -> str:
    return f"{KID}={key.removeprefix('file:').replace('.json', '.pub.pem')}"


@pytest.fixture
def url(key: str) -> str:
    return run(
        "url", f"{URL}?v=1", "--expires-in", "1h", "--key", key, "--now", str(NOW)
    ).stdout.strip()


AT = ("--now", str(NOW))


def test_verify_allows_and_denies(url: str, key: str, public: str) -> None:
    result = run("verify", url, "--public-key", public, *AT)
    assert result.exit_code == 0
    assert result.stdout.startswith("ALLOWED ")
    assert run("verify", "-", "--key", key, *AT, text=f"{url}\n").exit_code == 0
    denied = run("verify", f"{url}&x=1", "--public-key", public, *AT)
    assert denied.exit_code == 1
    assert denied.stdout.startswith("DENIED AccessDenied (signature_wrong): ")
    assert denied.stderr == ""


def test_verify_as_json(url: str, public: str) -> None:
    assert documented("verify", url, "--public-key", public, *AT)["allowed"] is True
    document = documented("verify", url, "--public-key", public, "--now", str(NOW + 3600), code=1)
    assert (document["status"], document["code"], document["reason"]) == (
        403,
        "AccessDenied",
        "expired",
    )
    assert document["policy"]["date_less_than"] == NOW + 3600


def test_verify_cookies_and_address(key: str, public: str, tmp_path: Path) -> None:
    options = ("--expires-in", "1h", "--ip", "203.0.113.9", "--key", key, *AT)
    lines = run("cookies", "https://cdn.example.com/films/*", *options).stdout
    file = tmp_path / "cookies.txt"
    file.write_text(lines, encoding="utf-8")
    judge = ("verify", URL, "--public-key", public, *AT)
    assert run(*judge, "--cookies", f"@{file}", "--ip", "203.0.113.9").exit_code == 0
    assert run(*judge, "--cookies", f"@{file}", "--ip", "203.0.113.8").exit_code == 1
    assert run(*judge, "--cookies", "@-", "--ip", "203.0.113.9", text=lines).exit_code == 0
    assert run(*judge).exit_code == 1


def test_verify_needs_a_key(url: str, tmp_path: Path) -> None:
    refused(run("verify", url), "usage", exit_code=2)
    refused(run("verify", url, "--public-key", f"{KID}={tmp_path / 'none'}"), "os")
    large = rsa.generate_private_key(public_exponent=65537, key_size=3072).public_key()
    file = tmp_path / "large.pem"
    file.write_bytes(large.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    refused(run("verify", url, "--public-key", f"{KID}={file}"), "key_size")
    refused(run("verify", url, "--public-key", str(file)), "key_size")


@pytest.mark.parametrize("command", ["verify", "explain"])
@pytest.mark.parametrize("ip", ["", "192.0.2", "192.0.2.0/24", "192.0.2.256", "localhost", "::g"])
def test_an_address_that_is_none_is_wrong_usage(
    url: str, public: str, command: str, ip: str
) -> None:
    result = run(command, url, "--public-key", public, "--ip", ip, *AT)
    refused(result, "usage", exit_code=2)
    assert "is not one IP address" in result.stderr


@pytest.mark.parametrize("ip", ["192.0.2.7", " 192.0.2.7", "2001:db8::7"])
def test_an_address_is_taken_in_both_versions(url: str, public: str, ip: str) -> None:
    assert run("verify", url, "--public-key", public, "--ip", ip, *AT).exit_code == 0
    assert run("explain", url, "--public-key", public, "--ip", ip, *AT).exit_code == 0


def test_explain_a_genuine_url(url: str, public: str) -> None:
    result = run("explain", url, "--public-key", public, *AT)
    assert result.exit_code == 0
    assert result.stdout.startswith("ALLOWED https://cdn.example.com/films/a.mp4?v=1\n")
    assert "Until: 2027-01-15 09:00:00 UTC, in 1 h" in result.stdout
    assert "Signature: genuine" in result.stdout
    assert "Seen" not in result.stdout


def test_explain_without_a_key_does_not_claim_too_much(url: str) -> None:
    result = run("explain", "-", *AT, text=url)
    assert result.exit_code == 0
    assert result.stdout.startswith("NOTHING FOUND AGAINST IT ")
    assert "Signature: not checked" in result.stdout


def test_explain_a_broken_url(url: str, public: str) -> None:
    broken = url.replace("?v=1", "?v=1&utm_source=mail")
    result = run("explain", broken, "--public-key", public, "--now", str(NOW + 90_000))
    assert result.exit_code == 1
    assert result.stdout.startswith("REFUSED ")
    assert "15. A query parameter was added after signing" in result.stdout
    assert "9. Access has ended" in result.stdout
    assert "\x1b" not in result.stdout
    signature = url.partition("Signature=")[2].partition("&")[0]
    assert signature not in result.stdout
    document = documented(
        "explain", broken, "--public-key", public, "--now", str(NOW + 90_000), code=1
    )
    assert [finding["cause"] for finding in document["causes"]] == [15, 9]
    assert signature not in str(document)


def test_explain_with_everything_else_that_is_known(
    url: str, key: str, public: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    assert run("keys", "new", str(other)).exit_code == 0
    playlist = tmp_path / "a.m3u8"
    playlist.write_text("#EXTM3U\na0.ts\n", encoding="utf-8")
    sent = url.replace("cdn.example.com", "d111111abcdef8.cloudfront.net")
    document = documented(
        *("explain", url, "--request-url", sent, "--public-key", public, *AT),
        *("--private-key", str(other), "--host", "x.example.com", "--playlist", str(playlist)),
        *("--download-seconds", "2h", "--ip", "203.0.113.9"),
        code=1,
    )
    assert [finding["cause"] for finding in document["causes"]] == [26, 28, 47]
    assert [finding["cause"] for finding in document["warnings"]] == [49]
    same = documented("explain", url, "--public-key", public, "--private-key", key, *AT)
    assert same["causes"] == []


@pytest.mark.parametrize("option", ["--key", "--private-key"])
def test_explain_takes_the_key_of_verify(url: str, key: str, tmp_path: Path, option: str) -> None:
    assert run("verify", url, "--key", key, *AT).exit_code == 0
    document = documented("explain", url, option, key, *AT)
    assert (document["signature"], document["causes"]) == ("genuine", [])
    # The credential says under which id CloudFront knows the key.
    renamed = url.replace(KID, "K36X4X2EO997HM")
    document = documented("explain", renamed, option, key, *AT, code=1)
    assert [finding["cause"] for finding in document["causes"]] == [6]
    # A bare key is taken to be the one that the URL names.
    bare = tmp_path / "bare.pem"
    assert run("keys", "new", str(bare)).exit_code == 0
    document = documented("explain", url, option, str(bare), *AT, code=1)
    assert document["signature"] == "wrong"


def test_explain_leaves_the_key_of_the_environment_alone(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = {"SIGNER_KEY": make_credential(folder)}
    document = documented("explain", url, *AT, env=other)
    assert (document["signature"], document["causes"]) == ("unchecked", [])


def test_explain_keys_that_cloudfront_does_not_take(url: str, tmp_path: Path) -> None:
    large = rsa.generate_private_key(public_exponent=65537, key_size=4096).public_key()
    file = tmp_path / "large.pem"
    file.write_bytes(large.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    document = documented("explain", url, "--public-key", f"KLARGE1234567={file}", *AT)
    assert [finding["cause"] for finding in document["warnings"]] == [27]


def test_explain_cookies(key: str, public: str) -> None:
    options = ("--expires-in", "1h", "--key", key, *AT)
    lines = run("cookies", "https://cdn.example.com/films/*", *options).stdout
    elsewhere = "https://cdn.example.com/music/a.mp3"
    document = documented(
        "explain", elsewhere, "--cookies", lines, "--public-key", public, *AT, code=1
    )
    assert [finding["cause"] for finding in document["causes"]] == [37]
    alone = documented("explain", "--cookies", lines, "--public-key", public, *AT)
    assert alone["signature"] == "genuine"


def test_explain_needs_something_to_explain(public: str, tmp_path: Path) -> None:
    refused(run("explain"), "usage", exit_code=2)
    junk = tmp_path / "junk"
    junk.write_bytes(os.urandom(40))
    refused(run("explain", URL, "--public-key", f"{KID}={junk}"), "key_malformed")
    refused(run("explain", URL, "--public-key", public.partition("=")[2]), "usage", exit_code=2)
    refused(run("explain", URL, "--playlist", str(tmp_path / "none")), "os")


def test_a_url_cannot_write_to_the_terminal(public: str) -> None:
    result = run(
        "explain", "https://a.example/\x1b]0;owned\x07?Expires=\x1b[2J", "--public-key", public
    )
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout


def test_local_time_has_the_offset_of_its_season(url: str) -> None:
    if not hasattr(time, "tzset"):
        pytest.skip("the time zone cannot be set here")
    os_zone = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    try:
        winter = documented("explain", url, *AT)["grant"]["ends"]["local"]
        summer = documented(
            "explain", url.replace(str(NOW + 3600), str(NOW + 3600 + 182 * 86_400)), *AT
        )
        assert winter == "2027-01-15 10:00:00 CET"
        assert summer["grant"]["ends"]["local"] == "2027-07-16 11:00:00 CEST"
    finally:
        os.environ.pop("TZ") if os_zone is None else os.environ.update(TZ=os_zone)
        time.tzset()
