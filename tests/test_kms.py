"""Keys that never leave KMS: what MiniStack's KMS signs, the verifier and the local edge accept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from signer import KeyAlgorithm, TrustedKeyGroup, Verifier, ViewerRequest, open_issuer
from signer.aws_json import AccessKey, JsonClient
from signer.credential import Credential, KmsKeyName
from signer.custody import public_key_of, read_credential
from signer.dev import ministack
from signer.edge import Behavior, Distribution, EdgeServer, FolderOrigin
from signer.errors import SigningError
from tests.ministack_cloud import Cloud, running_cloud

pytestmark = pytest.mark.ministack

KEY_PAIR_ID = "K2JCJMDEHXQW5F"
SPECS = {KeyAlgorithm.RSA_2048: "RSA_2048", KeyAlgorithm.ECDSA_P256: "ECC_NIST_P256"}
ClientOf = Callable[[str], Any]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture(params=["boto3", "json"])
def client_of(request: pytest.FixtureRequest, cloud: Cloud) -> ClientOf:
    if request.param == "boto3":
        return cloud.client
    key = AccessKey(ministack.ACCESS_KEY_ID, ministack.SECRET_ACCESS_KEY)
    return lambda service: JsonClient(
        service, region=ministack.REGION, access_key=key, endpoint_url=cloud.endpoint_url
    )


def in_kms(cloud: Cloud, algorithm: KeyAlgorithm, **changed: str) -> Credential:
    made = cloud.client("kms").create_key(
        KeyUsage="SIGN_VERIFY", KeySpec=changed.get("spec", SPECS[algorithm])
    )
    name = KmsKeyName(made["KeyMetadata"]["Arn"], algorithm)
    return Credential(kid="in-kms", key_pair_id=KEY_PAIR_ID, kms_key=name)


def kept(cloud: Cloud, credential: Credential, place: str) -> str:
    name = f"/kms/{uuid4().hex}"
    if place == "ssm":
        cloud.client("ssm").put_parameter(
            Name=name, Value=credential.to_json(), Type="SecureString"
        )
    else:
        cloud.client("secretsmanager").create_secret(Name=name, SecretString=credential.to_json())
    return f"{place}:{name}"


@pytest.mark.parametrize("place", ["secretsmanager", "ssm"])
@pytest.mark.parametrize("algorithm", list(SPECS))
def test_what_kms_signs_opens_the_local_edge(
    cloud: Cloud, client_of: ClientOf, algorithm: KeyAlgorithm, place: str, tmp_path: Path
) -> None:
    credential = in_kms(cloud, algorithm)
    uri = kept(cloud, credential, place)
    issuer = open_issuer(uri, client=client_of(place), kms_client=client_of("kms"))
    public = public_key_of(credential, kms_client=client_of("kms"))
    group = TrustedKeyGroup({KEY_PAIR_ID: public}, name="kms")

    base = "https://media.example.com"
    url = issuer.signed_url(f"{base}/a.txt", expires_in=600)
    cookies = issuer.signed_cookies(f"{base}/films/*", expires_in=600)
    verifier = Verifier([group])
    assert verifier.verify(ViewerRequest(url))
    assert verifier.verify(ViewerRequest(f"{base}/films/b", cookies=cookies.header()))
    assert not verifier.verify(ViewerRequest(f"{base}/b.txt?{url.partition('?')[2]}"))

    (tmp_path / "a.txt").write_text("private", encoding="utf-8")
    site = Distribution(
        origins={"files": FolderOrigin(tmp_path)},
        key_groups={"kms": group},
        default_behavior=Behavior(origin="files", trusted_key_groups=("kms",)),
    )

    async def ask() -> tuple[int, str, int]:
        async with EdgeServer(site, port=0, inspector_port=None) as edge:
            address = f"{edge.url}/a.txt"
            signed = await asyncio.to_thread(issuer.signed_url, address, expires_in=600)
            async with httpx.AsyncClient(trust_env=False) as viewer:
                opened, refused = await viewer.get(signed), await viewer.get(address)
            return opened.status_code, opened.text, refused.status_code

    assert asyncio.run(ask()) == (200, "private", 403)


def test_a_key_of_another_kind_signs_nothing(cloud: Cloud, client_of: ClientOf) -> None:
    credential = in_kms(cloud, KeyAlgorithm.ECDSA_P256, spec="RSA_2048")
    uri = kept(cloud, credential, "secretsmanager")
    issuer = open_issuer(uri, client=client_of("secretsmanager"), kms_client=client_of("kms"))
    with pytest.raises(SigningError):
        issuer.signed_url("https://media.example.com/a", expires_in=60)


def test_a_key_that_is_not_there_is_told(cloud: Cloud, client_of: ClientOf) -> None:
    arn = f"arn:aws:kms:{ministack.REGION}:000000000000:key/00000000-0000-0000-0000-000000000000"
    credential = Credential(
        kid="gone", key_pair_id=KEY_PAIR_ID, kms_key=KmsKeyName(arn, KeyAlgorithm.ECDSA_P256)
    )
    issuer = open_issuer(
        kept(cloud, credential, "secretsmanager"),
        client=client_of("secretsmanager"),
        kms_client=client_of("kms"),
    )
    with pytest.raises(SigningError) as caught:
        issuer.signed_url("https://media.example.com/a", expires_in=60)
    assert caught.value.code == "kms_missing"


def test_the_document_comes_back_as_it_was(cloud: Cloud, client_of: ClientOf) -> None:
    credential = in_kms(cloud, KeyAlgorithm.RSA_2048)
    uri = kept(cloud, credential, "secretsmanager")
    assert read_credential(uri, client=client_of("secretsmanager")) == credential
