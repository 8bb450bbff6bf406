from __future__ import annotations

import json

import pytest

from signer.errors import RotationError
from signer.keys import KeyAlgorithm
from signer.rotation.stored_key import StoredKey

P256 = KeyAlgorithm.ECDSA_P256
KEY = StoredKey.new("a", P256)
DOCUMENT = json.loads(KEY.to_json())


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_a_key_comes_back_as_it_went(algorithm: KeyAlgorithm) -> None:
    made = StoredKey.new("a", algorithm)
    back = StoredKey.from_json(made.to_json(), kid="a", algorithm=algorithm)
    assert back.private_key.public_key() == made.private_key.public_key()
    assert "PRIVATE" not in repr(back)


PEM: str = DOCUMENT["private_key_pem"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "not json",
        "[" * 100_000,
        KEY.to_json()[:-40],
        json.dumps(DOCUMENT | {"version": 2}),
        json.dumps(DOCUMENT | {"kid": "b"}),
        json.dumps(DOCUMENT | {"private_key_pem": None}),
        json.dumps(DOCUMENT | {"private_key_pem": ""}),
        json.dumps(DOCUMENT | {"private_key_pem": PEM[:80]}),
        json.dumps(DOCUMENT | {"private_key_pem": PEM.replace("A", "B")}),
        StoredKey.new("a", KeyAlgorithm.RSA_2048).to_json(),
    ],
)
def test_anything_else_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(RotationError) as caught:
        StoredKey.from_json(text, kid="a", algorithm=P256)
    assert caught.value.code == "stored_key"
    assert "PRIVATE" not in str(caught.value)
    assert PEM.splitlines()[1][:20] not in str(caught.value)
    assert caught.value.__context__ is None
