"""Configuration files: what they give, and how their mistakes are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from signer import PrivateKey
from signer.edge import (
    AddedHeader,
    Cors,
    Distribution,
    FolderOrigin,
    FunctionUrlOrigin,
    HttpOrigin,
    ResponseHeadersPolicy,
    S3Origin,
)
from signer.errors import ConfigurationError
from tests.edge.serving import KEY_PAIR_ID

WHOLE = """
domain_names = ["cdn.example.test"]
default_root_object = "index.html"
explain_header = true

[key_groups.viewers]
K2JCJMDEHXQW5F = "keys/viewer.pem"

[origins.media]
type = "folder"
path = "media"

[origins.backend]
type = "http"
url = "http://127.0.0.1:9000/base"
forward_host = true
connect_timeout = 3
read_timeout = 2.5

[origins.bucket]
type = "s3"
bucket = "private-bucket"
region = "eu-central-1"
endpoint_url = "http://127.0.0.1:4566"
prefix = "/site/"
access_key_id = "test"
secret_access_key = "test"

[origins.issuer]
type = "function_url"
url = "https://abc.lambda-url.eu-central-1.on.aws/"
endpoint_url = "http://127.0.0.1:4566"
prefix = "/v1/"
origin_access_control = false
connect_timeout = 3
read_timeout = 2.5
access_key_id = "test"
secret_access_key = "test"
session_token = "test"

[default_behavior]
origin = "bucket"
trusted_key_groups = ["viewers"]

[[behaviors]]
path_pattern = "/auth/*"
origin = "backend"
allowed_methods = "ALL"
forward_cookies = true

[[behaviors]]
path_pattern = "/assets/*"
origin = "media"

[[behaviors]]
path_pattern = "/headers/*"
origin = "media"
response_headers = "open"

[response_headers.open]
remove = ["x-powered-by"]
[response_headers.open.cors]
allow_origins = ["https://app.example.com"]
allow_methods = ["GET"]
allow_headers = ["Range"]
expose_headers = ["ETag"]
allow_credentials = true
max_age = 600
origin_override = true
[[response_headers.open.headers]]
name = "Referrer-Policy"
value = "no-referrer"
override = true

