"""`signer keys`."""

from __future__ import annotations

import json
import shlex
import stat
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from signer.credential import Credential
from signer.keys import KeyAlgorithm, PrivateKey, PublicKey
from tests.cli.running import (
    KID,
    URL,
    documented,
    make_credential,
    refused,
    run,
    secrets_of,
    write_private,
)


@pytest.mark.parametrize("name", ["p256", "rsa"])
def test_new_with_an_id_makes_a_credential(tmp_path: Path, name: str) -> None:
    file = tmp_path / "dev.json"
    options = ("--key-pair-id", KID, "--algorithm", name, "--max-lifetime", "1d")
    document = documented("keys", "new", str(file), *options)
    credential = Credential.from_json(file.read_text(encoding="utf-8"))
    assert credential.key_pair_id == document["key_pair_id"] == KID
    assert credential.max_lifetime.days == 1
    assert credential.held_key.algorithm.value == document["algorithm"]
    public = PublicKey.from_pem((tmp_path / "dev.pub.pem").read_bytes())
    assert public == credential.held_key.public_key()
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["dev", "a b", "it's; touch x", "$(touch x)"])
def test_two_steps_when_the_id_is_not_known_yet(tmp_path: Path, name: str) -> None:
    file, bound = tmp_path / f"{name}.pem", tmp_path / f"{name}.json"
    made = run("keys", "new", str(file))
    assert made.exit_code == 0
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    upload = next(line for line in made.stdout.splitlines() if line.startswith("aws "))
    config = json.loads(shlex.split(upload)[4])
    assert config["EncodedKey"] == (tmp_path / f"{name}.pub.pem").read_text(encoding="utf-8")
    assert set(config) == {"CallerReference", "Name", "EncodedKey"}
    bind = next(line for line in made.stdout.splitlines() if line.startswith("signer "))
    arguments = shlex.split(bind.replace("--key-pair-id ID", f"--key-pair-id {KID}"))[1:]
    assert run(*arguments).exit_code == 0
    assert run("url", URL, "--expires-in", "1h", "--key", f"file:{bound}").exit_code == 0


def test_the_way_to_use_a_key_is_quoted(tmp_path: Path) -> None:
    file = tmp_path / "a b; touch x.json"
    made = run("keys", "new", str(file), "--key-pair-id", KID)
    assert shlex.quote(f"file:{file}") in "".join(made.stdout.split("\n"))


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    for name in ("dev.json", "dev.pub.pem"):
        (tmp_path / name).write_text("precious", encoding="utf-8")
        refused(
            run("keys", "new", str(tmp_path / "dev.json"), "--key-pair-id", KID),
            "credential_exists",
        )
        assert (tmp_path / name).read_text(encoding="utf-8") == "precious"
        (tmp_path / name).unlink()
        assert list(tmp_path.iterdir()) == []


def test_what_no_issuer_takes_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    file = str(tmp_path / "dev.json")
    refused(run("keys", "new", file, "--key-pair-id", "E1A2B3C4D5E6F7"), "key_pair_id_other")
    refused(run("keys", "new", file, "--key-pair-id", "my key"), "key_pair_id")
    refused(run("keys", "new", file, "--key-pair-id", KID, "--max-lifetime", "0"), "max_lifetime")
    refused(run("keys", "new", file), "usage", exit_code=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_show_prints_nothing_private(tmp_path: Path, algorithm: KeyAlgorithm) -> None:
    uri = make_credential(tmp_path, algorithm)
    file = Path(uri.removeprefix("file:"))
    key = Credential.from_json(file.read_text(encoding="utf-8")).held_key
    pem = write_private(tmp_path / "key.pem", key.to_pem())
    der = write_private(
        tmp_path / "key.der",
        load_pem_private_key(key.to_pem().encode(), None).private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        ),
    )
    for path, kind in (
        (file, "credential_document"),
        (pem, "private_key"),
        (der, "private_key"),
        (file.with_suffix(".pub.pem"), "public_key"),
    ):
        document = documented("keys", "show", str(path))
        assert document["kind"] == kind
        assert document["fingerprint"] == key.public_key().fingerprint
        assert document["public_key_pem"] == key.public_key().to_pem()
        text = run("keys", "show", str(path))
        assert key.public_key().to_pem() in text.stdout
        for secret in secrets_of(key):
            assert secret not in text.output
            assert secret not in json.dumps(document)
    assert documented("keys", "show", str(file))["key_pair_id"] == KID


