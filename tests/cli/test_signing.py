"""`signer url` and `signer cookies`."""

from __future__ import annotations

from http.cookiejar import MozillaCookieJar
from pathlib import Path

import pytest

from signer.credential import Credential
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest
from tests.cli.running import KID, NOW, URL, documented, make_credential, refused, run

HOST = "https://cdn.example.com"


@pytest.fixture
def key(tmp_path: Path) -> str:
    return make_credential(tmp_path)


def allowed(
    key: str, url: str, cookies: str = "", *, ip: str | None = None, now: int = NOW
) -> bool:
    text = Path(key.removeprefix("file:")).read_text(encoding="utf-8")
    public = Credential.from_json(text).held_key.public_key()
    request = ViewerRequest(url, cookies=cookies, ip=ip)
    return Verifier([TrustedKeyGroup({KID: public})]).verify(request, now=now).allowed


def test_the_url_is_alone_on_standard_output(key: str) -> None:
    result = run("url", URL, "--expires-in", "1h", "--key", key, "--now", str(NOW))
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1
    url = result.stdout.strip()
    assert url.startswith(f"{URL}?Expires={NOW + 3600}&Signature=")
    assert allowed(key, url, now=NOW + 3599)
    assert not allowed(key, url, now=NOW + 3600)


def test_permission_for_a_pattern_needs_a_pattern(key: str) -> None:
    result = run("url", URL, "--allow-entire-distribution", "--expires-in", "1h", "--key", key)
    refused(result, "usage", exit_code=2)
    assert "--resource" in result.stderr


def test_the_key_may_come_from_the_environment(key: str) -> None:
    assert run("url", URL, "--expires-in", "60", env={"SIGNER_KEY": key}).exit_code == 0
    document = Path(key.removeprefix("file:")).read_text(encoding="utf-8")
    env = {"SIGNER_KEY": "env:CREDENTIAL", "CREDENTIAL": document}
    assert run("url", URL, "--expires-in", "60", env=env).exit_code == 0


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90m", 5400), ("1h30m", 5400), ("3600", 3600), ("7d", 604_800), ("1W", 604_800), ("45s", 45)],
)
def test_durations(key: str, given: str, seconds: int) -> None:
    document = documented("url", URL, "--expires-in", given, "--key", key, "--now", str(NOW))
    assert document["date_less_than"] == NOW + seconds


@pytest.mark.parametrize("given", ["2027-01-15T09:00:00Z", "2027-01-15T10:00+01:00", "1800003600"])
def test_points_in_time(key: str, given: str) -> None:
    document = documented("url", URL, "--until", given, "--key", key, "--now", str(NOW))
    assert document["date_less_than"] == NOW + 3600


@pytest.mark.parametrize(
    "options",
    [
        ("--expires-in", "soon"),
        ("--expires-in", "-5"),
        ("--expires-in", "1.5h"),
        ("--expires-in", ""),
        ("--until", "2027-01-15T09:00:00"),
        ("--until", "2027-01-15"),
        ("--until", "tomorrow"),
        ("--until", "1800003600", "--expires-in", "1h"),
        (),
    ],
)
def test_wrong_times_are_wrong_usage(key: str, options: tuple[str, ...]) -> None:
    refused(run("url", URL, *options, "--key", key), "usage", exit_code=2)


def test_many_urls_under_one_signature(key: str) -> None:
    text = f"{HOST}/films/a.ts\n\n{HOST}/films/b.ts?x=1\n"
    result = run(
        "url",
        "-",
        "--resource",
        f"{HOST}/films/*",
        "--expires-in",
        "1h",
        "--key",
        key,
        "--now",
        str(NOW),
        text=text,
    )
    lines = result.stdout.splitlines()
    assert [line.partition("Policy")[0] for line in lines] == [
        f"{HOST}/films/a.ts?",
        f"{HOST}/films/b.ts?x=1&",
    ]
    assert len({line.partition("Signature=")[2] for line in lines}) == 1
    assert all(allowed(key, line) for line in lines)


def test_conditions_make_a_custom_policy(key: str) -> None:
    options = (
        "--from",
        str(NOW - 60),
        "--ip",
        "203.0.113.0/24",
        "--expires-in",
        "1h",
        "--now",
        str(NOW),
    )
    url = run("url", URL, *options, "--key", key).stdout.strip()
    assert allowed(key, url, ip="203.0.113.9")
    assert not allowed(key, url, ip="198.51.100.9")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((f"{URL}#x",), "url_fragment"),
        ((URL, f"{URL}?Policy=1"), "url_reserved_parameter"),
        (("films/a.mp4",), "url_not_absolute"),
        ((URL, "--ip", "2001:db8::/32"), "ip_version"),
        ((URL, "--resource", f"{HOST}/music/*"), "resource_mismatch"),
        ((URL, "--resource", f"{HOST}/*"), "resource_too_broad"),
        ((URL, "--from", str(NOW + 7200)), "time_window"),
    ],
)
def test_refusals_print_nothing(key: str, arguments: tuple[str, ...], code: str) -> None:
    result = run("url", *arguments, "--expires-in", "1h", "--key", key, "--now", str(NOW))
    refused(result, code)
    as_json = run(
        "url", *arguments, "--expires-in", "1h", "--key", key, "--now", str(NOW), "--json"
    )
    assert as_json.stdout == ""
    assert as_json.stderr.startswith(f'{{"error": {{"code": "{code}"')


