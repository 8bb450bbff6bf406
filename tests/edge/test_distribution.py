"""The model: references between its parts, order of behaviors, host names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signer import PrivateKey
from signer.edge import Behavior, Distribution, FolderOrigin, HttpOrigin, S3Origin
from signer.errors import ConfigurationError
from signer.verifier import TrustedKeyGroup
from tests.edge.serving import group_of


def site(**options: Any) -> Distribution:  # noqa: ANN401 - whatever the class takes
    return Distribution(
        origins={"o": HttpOrigin("http://127.0.0.1:9000")},
        **{"default_behavior": Behavior(origin="o"), **options},
    )


def test_the_first_behavior_that_matches_wins() -> None:
    first, second = (Behavior(origin="o", path_pattern=pattern) for pattern in ("/a/*", "/a/b/*"))
    distribution = site(behaviors=(first, second))
    assert distribution.behavior_for("/a/b/c") is first
    assert distribution.behavior_for("/x") is distribution.default_behavior


@pytest.mark.parametrize(
    "path",
    [
        "/private/x",
        "/%70rivate/x",
        "//private//x",
        "/a/../private/x",
        "/private/./x",
        "/private//../x",
        "/private/%2f/../x",
    ],
)
def test_no_spelling_of_a_path_slips_past_its_behavior(path: str) -> None:
    private = Behavior(origin="o", path_pattern="/private/*")
    assert site(behaviors=(private,)).behavior_for(path) is private


@pytest.mark.parametrize(
    ("names", "host", "served"),
    [
        ((), "anything", True),
        (("cdn.example.com",), "cdn.example.com", True),
        (("cdn.example.com",), "CDN.example.com:8080", True),
        (("cdn.example.com",), "example.com", False),
        (("*.example.com",), "a.b.example.com", True),
        (("*.example.com",), "example.com", False),
        (("*.example.com",), "badexample.com", False),
    ],
)
def test_host_names(names: tuple[str, ...], host: str, served: bool) -> None:
    assert site(domain_names=names).serves_host(host) is served


WRONG: list[tuple[str, Callable[[], object]]] = [
    ("default_behavior.origin", lambda: site(default_behavior=Behavior(origin="other"))),
    (
        "default_behavior.path_pattern",
        lambda: site(default_behavior=Behavior(origin="o", path_pattern="/x")),
    ),
    ("behaviors[0].origin", lambda: site(behaviors=[Behavior(origin="p", path_pattern="/x")])),
    (
        "behaviors[0].trusted_key_groups[0]",
        lambda: site(
            behaviors=[Behavior(origin="o", path_pattern="/x", trusted_key_groups=("g",))]
        ),
    ),
    (
        "behaviors[1].path_pattern",
        lambda: site(
            behaviors=[Behavior(origin="o", path_pattern=pattern) for pattern in ("/x", "x")]
        ),
    ),
    ("key_groups.g", lambda: site(key_groups={"g": TrustedKeyGroup({}, name="g")})),
    ("domain_names[0]", lambda: site(domain_names=("Example.com",))),
    ("domain_names[0]", lambda: site(domain_names=("https://example.com",))),
    ("default_root_object", lambda: site(default_root_object="/index.html")),
    ("default_root_object", lambda: site(default_root_object="a b")),
    ("allowed_methods", lambda: Behavior(origin="o", allowed_methods="GET")),  # type: ignore[arg-type] # wrong on purpose
    ("path_pattern", lambda: Behavior(origin="o", path_pattern="/a b")),
    ("url", lambda: HttpOrigin("ftp://example.com")),
    ("url", lambda: HttpOrigin("http://")),
    ("url", lambda: HttpOrigin("http://[::1")),
    ("url", lambda: HttpOrigin("http://h:99999")),
    ("url", lambda: HttpOrigin("http://u:p@h/")),
    ("url", lambda: HttpOrigin("http://h/?q")),
    ("url", lambda: HttpOrigin("http://h/\nx")),
    ("read_timeout", lambda: HttpOrigin("http://h", read_timeout=0)),
    ("bucket", lambda: S3Origin("Bad_Bucket")),
    ("region", lambda: S3Origin("bucket", region="us east")),
    ("prefix", lambda: S3Origin("bucket", prefix="a?b")),
    ("endpoint_url", lambda: S3Origin("bucket", endpoint_url="localhost:9000")),
    ("access_key_id", lambda: S3Origin("bucket", access_key_id="x")),
]


@pytest.mark.parametrize(
    ("field", "build"), WRONG, ids=[f"{i}-{field}" for i, (field, _) in enumerate(WRONG)]
)
def test_wrong_settings_are_named(field: str, build: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert caught.value.evidence["field"] == field
    assert str(caught.value).startswith(field)


def test_secrets_are_not_shown() -> None:
    origin = S3Origin(
        "bucket", access_key_id="AKIA", secret_access_key="hidden", session_token="hidden"
    )
    assert "hidden" not in repr(origin)


def test_a_folder_may_be_given_as_text() -> None:
    assert FolderOrigin("media").path == Path("media")  # type: ignore[arg-type] # people do this


def test_key_groups_are_found_by_name(p256_key: PrivateKey) -> None:
    behavior = Behavior(origin="o", trusted_key_groups=("viewers",))
    distribution = site(default_behavior=behavior, key_groups={"viewers": group_of(p256_key)})
    assert p256_key.public_key() in distribution.key_groups["viewers"].keys.values()
