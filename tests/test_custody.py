from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from signer import Issuer, open_issuer
from signer.credential import Credential
from signer.custody import CustodyIssuer, read_credential, write_credential, write_key_file
from signer.errors import CredentialError
from signer.keys import KeyAlgorithm

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode bits")


@pytest.fixture(scope="module")
def credential() -> Credential:
    return Credential.new(key_pair_id="K2JCJMDEHXQW5F", algorithm=KeyAlgorithm.ECDSA_P256)


def test_a_written_file_opens_as_an_issuer(credential: Credential, tmp_path: Path) -> None:
    path = tmp_path / "dev key.json"
    write_credential(credential, path)
    issuer = open_issuer(f"file:{path}", clock=lambda: 1000)
    assert issuer.key_pair_id == credential.key_pair_id
    assert "?Expires=1060&" in issuer.signed_url("https://cdn.example.com/a", expires_in=60)


@posix
def test_a_written_file_is_its_owners_alone(credential: Credential, tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    old = os.umask(0)
    try:
        write_credential(credential, path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_existing_file_is_never_overwritten(credential: Credential, tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_text("the only copy")
    with pytest.raises(CredentialError) as caught:
        write_credential(credential, path)
    assert caught.value.code == "credential_exists"
    assert path.read_text() == "the only copy"


def test_a_place_that_cannot_be_written_is_told(credential: Credential, tmp_path: Path) -> None:
    with pytest.raises(CredentialError) as caught:
        write_credential(credential, tmp_path / "missing" / "dev.json")
    assert caught.value.code == "credential_write"


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_left_of_a_file_that_was_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    path = tmp_path / "dev.pem"

    def half_open(descriptor: int, *_: object, **__: object) -> None:
        os.write(descriptor, b"-----BEGIN")
        os.close(descriptor)
        raise failure

    monkeypatch.setattr("signer.custody.os.fdopen", half_open)
    with pytest.raises((CredentialError, KeyboardInterrupt)) as caught:
        write_key_file(path, "-----BEGIN PUBLIC KEY-----\n", secret=False)
    if isinstance(caught.value, CredentialError):
        assert caught.value.code == "credential_write"
        assert "No space left" in caught.value.message
    assert not path.exists()


def test_line_ends_are_the_same_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "dev.pub.pem"
    write_key_file(path, "a\nb\n", secret=False)
    assert path.read_bytes() == b"a\nb\n"


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o777])
def test_a_file_that_others_can_reach_is_refused(
    credential: Credential, tmp_path: Path, mode: int
) -> None:
    path = tmp_path / "dev.json"
    write_credential(credential, path)
    path.chmod(mode)
    with pytest.raises(CredentialError) as caught:
        open_issuer(f"file:{path}")
    assert caught.value.code == "credential_permissions"
    assert "chmod 600" in caught.value.advice


def test_the_home_directory_may_be_written_with_a_tilde(
    credential: Credential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_credential(credential, tmp_path / "dev.json")
    assert read_credential("file:~/dev.json").kid == credential.kid


def test_an_environment_variable_opens_as_an_issuer(
    credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNER_TEST_CREDENTIAL", credential.to_json())
    assert open_issuer("env:SIGNER_TEST_CREDENTIAL").key_pair_id == credential.key_pair_id


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("", "credential_uri"),
        ("dev.json", "credential_uri"),
        ("FILE:dev.json", "credential_uri"),
        ("https://example.com/key.json", "credential_uri"),
        ("file:~no-such-user-here/dev.json", "credential_uri"),
        ("file:dev\0.json", "credential_uri"),
        ("file:dev\ud800.json", "credential_uri"),
        ("file:no-such-file.json", "credential_missing"),
        ("file:", "credential_missing"),
        ("env:SIGNER_NO_SUCH_VARIABLE", "credential_missing"),
        ("env:", "credential_missing"),
    ],
)
def test_a_place_without_a_credential_is_told(
    uri: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CredentialError) as caught:
        open_issuer(uri)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "credential_uninitialised"),
        (b"{", "credential_json"),
        (b"\xff\xfe{\x00}\x00", "credential_json"),
        (b'{"version": 2}', "credential_field"),
    ],
)
def test_a_file_without_a_credential_is_told(content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(CredentialError) as caught:
        open_issuer(f"file:{path}")
    assert caught.value.code == code


def test_a_wrong_key_pair_id_is_told_on_opening(
    credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = credential.to_json().replace("K2JCJMDEHXQW5F", "my key")
    monkeypatch.setenv("SIGNER_TEST_CREDENTIAL", text)
    with pytest.raises(CredentialError, match="the key pair id is not made of"):
        open_issuer("env:SIGNER_TEST_CREDENTIAL")


def test_every_public_name_of_an_issuer_is_the_custody_issuers_own() -> None:
    # It has no key of its own, so that whatever it inherited would fail.
    public = {name for name in dir(Issuer) if not name.startswith("_")}
    assert public <= vars(CustodyIssuer).keys()