def test_a_life_beyond_the_credential_s_is_refused(key: str) -> None:
    refused(run("url", URL, "--expires-in", "8d", "--key", key), "time_lifetime")


def test_no_key_is_explained() -> None:
    result = run("url", URL, "--expires-in", "1h")
    refused(result, "usage", exit_code=2)
    assert "SIGNER_KEY" in result.stderr
    assert "keys new" in result.stderr
    refused(run("url", URL, "--expires-in", "1h", "--key", "vault:x"), "credential_uri")
    refused(
        run("url", URL, "--expires-in", "1h", "--key", "file:/no/such/file"), "credential_missing"
    )


def cookies(key: str, *options: str, resource: str = f"{HOST}/films/*") -> list[str]:
    result = run(
        "cookies", resource, "--expires-in", "1h", "--key", key, "--now", str(NOW), *options
    )
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_set_cookie_lines(key: str) -> None:
    lines = cookies(key)
    assert len(lines) == 5
    assert lines[0].startswith("Set-Cookie: CloudFront-Policy=")
    assert lines[0].endswith("; Path=/films/; Secure; HttpOnly; SameSite=Lax")
    shared = cookies(
        key, "--domain", "example.com", "--path", "/", "--same-site", "Strict", "--max-age", "1h"
    )
    assert shared[0].endswith(
        "; Path=/; Domain=example.com; Max-Age=3600; Secure; HttpOnly; SameSite=Strict"
    )
    assert cookies(key, "--cross-site")[0].endswith("; SameSite=None; Partitioned")


def test_cookie_header_and_curl_configuration(key: str) -> None:
    (line,) = cookies(key, "--format", "header")
    assert allowed(key, URL, line.removeprefix("Cookie: "))
    (curl,) = cookies(key, "--format", "curl")
    assert curl.startswith('cookie = "CloudFront-Policy=')
    assert allowed(key, URL, curl.removeprefix('cookie = "').removesuffix('"'))


def test_cookie_jar(key: str, tmp_path: Path) -> None:
    jar_file = tmp_path / "jar"
    jar_file.write_text("\n".join(cookies(key, "--format", "netscape")) + "\n", encoding="utf-8")
    jar = MozillaCookieJar(str(jar_file))
    jar.load(ignore_discard=True)
    assert {(cookie.domain, cookie.path, cookie.secure) for cookie in jar} == {
        ("cdn.example.com", "/films/", True)
    }
    assert allowed(key, URL, "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar))
    wild = f"{HOST.replace('cdn', '*')}/films/*"
    result = run(
        "cookies",
        wild,
        "--allow-entire-distribution",
        "--expires-in",
        "1h",
        "--key",
        key,
        "--format",
        "netscape",
    )
    refused(result, "cookie_domain_unknown")


def test_cookies_as_json(key: str) -> None:
    document = documented("cookies", URL, "--expires-in", "1h", "--key", key, "--now", str(NOW))
    assert "CloudFront-Expires" in document["cookies"]
    assert allowed(key, URL, document["header"])
    assert len(document["set_cookie"]) == 5


def test_clearing_needs_no_key() -> None:
    result = run("cookies", "--clear", f"{HOST}/films/*")
    assert result.exit_code == 0
    assert all("; Path=/films/; Max-Age=0;" in line for line in result.stdout.splitlines())
    assert len(documented("cookies", "--clear", "--path", "/")["set_cookie"]) == 5
    refused(run("cookies", "--clear"), "usage", exit_code=2)


def test_cookies_need_a_resource_and_good_attributes(key: str) -> None:
    refused(run("cookies", "--expires-in", "1h", "--key", key), "usage", exit_code=2)
    result = run(
        "cookies", f"{HOST}/films/*", "--expires-in", "1h", "--key", key, "--path", "/films/*"
    )
    refused(result, "cookie_path")
    result = run(
        "cookies", f"{HOST}/films/*", "--expires-in", "1h", "--key", key, "--domain", "example.org"
    )
    refused(result, "cookie_domain_mismatch")
