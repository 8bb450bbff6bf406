"""The check of the tree finds what it is for, and nothing in what only looks like it."""

from __future__ import annotations

import pytest

from tools import check_tree

BODY = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg"
ARMOUR = "-----BEGIN {}PRIV" + "ATE KEY-----"


@pytest.mark.parametrize(
    "line",
    [
        "https://py" + "pi.org/simple",
        "see FILES.python" + "hosted.org",
        "index = registry.npm" + "js.org",
        "open('/ho" + "me/ann/x')",
        "/ro" + "ot/.cache",
        "folder=/tm" + "p/x",
        "/Use" + "rs/ann/x",
        "C:\\Use" + "rs\\ann",
        '"C:\\\\Use' + 'rs\\\\ann"',
        f"in {check_tree.ROOT}/signer",
        ARMOUR.format("") + "\n" + BODY,
        ARMOUR.format("RSA ") + "\r\n  " + BODY,
        '"' + ARMOUR.format("EC ") + "\\n" + BODY + '"',
        '"' + ARMOUR.format("ENCRYPTED ") + '"\n  "' + BODY + '"',
    ],
)
def test_a_forbidden_line_is_found_with_its_number(line: str) -> None:
    findings = check_tree.check_file("docs/x.md", f"first\n{line}\n".encode())
    assert findings, line
    assert findings[0].startswith("docs/x.md:2: ")


@pytest.mark.parametrize(
    "line",
    [
        "https://d111111abcdef8.cloudfront.net/home/ann/film.m3u8",
        "https://example.com/tmp/file",
        "(/home) and /roots",
        "mypypi.orgs",
        ARMOUR.format("") + " is the first line of a PKCS#8 file",
        ARMOUR.format("") + "\nnot base64 at all\n",
        "-----BEGIN PUBLIC KEY-----\n" + BODY,
    ],
)
def test_an_innocent_line_passes(line: str) -> None:
    assert check_tree.check_file("docs/x.md", line.encode()) == []


def test_only_the_vectors_may_hold_keys() -> None:
    key = (ARMOUR.format("") + "\n" + BODY).encode()
    (allowed,) = check_tree.KEYS_ALLOWED_IN
    assert check_tree.check_file(allowed, key) == []
    assert check_tree.check_file("tests/vectors/other.json", key)


def test_a_binary_file_is_searched_too() -> None:
    assert check_tree.check_file("a.png", b"\x89PNG\x00\xff" + b" /ro" + b"ot/photo.psd\x00")


def test_large_files_and_long_modules_are_refused() -> None:
    assert check_tree.check_file("film.ts", bytes(check_tree.LARGEST_FILE)) == []
    assert check_tree.check_file("film.ts", bytes(check_tree.LARGEST_FILE + 1))
    assert check_tree.check_file("signer/x.py", b"\n" * check_tree.TOO_LONG_MODULE) == []
    assert check_tree.check_file("signer/x.py", b"\n" * (check_tree.TOO_LONG_MODULE + 1))