[assumptions]
clock_skew_seconds = 5
duplicate_cookies = "first"
unpadded_base64 = true
"""
MINIMAL = """
[origins.media]
type = "folder"
path = "media"
[default_behavior]
origin = "media"
"""


@pytest.fixture
def file(tmp_path: Path, p256_key: PrivateKey) -> Path:
    (tmp_path / "media").mkdir()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "viewer.pem").write_text(p256_key.public_key().to_pem())
    return tmp_path / "edge.toml"


def read(file: Path, text: str) -> Distribution:
    file.write_text(text, encoding="utf-8")
    return Distribution.from_toml(file)


def test_every_setting_arrives(file: Path, p256_key: PrivateKey) -> None:
    site = read(file, WHOLE)
    assert site.domain_names == ("cdn.example.test",)
    assert site.default_root_object == "index.html"
    assert site.explain_header
    assert site.key_groups["viewers"].keys[KEY_PAIR_ID] == p256_key.public_key()
    assert site.key_groups["viewers"].name == "viewers"
    assert site.origins["media"] == FolderOrigin(file.parent / "media")
    assert site.origins["backend"] == HttpOrigin(
        "http://127.0.0.1:9000/base", forward_host=True, connect_timeout=3, read_timeout=2.5
    )
    assert site.origins["bucket"] == S3Origin(
        "private-bucket",
        region="eu-central-1",
        endpoint_url="http://127.0.0.1:4566",
        prefix="site",
        access_key_id="test",
        secret_access_key="test",
    )
    assert site.origins["issuer"] == FunctionUrlOrigin(
        "https://abc.lambda-url.eu-central-1.on.aws/",
        endpoint_url="http://127.0.0.1:4566",
        prefix="v1",
        origin_access_control=False,
        connect_timeout=3,
        read_timeout=2.5,
        access_key_id="test",
        secret_access_key="test",
        session_token="test",
    )
    assert [behavior.path_pattern for behavior in site.behaviors] == [
        "/auth/*",
        "/assets/*",
        "/headers/*",
    ]
    assert site.behaviors[2].response_headers == ResponseHeadersPolicy(
        remove=("x-powered-by",),
        cors=Cors(
            allow_origins=("https://app.example.com",),
            allow_methods=("GET",),
            allow_headers=("Range",),
            expose_headers=("ETag",),
            allow_credentials=True,
            max_age=600,
            origin_override=True,
        ),
        headers=(AddedHeader(name="Referrer-Policy", value="no-referrer", override=True),),
    )
    assert site.behaviors[0].allowed_methods == "ALL"
    assert site.behaviors[0].forward_cookies
    assert site.default_behavior.trusted_key_groups == ("viewers",)
    assert site.assumptions.clock_skew_seconds == 5
    assert site.assumptions.duplicate_cookies == "first"
    assert site.assumptions.unpadded_base64


def test_little_is_needed(file: Path) -> None:
    site = read(file, MINIMAL)
    assert site.behaviors == ()
    assert site.default_behavior.allowed_methods == "GET_HEAD"


def test_keys_may_be_inline(file: Path, rsa_key: PrivateKey) -> None:
    pem = rsa_key.public_key().to_pem()
    site = read(file, f'{MINIMAL}\n[key_groups.g]\nK2JCJMDEHXQW5F = """\n{pem}"""')
    assert site.key_groups["g"].keys[KEY_PAIR_ID] == rsa_key.public_key()


MISTAKES = [
    # text, field, words of the message
    ("", "default_behavior", "is missing"),
    ("[default_behavior]\n", "default_behavior.origin", "is missing"),
    (
        MINIMAL.replace('"folder"', '"s4"'),
        "origins.media.type",
        "allowed are: folder, function_url, http, lambda, s3",
    ),
    (MINIMAL.replace('"folder"', '"foldr"'), "origins.media.type", "did you mean folder?"),
    (MINIMAL.replace('type = "folder"', ""), "origins.media.type", "is missing"),
    (MINIMAL.replace('"media"\n[', '"missing"\n['), "origins.media.path", "is not a folder"),
    (
        MINIMAL.replace('path = "media"', "path = 3"),
        "origins.media.path",
        "is a whole number, not a string",
    ),
    (MINIMAL.replace("path =", "pth ="), "origins.media.path", "is missing"),
    (
        MINIMAL + "trusted_keygroups = []",
        "default_behavior.trusted_keygroups",
        "did you mean trusted_key_groups?",
    ),
    (MINIMAL + 'path_pattern = "*"', "default_behavior.path_pattern", "is not a known setting"),
    (
        MINIMAL + 'trusted_key_groups = "viewers"',
        "default_behavior.trusted_key_groups",
        "is a string, not a list of strings",
    ),
    (
        MINIMAL + "trusted_key_groups = [1]",
        "default_behavior.trusted_key_groups[0]",
        "is a whole number, not a string",
    ),
    (
        MINIMAL + 'trusted_key_groups = ["g"]',
        "default_behavior.trusted_key_groups[0]",
        "there is no key group 'g'",
    ),
    (
        MINIMAL + 'allowed_methods = "GET_HED"',
        "default_behavior.allowed_methods",
        "did you mean GET_HEAD?",
    ),
    (
        MINIMAL + 'forward_cookies = "yes"',
        "default_behavior.forward_cookies",
        "is a string, not true or false",
    ),
    (
        MINIMAL.replace('origin = "media"', 'origin = "medai"'),
        "default_behavior.origin",
        "configured are: media",
    ),
    ('domain_name = ["x"]\n' + MINIMAL, "domain_name", "did you mean domain_names?"),
    ("domain_names = 2020-01-01\n" + MINIMAL, "domain_names", "is a date or time"),
    ('default_root_object = "/i"\n' + MINIMAL, "default_root_object", "without a leading slash"),
    (
        MINIMAL + '[behaviors]\npath_pattern = "/x"',
        "behaviors",
        "not a list of tables ([[behaviors]])",
    ),
    (MINIMAL + '[[behaviors]]\norigin = "media"', "behaviors[0].path_pattern", "is missing"),
    (
        MINIMAL + '[[behaviors]]\norigin = "media"\npath_pattern = "/a b"',
        "behaviors[0].path_pattern",
        "is not a path pattern",
    ),
    (MINIMAL + "[origins]\nx = 1", "origins.x", "is a whole number, not a table"),
    ("origins = 1\n[default_behavior]\norigin = 'x'", "origins", "is a whole number, not a table"),
    (MINIMAL + '[origins.b]\ntype = "http"\nurl = "nowhere"', "origins.b.url", "is not an address"),
    (
        MINIMAL + '[origins.b]\ntype = "http"\nurl = "http://h"\nread_timeout = "5"',
        "origins.b.read_timeout",
        "is a string, not a number",
    ),
    (
        MINIMAL + '[origins.b]\ntype = "http"\nurl = "http://h"\nread_timeout = true',
        "origins.b.read_timeout",
        "is true or false, not a number",
    ),
    (
        MINIMAL + '[origins.b]\ntype = "s3"\nbucket = "B"',
        "origins.b.bucket",
        "is not a bucket name",
    ),
    (
        MINIMAL + '[origins.b]\ntype = "s3"\nbucket = "bucket"\naccess_key_id = "x"',
        "origins.b.access_key_id",
        "needs secret_access_key",
    ),
    (
        MINIMAL + '[key_groups.g]\nK2JCJMDEHXQW5F = "missing.pem"',
        "key_groups.g.K2JCJMDEHXQW5F",
        "cannot be read",
    ),
    (
        MINIMAL + '[key_groups.g]\nK2JCJMDEHXQW5F = "-----BEGIN PUBLIC KEY-----\\nx"',
        "key_groups.g.K2JCJMDEHXQW5F",
        "no complete PEM public key",
    ),
    (
        MINIMAL + '[key_groups.g]\n"my-key" = "keys/viewer.pem"',
        "key_groups.g.my-key",
        "is not a key pair id",
    ),
    (MINIMAL + "[key_groups.g]\n", "key_groups.g", "has no public key"),
    (MINIMAL + "[key_groups]\ng = 1", "key_groups.g", "is a whole number, not a table"),
    (
        MINIMAL + '[viewer_certificate]\ncertificate = "x.pem"\nprivate_key = "y.pem"',
        "viewer_certificate.certificate",
        "is not a file",
    ),
    (
        MINIMAL + "[assumptions]\nclock_skew = 5",
        "assumptions.clock_skew",
        "did you mean clock_skew_seconds?",
    ),
    (
        MINIMAL + '[assumptions]\nclock_skew_seconds = "5"',
        "assumptions.clock_skew_seconds",
        "is a string, not a whole number",
    ),
    (
        MINIMAL + '[assumptions]\nduplicate_cookies = "both"',
        "assumptions.duplicate_cookies",
        "allowed are: deny, first, last",
    ),
    (
        MINIMAL + 'response_headers = "opne"\n[response_headers.open]',
        "default_behavior.response_headers",
        "did you mean open?",
    ),
    (
        MINIMAL + '[response_headers.a.cors]\nallow_methods = ["GET"]',
        "response_headers.a.cors.allow_origins",
        "names nobody",
    ),
    (
        MINIMAL + '[[response_headers.a.headers]]\nname = "a b"',
        "response_headers.a.headers[0].name",
        "is not the name of a header",
    ),
    (
        MINIMAL + '[response_headers.a]\nremove = ["via"]',
        "response_headers.a.remove[0]",
        "CloudFront does not remove 'via'",
    ),
    ("default_behavior = [", "", "is not TOML"),
]


@pytest.mark.parametrize(
    ("text", "field", "words"), MISTAKES, ids=[f"{i}-{m[1]}" for i, m in enumerate(MISTAKES)]
)
def test_mistakes_name_file_field_and_remedy(file: Path, text: str, field: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(file, text)
    message = str(caught.value)
    assert message.startswith(f"{file}: {field}")
    assert words in message
    assert caught.value.evidence["file"] == str(file)
    assert caught.value.evidence.get("field", "") == field


def test_a_private_key_is_refused_and_not_shown(file: Path, p256_key: PrivateKey) -> None:
    pem = p256_key.to_pem()
    with pytest.raises(ConfigurationError) as caught:
        read(file, f'{MINIMAL}\n[key_groups.g]\nK2JCJMDEHXQW5F = """{pem}"""')
    assert "private key" in str(caught.value)
    assert pem.split("\n")[1] not in str(caught.value)


def test_files_that_are_no_text(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        Distribution.from_toml(file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Distribution.from_toml(file.parent / "other.toml")
