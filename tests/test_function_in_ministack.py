"""The issuer as a Lambda function with a role that may do what docs/custody.md lists, and nothing else."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from signer import KeyAlgorithm, PrivateKey
from signer.credential import Credential, KmsKeyName
from signer.keys import PublicKey
from tests import issuing_function
from tests.issuing_function import KEY_PAIR_ID
from tests.lambda_asset import ROOT, make_asset
from tests.loopback_identity import IdentityProvider, identity_provider
from tests.ministack_cloud import Cloud, Function, running_cloud

pytestmark = [
    pytest.mark.ministack,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is for Linux"),
]

READS_SECRET, READS_PARAMETER = "secretsmanager:GetSecretValue", "ssm:GetParameter"
SIGNS = "kms:Sign"

# Where the credential is -> every action that its function needs.
ACTIONS = {
    "secretsmanager": {READS_SECRET},
    "ssm": {READS_PARAMETER},
    "secretsmanager with an RSA key in KMS": {READS_SECRET, SIGNS},
    "ssm with a P-256 key in KMS": {READS_PARAMETER, SIGNS},
}


@dataclass(frozen=True)
class Kept:
    uri: str
    key: PublicKey


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as running:
        yield running


@pytest.fixture(scope="module")
def asset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_asset(tmp_path_factory.mktemp("asset"), issuing_function.GRANTS)


@pytest.fixture(scope="module")
def kept(cloud: Cloud, p256_key: PrivateKey) -> dict[str, Kept]:
    """Credentials in every place, by the names in ACTIONS."""
    own = Credential(kid="own", key_pair_id=KEY_PAIR_ID, private_key=p256_key)
    rsa, rsa_key = in_kms(cloud, KeyAlgorithm.RSA_2048, "RSA_2048")
    ecdsa, ecdsa_key = in_kms(cloud, KeyAlgorithm.ECDSA_P256, "ECC_NIST_P256")
    return {
        "secretsmanager": Kept(secret(cloud, own), p256_key.public_key()),
        "ssm": Kept(parameter(cloud, own), p256_key.public_key()),
        "secretsmanager with an RSA key in KMS": Kept(secret(cloud, rsa), rsa_key),
        "ssm with a P-256 key in KMS": Kept(parameter(cloud, ecdsa), ecdsa_key),
    }


def secret(cloud: Cloud, credential: Credential) -> str:
    name = f"issuer/{credential.kid}"
    cloud.client("secretsmanager").create_secret(Name=name, SecretString=credential.to_json())
    return f"secretsmanager:{name}"


def parameter(cloud: Cloud, credential: Credential) -> str:
    name = f"/issuer/{credential.kid}"
    cloud.client("ssm").put_parameter(Name=name, Value=credential.to_json(), Type="SecureString")
    return f"ssm:{name}"


def in_kms(cloud: Cloud, algorithm: KeyAlgorithm, spec: str) -> tuple[Credential, PublicKey]:
    kms = cloud.client("kms")
    arn = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["Arn"]
    key = load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    credential = Credential(
        kid=f"kms-{spec}", key_pair_id=KEY_PAIR_ID, kms_key=KmsKeyName(arn, algorithm)
    )
    return credential, PublicKey.from_pem(pem)


@dataclass(frozen=True)
class Stage:
    cloud: Cloud
    provider: IdentityProvider
    asset: Path

    def deploy(self, kept: Kept, actions: Collection[str]) -> Function:
        variables = issuing_function.settings(self.provider, SIGNER_CREDENTIAL=kept.uri)
        return self.cloud.deploy(f"issuer-{uuid4().hex[:8]}", self.asset, variables, actions)


@pytest.fixture(scope="module")
def stage(cloud: Cloud, provider: IdentityProvider, asset: Path) -> Stage:
    return Stage(cloud, provider, asset)


@pytest.mark.parametrize("place", ACTIONS)
def test_the_listed_actions_are_enough(stage: Stage, kept: dict[str, Kept], place: str) -> None:
    function = stage.deploy(kept[place], ACTIONS[place])
    sent = issuing_function.headers(stage.provider.token(tenant="acme"))
    assert function.post("/auth/cookies", sent, signed=False).status_code == 403

    answer = function.post("/auth/cookies", sent)
    assert answer.status_code == 200, answer.text
    lines = answer.headers.get_list("set-cookie")
    for path, allowed in [
        ("/t/acme/docs/a.pdf", True),
        ("/trailers/a.mp4", True),
        ("/t/other/docs/a.pdf", False),
    ]:
        assert issuing_function.verdict_on(lines, path, kept[place].key).allowed is allowed, path


@pytest.mark.parametrize(
    ("place", "missing"),
    [(place, action) for place, actions in ACTIONS.items() for action in sorted(actions)],
)
def test_each_of_them_is_needed(
    stage: Stage, kept: dict[str, Kept], place: str, missing: str
) -> None:
    function = stage.deploy(kept[place], ACTIONS[place] - {missing})
    sent = issuing_function.headers(stage.provider.token(tenant="acme"))
    answer = function.post("/auth/cookies", sent)
    assert answer.status_code in {500, 502, 503}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get_list("set-cookie") == []
    problem = answer.json()
    assert re.fullmatch(r"[a-z][a-z0-9_]*", problem["code"])
    assert "arn:" not in answer.text, "who may do what is not the client's business"


def test_the_docs_list_these_actions() -> None:
    text = (ROOT / "docs" / "custody.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`((?:secretsmanager|ssm|kms):[A-Z][A-Za-z]+)`", text))
    assert set().union(*ACTIONS.values()) <= listed
