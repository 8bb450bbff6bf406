"""The configuration file: what it may say, and what is refused by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk.config import Config, Functions, IssuerSettings, KeySettings, Site, Watching
from signer.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "cdk" / "example.toml"
CANARY = "s3cr3t-canary"


def read(folder: Path, text: str) -> Config:
    file = folder / "media.toml"
    file.write_text(text, encoding="utf-8")
    return Config.read(file)


def test_the_example_says_every_default() -> None:
    issuer = IssuerSettings(grants=EXAMPLE.parent / "grants.toml")
    assert Config.read(EXAMPLE) == Config(issuer=issuer)


def test_the_example_has_every_setting() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for section in (Config, Site, IssuerSettings, KeySettings, Watching, Functions):
        for name in section.__dataclass_fields__:
            assert f"\n{name} = " in text or f"\n# {name} = " in text or f"\n[{name}]" in text, name


def test_an_empty_file_is_a_stack(tmp_path: Path) -> None:
    assert read(tmp_path, "").name == "media"


def test_paths_belong_to_the_files_folder(tmp_path: Path) -> None:
    assert read(tmp_path, '[issuer]\ngrants = "who.toml"').issuer.grants == tmp_path / "who.toml"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('nmae = "x"', "nmae"),
        ('name = "Media"', "name"),
        ("name = 5", "name"),
        ('name = ""', "name"),
        ('site = "x"', "site"),
        ('delivery = "ftp"', "delivery"),
        ("[site]\ndomains = []", "site.domains"),
        ('[site]\ndomain_names = "a.example.com"', "site.domain_names"),
        ('[site]\ndomain_names = ["a.example.com"]', "site.domain_names"),
        ('[site]\ncertificate_arn = "arn:aws:acm:x"', "site.domain_names"),
        ('[site]\ndomain_names = ["*.example.com"]\ncertificate_arn = "a"', "site.domain_names"),
        ('[site]\ndomain_names = ["https://a.example.com"]\ncertificate_arn = "a"', "site.domain_names"),
        ('[site]\nhosted_zone_id = "Z1"', "site.hosted_zone_id"),
        ('[site]\npublic_paths = ["/*"]', "site.public_paths"),
        ('[site]\npublic_paths = ["*"]', "site.public_paths"),
        ('[site]\npublic_paths = ["/?*"]', "site.public_paths"),
        ('[site]\npublic_paths = ["//**"]', "site.public_paths"),
        ('[site]\npublic_paths = ["/a", "/a"]', "site.public_paths"),
        ('[site]\npublic_paths = ["static/*"]', "site.public_paths"),
        ('[site]\npublic_paths = ["/auth/*"]', "site.public_paths"),
        ('[site]\ncors_origins = ["*"]', "site.cors_origins"),
        ('[site]\ncors_origins = ["https://app.example.com/"]', "site.cors_origins"),
        ('[site]\nframe_ancestors = ["https://a.example.com; script-src *"]', "site.frame_ancestors"),
        ('[site]\nallowed_countries = ["Germany"]', "site.allowed_countries"),
        ('[site]\nallowed_countries = ["DE"]\ndenied_countries = ["AT"]', "site.denied_countries"),
        ("[site]\nrate_limit = 3", "site.rate_limit"),
        ("[site]\nrate_limit = true", "site.rate_limit"),
        ('[site]\nrate_limit = 500\nweb_acl_arn = "arn:aws:wafv2:x"', "site.rate_limit"),
        ('[site]\nurl = "http://localhost:8080/"', "site.url"),
        ("[site]\nprice_class = 100", "site.price_class"),
        ('[issuer]\noidc_client_id = "x"', "issuer.oidc_client_id"),
        ('[issuer]\noidc_client_secret_name = "x"', "issuer.oidc_client_secret_name"),
        ('[issuer]\nsession_lifetime = "an hour"', "issuer.session_lifetime"),
        ("[issuer]\nmemory = 64", "issuer.memory"),
        ("[issuer]\nreserved_concurrency = -1", "issuer.reserved_concurrency"),
        ("[issuer]\nsnap_start = true", "issuer.snap_start"),
        ('[issuer]\nsnap_start = true\n[site]\nurl = "https://a.example.com"\n[functions]\npython = "3.11"', "issuer.snap_start"),
        ('[keys]\nalgorithm = "RSA_4096"', "keys.algorithm"),
        ('[keys]\nperiod = "P90D"', "keys.period"),
        ('[keys]\nprobe_path = "/a/*"', "keys.probe_path"),
        ('[keys]\nprobe_path = "https://a.example.com/x"', "keys.probe_path"),
        ("[keys]\ntick_minutes = 0", "keys.tick_minutes"),
        ('[functions]\narchitecture = "sparc"', "functions.architecture"),
        ('[site]\nallowed_countries = ["DE"]', "site.allowed_countries"),
        ('[site]\ndenied_countries = ["US"]', "site.denied_countries"),
        ('[site]\npublic_paths = ["/.signer/*"]', "keys.probe_path"),
        ('[site]\npublic_paths = ["/?signer/prob*"]', "keys.probe_path"),
        ('[site]\npublic_paths = ["/*.*"]', "site.public_paths"),
        ('[site]\ndomain_names = ["a.example.org"]\nhosted_zone_id = "Z"\nhosted_zone_name = "example.com"', "site.domain_names"),
        ('[issuer]\nfront_end = "http_api"\n[site]\nrate_limit = 500', "site.rate_limit"),
        ('[issuer]\nfront_end = "http_api"\nsnap_start = true\n[site]\nurl = "https://a.example.com"', "issuer.snap_start"),
        ('delivery = "s3"\n[issuer]\ntracing = true', "issuer.tracing"),
        ('delivery = "s3"\n[site]\npublic_paths = ["/a"]', "site.public_paths"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert (caught.value.code, caught.value.evidence["field"]) == ("stack_setting", field)
    assert field in caught.value.message


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", None], ids=["toml", "utf-8", "none"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "media.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        Config.read(file)
    assert caught.value.code == "configuration_file"
    assert "media.toml" in caught.value.message
