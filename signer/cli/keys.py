"""``signer keys``: make, show and bind keys."""

from __future__ import annotations

import json
import shlex
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from signer.cli.sources import ALGORITHMS, KeyFile, read_key_file
from signer.cli.terminal import Report, Row, Section, Terminal, output_options
from signer.cli.times import Duration
from signer.credential import Credential
from signer.custody import write_credential, write_key_file
from signer.errors import CredentialError, KeyMaterialError
from signer.explain.moments import duration
from signer.issuer import DEFAULT_MAX_LIFETIME
from signer.keys import HashAlgorithm, PrivateKey, PublicKey

_PATH: Final = click.Path(path_type=Path, dir_okay=False)
_MAX_LIFETIME: Final = int(DEFAULT_MAX_LIFETIME.total_seconds())


@click.group()
def keys() -> None:
    """Make, show and bind keys.

    CloudFront gives a key its key pair id when the public half is uploaded. So: keys new makes
    the pair, you upload the public half, keys bind joins private key and id in a credential
    document, the one thing that --key needs.
    """


@keys.command()
@click.argument("file", type=_PATH)
@click.option("--key-pair-id", metavar="ID", help="CloudFront's id, when it is known already.")
@click.option("--algorithm", type=click.Choice(list(ALGORITHMS)), default="p256", show_default=True)
@click.option("--max-lifetime", type=Duration(), help="Longest life to sign [default: 7d].")
@output_options
def new(
    *,
    file: Path,
    key_pair_id: str | None,
    algorithm: str,
    max_lifetime: int | None,
    no_color: bool,
    as_json: bool,
) -> None:
    """Make a key pair.

    Without --key-pair-id FILE is the private key (PEM, readable by its owner only) and the next
    steps are printed. With it FILE is the finished credential document; use that for tests, or
    for a key that is uploaded under an id known beforehand. The public key is written beside it
    as FILE with the suffix .pub.pem. No file is ever overwritten.
    """
    if key_pair_id is None and max_lifetime is not None:
        raise click.UsageError(
            "--max-lifetime is kept in the credential document: give --key-pair-id with it, or"
            " give it to signer keys bind."
        )
    public_file = _public_file(file)
    private = PrivateKey.generate(ALGORITHMS[algorithm])
    if key_pair_id is None:
        if file.suffix == ".json":
            raise click.UsageError(
                f"Without --key-pair-id {file} would hold a PEM key; name it .pem."
            )
        write_key_file(file, private.to_pem(), secret=True)
    else:
        write_credential(_credential(private, key_pair_id, max_lifetime), file)
    write_key_file(public_file, private.public_key().to_pem(), secret=False)
    terminal = Terminal(as_json=as_json, no_color=no_color)
    if as_json:
        key = KeyFile(private.public_key())
        terminal.document(
            {"file": str(file), "public_key_file": str(public_file), **_document(key)}
            | {"key_pair_id": key_pair_id}
        )
        return
    rows = [Row("Private", f"{file} (keep it secret)"), Row("Public", str(public_file))]
    rows += [Row("Kind", private.algorithm.value)]
    report = Report("MADE", "good", str(file), [Section("Files", tuple(rows))])
    if key_pair_id is not None:
        report.sections.append(_use_of(file))
    terminal.report(report)
    if key_pair_id is None:
        terminal.lines(*_next_steps(file, private.public_key()))


@keys.command()
@click.argument("file", type=_PATH)
@output_options
def show(*, file: Path, no_color: bool, as_json: bool) -> None:
    """Show the public side of a key.

    FILE is a credential document, a private key or a public key. Nothing private is printed.
    """
    key = read_key_file(file)
    terminal = Terminal(as_json=as_json, no_color=no_color)
    if as_json:
        terminal.document(_document(key))
        return
    rows = [
        Row("Algorithm", key.public.algorithm.value),
        Row("Fingerprint", f"sha256:{key.public.fingerprint}"),
    ]
    if key.credential:
        lifetime = int(key.credential.max_lifetime.total_seconds())
        rows += [
            Row("Key pair id", key.credential.key_pair_id),
            Row("Hash", key.credential.hash_algorithm.value),
            Row("Longest life", duration(lifetime)),
            Row("Active since", key.credential.activated_at or "unknown"),
        ]
    terminal.report(Report("KEY", "plain", str(file), [Section(_kind(key), tuple(rows))]))
    terminal.lines("", *key.public.to_pem().splitlines())


