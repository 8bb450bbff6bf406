"""Settings: read once, checked as a whole, and every mistake named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.errors import ConfigurationError, SignerError
from signer.service import Settings
from signer.service.settings import ALLOWED

LEAST = {
    "SIGNER_BASE_URL": "https://media.example.com",
    "SIGNER_CREDENTIAL": "file:key.json",
    "SIGNER_GRANTS": "file:grants.toml",
}
LOG_IN = {
    "SIGNER_OIDC_ISSUER": "https://id.example.com/pool",
    "SIGNER_OIDC_CLIENT_ID": "abc",
    "SIGNER_SESSION_KEYS": "secretsmanager:keys",
}
DOCUMENT = Path(__file__).parents[2] / "docs" / "issuer.md"


def test_the_least_that_works() -> None:
    settings = Settings.from_environment(LEAST)
    assert settings.front_end == "function_url"
    assert settings.delivery == "cloudfront"
    assert settings.allowed_origins == {"https://media.example.com"}
    assert settings.oidc_issuer is None


@pytest.mark.parametrize("missing", LEAST)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_needed_is_named(missing: str, value: str | None) -> None:
    environ = {**LEAST, missing: value} if value is not None else dict(LEAST)
    if value is None:
        del environ[missing]
    with pytest.raises(ConfigurationError, match=missing) as caught:
        Settings.from_environment({n: v for n, v in environ.items() if v is not None})
    assert caught.value.evidence["variable"] == missing


WRONG = [
    ("SIGNER_FRONT_END", "lambda"),
    ("SIGNER_BASE_URL", "http://media.example.com"),
    ("SIGNER_BASE_URL", "https://media.example.com/path"),
    ("SIGNER_BASE_URL", "https://media.example.com:443"),
    ("SIGNER_BASE_URL", "https://user@media.example.com"),
    ("SIGNER_BASE_URL", "https://Media.example.com"),
    ("SIGNER_DELIVERY", "S3"),
    ("SIGNER_CREDENTIAL", "key.json"),
    ("SIGNER_CREDENTIAL", "s3:key"),
    ("SIGNER_GRANTS", "file: grants"),
    ("SIGNER_OIDC_ISSUER", "http://id.example.com"),
    ("SIGNER_OIDC_ISSUER", "https://id.example.com?x=1"),
    ("SIGNER_OIDC_CLIENT_SECRET", "the secret itself"),
    ("SIGNER_OIDC_SCOPES", "email"),
    ("SIGNER_OIDC_LOGOUT_URL", "/logout"),
    ("SIGNER_TOKEN_USE", "refresh"),
    ("SIGNER_SESSION_LIFETIME", "1d"),
    ("SIGNER_SESSION_LIFETIME", "4m"),
    ("SIGNER_SESSION_LIFETIME", "25h"),
    ("SIGNER_CLAIMS_MAX_AGE", "-1"),
    ("SIGNER_IDENTITY_GRACE", "2h"),
    ("SIGNER_ALLOWED_ORIGINS", "*"),
    ("SIGNER_ALLOWED_ORIGINS", "https://*.example.com"),
    ("SIGNER_ALLOWED_ORIGINS", "https://app.example.com/"),
    ("SIGNER_ALLOWED_ORIGINS", "null"),
    ("SIGNER_CROSS_SITE_COOKIES", "yes"),
    ("SIGNER_BUCKET", "Bucket"),
    ("SIGNER_KEY_PREFIX", "/media"),
    ("SIGNER_KEY_PREFIX", "media"),
    ("SIGNER_REGION", "Frankfurt"),
    ("SIGNER_IMAGES_GRANT", "a b"),
    ("SIGNER_TRACING", "1"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment({**LEAST, **LOG_IN, name: value})
    assert caught.value.evidence["variable"] == name
    text = str(caught.value)
    assert name in text
    assert ALLOWED[name] in text
    assert value not in text.replace(ALLOWED[name], "")


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({**LEAST, "SIGNER_DELIVERY": "s3"}, "SIGNER_BUCKET"),
        ({**LEAST, **LOG_IN, "SIGNER_SESSION_KEYS": ""}, "SIGNER_SESSION_KEYS"),
        ({**LEAST, **LOG_IN, "SIGNER_OIDC_ISSUER": ""}, "SIGNER_OIDC_ISSUER"),
        ({**LEAST, "SIGNER_TOKEN_AUDIENCE": "a"}, "SIGNER_OIDC_ISSUER"),
        ({**LEAST, "SIGNER_OIDC_ISSUER": "https://id.example.com"}, "SIGNER_OIDC_CLIENT_ID"),
        ({**LEAST, "SIGNER_OIDC_CLIENT_SECRET": "ssm:/a"}, "SIGNER_OIDC_CLIENT_ID"),
        ({**LEAST, **LOG_IN, "SIGNER_TOKEN_USE": "access"}, "SIGNER_TOKEN_CLIENT_ID"),
        (
            {**LEAST, **LOG_IN, "SIGNER_TOKEN_AUDIENCE": "a", "SIGNER_TOKEN_CLIENT_ID": "b"},
            "SIGNER_TOKEN_CLIENT_ID",
        ),
    ],
)
def test_settings_that_need_each_other(environ: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment(environ)
    assert caught.value.evidence["variable"] == named


@given(st.sampled_from(sorted(ALLOWED)), st.text(st.characters(codec="utf-8"), max_size=80))
def test_any_value_is_taken_or_refused_by_name(name: str, value: str) -> None:
    told = ""
    try:
        Settings.from_environment({**LEAST, **LOG_IN, name: value})
    except SignerError as error:
        told = str(error)
    assert not told or re.match(r"SIGNER_[A-Z_]+ ", told)


def test_the_document_names_every_variable_and_no_other() -> None:
    named = set(re.findall(r"^\| `(SIGNER_\w+)`", DOCUMENT.read_text("utf-8"), re.MULTILINE))
    assert named == set(ALLOWED)
