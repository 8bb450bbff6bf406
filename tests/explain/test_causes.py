"""Every cause of the catalogue is produced for real and found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from signer.encoding import encode_base64
from signer.explain import CATALOGUE
from signer.explain.finding import hinted
from signer.keys import PrivateKey
from tests.explain import accidents_request, accidents_signature, accidents_url
from tests.explain.making import ACCIDENTS, Keys

MODULES = (
    accidents_request,
    accidents_signature,
    accidents_url,
)  # importing them registers their accidents

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "explain.md"
OFFLINE = (
    {1, 2, 3, 6, 8, 9, 10, 11, 12} | set(range(14, 41)) | {47, 48, 49, 50, 51}
)  # marked as detectable without AWS


@pytest.fixture(scope="session")
def keys(p256_key: PrivateKey, rsa_key: PrivateKey) -> Keys:
    return Keys(p256=p256_key, rsa=rsa_key, other=PrivateKey.generate())


@pytest.mark.parametrize("name", ACCIDENTS)
def test_the_cause_is_found_and_no_other(name: str, keys: Keys) -> None:
    accident = ACCIDENTS[name]
    explanation = accident.build(keys)
    found = {(finding.cause, finding.severity) for finding in explanation.findings}
    assert (accident.cause, accident.severity) in found
    own = {accident.cause} if accident.severity == "cause" else set()
    assert {finding.cause for finding in explanation.causes} == own | accident.also
    assert explanation.refused == bool(own | accident.also)
    assert json.loads(json.dumps(explanation.to_dict()))["refused"] == explanation.refused


@pytest.mark.parametrize("name", ACCIDENTS)
def test_no_finding_shows_a_signature(name: str, keys: Keys) -> None:
    explanation = ACCIDENTS[name].build(keys)
    for finding in explanation.findings:
        assert finding.title
        assert finding.seen.isascii()
        assert finding.seen.isprintable()
        assert not re.search(r"[A-Za-z0-9~+-]{60}", finding.seen)
        assert finding.seen.endswith((".", "...")), finding.seen


def test_every_cause_of_the_catalogue_is_produced() -> None:
    assert {accident.cause for accident in ACCIDENTS.values()} == set(CATALOGUE)
    assert len(OFFLINE & set(CATALOGUE)) >= 40
    assert set(CATALOGUE) - OFFLINE == {4}


def test_the_document_lists_exactly_what_is_detected() -> None:
    rows = re.findall(
        r"^\| ([0-9]+) \| (.*) \| (.*) \| (.*) \|$",
        DOCUMENT.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    expected = [
        (str(cause.number), cause.title, cause.detects, cause.advice)
        for cause in CATALOGUE.values()
    ]
    assert rows == expected


def test_codes_are_unique_and_in_order() -> None:
    assert len({cause.code for cause in CATALOGUE.values()}) == len(CATALOGUE)
    assert list(CATALOGUE) == sorted(CATALOGUE)


def test_a_hint_is_never_the_whole_value() -> None:
    secret = encode_base64(bytes(range(64)))
    assert secret not in hinted(secret)
    assert len(hinted(secret)) < 40