@keys.command()
@click.argument("file", type=_PATH)
@click.option(
    "--key-pair-id", metavar="ID", required=True, help="CloudFront's id of the public key."
)
@click.option("-o", "--output", type=_PATH, required=True, help="Credential document to write.")
@click.option("--max-lifetime", type=Duration(), help="Longest life to sign [default: 7d].")
@click.option(
    "--hash",
    "hash_name",
    type=click.Choice([name.value for name in HashAlgorithm]),
    default="SHA256",
    show_default=True,
    help="Hash for all its signatures.",
)
@output_options
def bind(
    *,
    file: Path,
    key_pair_id: str,
    output: Path,
    max_lifetime: int | None,
    hash_name: str,
    no_color: bool,
    as_json: bool,
) -> None:
    """Join a private key and its key pair id in a credential document.

    FILE is the private key in PEM or DER; a passphrase is asked for, or taken from
    SIGNER_PASSPHRASE.
    """
    key = read_key_file(file)
    if key.private is None:
        raise KeyMaterialError("key_public", f"{file} holds a public key, not a private one")
    if key.credential is not None:
        raise CredentialError(
            "credential_bound",
            f"{file} is a credential already, for {key.credential.key_pair_id}",
            advice="give the PEM file; a key keeps its id for life",
        )
    hash_algorithm = HashAlgorithm[hash_name]
    credential = _credential(key.private, key_pair_id, max_lifetime, hash_algorithm)
    write_credential(credential, output)
    terminal = Terminal(as_json=as_json, no_color=no_color)
    if as_json:
        bound = KeyFile(key.public, key.private, credential)
        terminal.document({"file": str(output), **_document(bound)})
    else:
        terminal.report(Report("BOUND", "good", f"{key_pair_id} in {output}", [_use_of(output)]))


def _credential(
    private: PrivateKey,
    key_pair_id: str,
    max_lifetime: int | None,
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256,
) -> Credential:
    """Make a document, and refuse what no issuer would accept before anything is written."""
    credential = Credential(
        kid=str(uuid.uuid4()),
        key_pair_id=key_pair_id,
        private_key=private,
        hash_algorithm=hash_algorithm,
        max_lifetime=timedelta(seconds=_MAX_LIFETIME if max_lifetime is None else max_lifetime),
        activated_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    credential.issuer(clock=time.time)
    return credential


def _public_file(file: Path) -> Path:
    """Return the public key's file, after making sure that neither is there."""
    public = file.with_suffix(".pub.pem")
    for path in (file, public):
        if path.exists():
            raise CredentialError(
                "credential_exists",
                f"{path} exists already",
                advice="choose another name; keys are never overwritten",
            )
    return public


def _use_of(file: Path) -> Section:
    key = shlex.quote(f"file:{file}")
    command = f"signer url URL --expires-in 1h --key {key}"
    return Section("Use it", (Row("Sign", command), Row("Or set", f"SIGNER_KEY={key}")))


def _next_steps(file: Path, public: PublicKey) -> list[str]:
    name = f"{file.stem}-{public.fingerprint[:8]}"
    config = {
        "CallerReference": public.fingerprint[:32],
        "Name": name,
        "EncodedKey": public.to_pem(),
    }
    upload = (
        f"aws cloudfront create-public-key --public-key-config {shlex.quote(json.dumps(config))}"
        " --query PublicKey.Id --output text"
    )
    private, bound = (
        shlex.quote(f"./{name}" if name.startswith("-") else name)
        for name in (str(file), str(file.with_suffix(".json")))
    )
    return [
        "",
        "Next steps",
        "  1. Upload the public key; the answer is its key pair id:",
        "",
        upload,
        "",
        "  2. Put that id into a key group that your cache behavior trusts.",
        "  3. Bind it to the private key:",
        "",
        f"signer keys bind {private} --key-pair-id ID -o {bound}",
    ]


def _kind(key: KeyFile) -> str:
    if key.credential:
        return "Credential document"
    return "Private key" if key.private else "Public key"


def _document(key: KeyFile) -> dict[str, object]:
    credential = key.credential
    return {
        "kind": _kind(key).lower().replace(" ", "_"),
        "algorithm": key.public.algorithm.value,
        "fingerprint": key.public.fingerprint,
        "public_key_pem": key.public.to_pem(),
        "key_pair_id": credential.key_pair_id if credential else None,
        "hash_algorithm": credential.hash_algorithm.value if credential else None,
        "max_lifetime": int(credential.max_lifetime.total_seconds()) if credential else None,
    }
