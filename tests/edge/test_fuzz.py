"""Nothing that a viewer sends makes the edge raise, or serve what needs a signature."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signer import PrivateKey
from signer.edge import Behavior, Distribution, EdgeApp, FolderOrigin
from signer.edge.exchange import Recorder
from signer.edge.report import report
from tests.edge.serving import KEY_PAIR_ID, ask, group_of, issuer_of

SECRET = b"private content"
NAMES = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm", "expires", "a", ""]
target_bytes = st.binary(max_size=60).map(
    lambda data: bytes(byte for byte in data if 0x21 <= byte != 0x7F)
)
path_parts = st.lists(
    st.sampled_from(
        [
            b"/",
            b"private",
            b"%70rivate",
            b"..",
            b"%2e%2e",
            b".",
            b"%2f",
            b"%5c",
            b"\\",
            b"x.txt",
            b"%00",
            b"%",
            b"*",
            b"?",
            b"#",
            b"//",
            b"PRIVATE",
        ]
    ),
    max_size=10,
).map(lambda parts: b"/" + b"".join(parts))
values = st.one_of(
    st.sampled_from([b"", KEY_PAIR_ID.encode(), b"9999999999", b"SHA256"]), target_bytes
)
queries = st.lists(
    st.tuples(st.sampled_from(NAMES), values).map(lambda pair: pair[0].encode() + b"=" + pair[1]),
    max_size=8,
).map(b"&".join)
header_names = st.sampled_from(
    [
        b"cookie",
        b"range",
        b"if-none-match",
        b"if-modified-since",
        b"if-range",
        b"connection",
        b"content-length",
        b"transfer-encoding",
        b"x-forwarded-for",
        b"via",
    ]
)
header_values = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.tuples(st.sampled_from(["CloudFront-" + name for name in NAMES[:5]]), values), max_size=6
    ).map(lambda pairs: b"; ".join(name.encode() + b"=" + value for name, value in pairs)),
)
methods = st.sampled_from(
    ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "TRACE", "get", "", "G\x00T"]
)
requests = st.fixed_dictionaries(
    {
        "raw_path": st.one_of(path_parts, target_bytes, target_bytes.map(lambda data: b"/" + data)),
        "query": st.one_of(queries, target_bytes),
        "method": methods,
        "headers": st.lists(st.tuples(header_names, header_values), max_size=4),
        "host": st.one_of(st.just(b"edge.test"), st.binary(max_size=30), st.none()),
        "peer": st.sampled_from([("127.0.0.1", 1), ("::1", 1), ("", 0), None]),
    }
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, p256_key: PrivateKey) -> Distribution:
    folder = tmp_path_factory.mktemp("site")
    (folder / "private").mkdir()
    (folder / "private" / "x.txt").write_bytes(SECRET)
    (folder / "x.txt").write_text("public")
    return Distribution(
        origins={"folder": FolderOrigin(folder)},
        key_groups={"viewers": group_of(p256_key)},
        behaviors=(
            Behavior(
                origin="folder",
                path_pattern="/private/*",
                trusted_key_groups=("viewers",),
                allowed_methods="ALL",
            ),
        ),
        default_behavior=Behavior(origin="folder", allowed_methods="ALL"),
        default_root_object="x.txt",
        explain_header=True,
    )


@settings(max_examples=800)
@given(request=requests)
def test_no_request_raises_or_gets_the_secret(site: Distribution, request: dict[str, Any]) -> None:
    recorder = Recorder()
    answer = ask(
        EdgeApp(site, recorder=recorder), request.pop("raw_path"), request.pop("query"), **request
    )
    assert answer.complete
    assert answer.status in {200, 206, 304, 400, 403, 404, 405, 414, 416, 494}
    assert SECRET not in answer.body
    if answer.header("content-type") == "text/xml":
        assert ET.fromstring(answer.body).tag == "Error"
    # The inspector can describe whatever came.
    for exchange in recorder.all():
        assert report(exchange)["status"] == answer.status


@settings(max_examples=300)
@given(path=path_parts)
def test_a_signature_for_one_folder_opens_no_other(
    site: Distribution, p256_key: PrivateKey, path: bytes
) -> None:
    cookies = issuer_of(p256_key).signed_cookies(
        "http://edge.test/public/*", expires_in=timedelta(hours=1)
    )
    cookie = [(b"cookie", cookies.header().encode())]
    answer = ask(EdgeApp(site), b"/public" + path, headers=cookie)
    assert SECRET not in answer.body