def test_a_passphrase_comes_from_the_environment(tmp_path: Path) -> None:
    key = PrivateKey.generate()
    pem = write_private(tmp_path / "key.pem", key.to_pem("open sesame"))
    bind = ("keys", "bind", str(pem), "--key-pair-id", KID, "-o", str(tmp_path / "dev.json"))
    refused(run(*bind), "key_passphrase")
    wrong = run(*bind, env={"SIGNER_PASSPHRASE": "close sesame"})
    refused(wrong, "key_malformed")
    assert "close sesame" not in wrong.output
    done = run(*bind, env={"SIGNER_PASSPHRASE": "open sesame"})
    assert done.exit_code == 0
    assert "open sesame" not in done.output
    for secret in secrets_of(key):
        assert secret not in done.output


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode bits")
@pytest.mark.parametrize("form", ["json", "pem", "encrypted", "der"])
def test_what_is_private_is_refused_when_others_can_read_it(tmp_path: Path, form: str) -> None:
    file = Path(make_credential(tmp_path).removeprefix("file:"))
    key = Credential.from_json(file.read_text(encoding="utf-8")).held_key
    loaded = load_pem_private_key(key.to_pem().encode(), None)
    content = {
        "json": file.read_bytes(),
        "pem": key.to_pem().encode(),
        "encrypted": key.to_pem("open sesame").encode(),
        "der": loaded.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    }[form]
    open_file = tmp_path / f"open.{form}"
    open_file.write_bytes(content)
    open_file.chmod(0o644)
    for arguments in (
        ("keys", "show", str(open_file)),
        ("explain", URL, "--private-key", f"file:{open_file}"),
        ("explain", URL, "--private-key", str(open_file)),
        ("verify", URL, "--public-key", f"{KID}={open_file}"),
    ):
        result = run(*arguments, env={"SIGNER_PASSPHRASE": "open sesame"})
        refused(result, "credential_permissions")
        assert f"chmod 600 {open_file}" in result.stderr
    open_file.chmod(0o600)
    assert run("keys", "show", str(open_file), env={"SIGNER_PASSPHRASE": "open sesame"}).stdout
    public = file.with_suffix(".pub.pem")
    public.chmod(0o644)
    assert run("keys", "show", str(public)).exit_code == 0


def test_a_lifetime_without_a_document_to_keep_it_in_is_wrong_usage(tmp_path: Path) -> None:
    result = run("keys", "new", str(tmp_path / "dev.pem"), "--max-lifetime", "1d")
    refused(result, "usage", exit_code=2)
    assert "--key-pair-id" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_bind_takes_a_bare_private_key_only(tmp_path: Path) -> None:
    uri = make_credential(tmp_path)
    file = Path(uri.removeprefix("file:"))
    rest = ("--key-pair-id", KID, "-o", str(tmp_path / "new.json"))
    refused(run("keys", "bind", str(file), *rest), "credential_bound")
    refused(run("keys", "bind", str(file.with_suffix(".pub.pem")), *rest), "key_public")
    refused(run("keys", "bind", str(tmp_path / "none"), *rest), "os")


def test_bind_keeps_hash_and_lifetime(tmp_path: Path) -> None:
    pem = write_private(tmp_path / "key.pem", PrivateKey.generate().to_pem())
    rest = (
        "--key-pair-id",
        KID,
        "-o",
        str(tmp_path / "a.json"),
        "--hash",
        "SHA1",
        "--max-lifetime",
        "2h",
    )
    document = documented("keys", "bind", str(pem), *rest)
    assert (document["hash_algorithm"], document["max_lifetime"]) == ("SHA1", 7200)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"{",
        b"-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        b"\xff\xfe{",
        b"0" * 2_000_000,
    ],
)
def test_what_is_no_key_is_refused_without_an_echo(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    result = run("keys", "show", str(file))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error[")
    assert "internal" not in result.stderr
    assert "canary" not in result.stderr
