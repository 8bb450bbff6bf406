"""No forged token passes, each is refused with its own code, and no error tells what was in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from signer.errors import IdentityError
from signer.oidc.provider import Provider
from signer.oidc.tokens import TokenVerifier
from tests.oidc.fake_provider import Clock, FakeProvider, fake_provider, page
from tests.oidc.forged_tokens import CASES
from tests.oidc.forging import Forge, odd_keys
from tests.oidc.token_maker import AUDIENCE, CLIENT_ID, Maker


@dataclass(frozen=True)
class Bench:
    """One provider and one verifier for the whole table."""

    remote: FakeProvider
    maker: Maker
    verifier: TokenVerifier


@pytest.fixture(scope="module")
def bench(token_keys: Maker) -> Iterator[Bench]:
    clock = Clock()
    with fake_provider() as remote:
        maker = replace(token_keys, issuer=remote.url, now=clock.now)
        remote.publish(maker.rsa, maker.ec, *odd_keys(maker))
        remote.pages["/attacker"] = page({"keys": [maker.stranger.as_dict(private=False)]})
        provider = Provider(remote.url, clock=clock)
        verifier = TokenVerifier(provider, audience=AUDIENCE, client_id=CLIENT_ID, clock=clock)
        yield Bench(remote, maker, verifier)


@pytest.mark.parametrize(
    ("code", "forge"),
    [pytest.param(code, forge, id=f"{code}: {name!a}") for code, name, forge in CASES],
)
def test_a_forged_token_is_refused_with_its_code(bench: Bench, code: str, forge: Forge) -> None:
    token = forge(bench.maker)
    with pytest.raises(IdentityError) as caught:
        bench.verifier.verify(token)
    assert caught.value.code == code
    shown = f"{caught.value} {caught.value!r} {dict(caught.value.evidence)}"
    assert not any(len(part) > 3 and part in shown for part in token.split("."))
    # Whatever it named, only the configured provider was asked.
    assert set(bench.remote.asked) <= {"/.well-known/openid-configuration", "/keys"}


@pytest.mark.parametrize(
    ("code", "forge"),
    [pytest.param(code, forge, id=f"{code}: {name!a}") for code, name, forge in CASES],
)
def test_nor_does_it_pass_as_an_id_token(bench: Bench, code: str, forge: Forge) -> None:
    token = forge(replace(bench.maker, audience=CLIENT_ID))
    with pytest.raises(IdentityError) as caught:
        bench.verifier.verify_id(token, nonce=None)
    assert caught.value.code == code


@pytest.mark.parametrize("token", [None, b"a.b.c", 7, ["a.b.c"], {}], ids=repr)
def test_what_is_no_text_is_no_token(bench: Bench, token: object) -> None:
    with pytest.raises(IdentityError) as caught:
        bench.verifier.verify(token)  # type: ignore[arg-type]
    assert caught.value.code == "token_missing"


def test_the_table_is_as_large_as_it_says(bench: Bench) -> None:
    """Different tokens under different names, and the untouched one beside them is fine."""
    tokens = [forge(bench.maker) for _code, _name, forge in CASES]
    assert len(set(tokens)) >= 150
    assert bench.verifier.verify(bench.maker.token())["sub"] == "ada"
    ours = replace(bench.maker, audience=CLIENT_ID).token()
    assert bench.verifier.verify_id(ours, nonce=None)["sub"] == "ada"
