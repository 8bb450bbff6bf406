"""Cookie paths, and items that clients name."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from signer.errors import GrantError
from signer.grants import Permit
from signer.grants.paths import MAX_KEY_BYTES
from tests.grants.tables import BASE, STAFF, one, refused, shown, table


def test_a_cookie_path_may_be_a_directory_above() -> None:
    grants = one('path = "/t/{tenant}/docs/*"\ncookie_path = "/t/{tenant}/"')
    assert grants.permits({"tenant": "a"})[0].cookie_path == "/t/a/"
    assert one('path = "/docs/*"\ncookie_path = "/"').permits({})[0].cookie_path == "/"
    assert (
        one('path = "/docs/a.pdf"\ncookie_path = "/docs/"').permits({})[0].cookie_path == "/docs/"
    )


def test_a_grant_of_one_file_sets_its_cookies_on_that_file() -> None:
    assert one('path = "/docs/a.pdf"').permits({})[0].cookie_path == "/docs/a.pdf"


def test_possible_cookie_paths_disregard_conditions() -> None:
    grants = table()
    assert grants.possible_cookie_paths({"custom:tenant": ["a", "b"], "suspended": True}) == (
        "/t/a/docs/",
        "/t/b/docs/",
        "/trailers/",
    )
    assert grants.possible_cookie_paths(None) == ("/trailers/",)
    many = {"custom:tenant": [f"t{n}" for n in range(30)]}
    assert grants.possible_cookie_paths(many) == ("/trailers/",)


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/t/acme/docs/", True),
        ("/t/other_1/docs/", True),
        ("/trailers/", True),
        ("/trailers", False),
        ("/trailers//", False),
        ("trailers/", False),
        ("/t//docs/", False),
        ("/t/a.b/docs/", False),
        ("/t/a/docs/\r\n", False),
        ("/t/a;b/docs/", False),
        ("/t/a\n/docs/", False),
        ("/t/a/b/docs/", False),
        ("/books/handbook.pdf", False),
        ("", False),
        ("/", False),
        (None, False),
        (5, False),
    ],
)
def test_only_cookie_paths_of_the_table_are_known(path: object, known: bool) -> None:
    assert table().is_cookie_path(path) is known


def test_a_file_is_a_cookie_path_without_a_slash() -> None:
    grants = one('path = "/f/{id}"')
    assert grants.is_cookie_path("/f/a")
    assert not grants.is_cookie_path("/f/a/")
    assert one('path = "/*"\nallow_entire_distribution = true').is_cookie_path("/")


PAIRS = [
    ("/t/{a}/*", "/t/x/*", True),
    ("/t/{a}/*", "/t/{b}/*", True),
    ("/t/{a}/docs/*", "/t/{b}/films/*", False),
    ("/a/*", "/a/b/*", True),
    ("/a/b/*", "/a/*", True),
    ("/a/*", "/ab/*", False),
    ("/a/*", "/A/*", False),
    ("/a/x", "/a/y", False),
    ("/a/x", "/a/x/*", True),
    ("/a/x", "/a/*", True),
    ("/{a}/x/*", "/y/{b}/*", True),
    ("/{a}/x/*", "/y/z/*", False),
]


@pytest.mark.parametrize(("one_path", "other_path", "overlap"), PAIRS)
def test_overlapping_cookie_paths_are_refused(
    one_path: str, other_path: str, overlap: bool
) -> None:
    def text(extra: str = "") -> str:
        return (
            f'version = 1\n[[grants]]\nname = "a"\npath = "{one_path}"\n'
            f'[[grants]]\nname = "b"\npath = "{other_path}"\n{extra}'
        )

    table(text('transport = "urls"\n'))
    if overlap:
        error = refused("grants_overlap", text(), 7, "grants[1].path")
        assert "the grant a on line 2" in error.message
    else:
        table(text())


def test_the_whole_site_overlaps_with_everything() -> None:
    text = 'version = 1\n[[grants]]\nname = "a"\npath = "/*"\nallow_entire_distribution = true\n[[grants]]\nname = "b"\npath = "/x/{y}/*"\n'
    refused("grants_overlap", text, 8, "grants[1].path")


def test_cookie_paths_decide_about_overlaps() -> None:
    refused(
        "grants_overlap",
        'version = 1\n[[grants]]\nname = "a"\npath = "/a/x/*"\ncookie_path = "/a/"\n[[grants]]\nname = "b"\npath = "/a/y/*"\n',
        8,
        "grants[1].path",
    )


@given(st.data())
def test_what_is_loaded_never_sends_two_sets_with_one_request(data: st.DataObject) -> None:
    """Held against browsers' own rule (RFC 6265, section 5.1.4), written down here anew."""
    segment = st.sampled_from(["a", "b", "{s}", "{t}"])
    paths = data.draw(
        st.lists(st.lists(segment, min_size=1, max_size=3, unique=True), min_size=2, max_size=3)
    )
    ending = data.draw(st.sampled_from(["/*", ""]))
    text = "version = 1\n" + "".join(
        f'[[grants]]\nname = "g{n}"\npath = "/{"/".join(path)}{ending}"\n'
        for n, path in enumerate(paths)
    )
    values = st.sampled_from(["a", "b", "c"])
    try:
        grants = table(text)
    except GrantError as error:
        event(error.code)
        return
    permits = grants.permits({"s": data.draw(values), "t": data.draw(values)})
    for request in [p.path.replace("*", "x/y") for p in permits]:
        assert sum(path_match(request, permit.cookie_path) for permit in permits) == 1


def path_match(request: str, cookie: str) -> bool:
    return request == cookie or (
        request.startswith(cookie) and (cookie.endswith("/") or request[len(cookie)] == "/")
    )


def docs() -> Permit:
    return table().permits(STAFF)[0]


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ("a.pdf", "a.pdf"),
        ("x/y/z.tar.gz", "x/y/z.tar.gz"),
        ("May 2030.pdf", "May%202030.pdf"),
        ("caf\u00e9.jpg", "caf%C3%A9.jpg"),
        ("a+b&c=d#e'f\"g@h;i", "a%2Bb%26c%3Dd%23e%27f%22g%40h%3Bi"),
        ("...", "..."),
        (".well-known", ".well-known"),
        ("/t/acme/docs/a.pdf", "a.pdf"),
        ("\U0001f600", "%F0%9F%98%80"),
        ("x" * MAX_KEY_BYTES, "x" * MAX_KEY_BYTES),
    ],
    ids=shown,
)
def test_an_item_is_a_path_inside_the_permit(item: str, path: str) -> None:
    assert docs().item_path(item) == f"/t/acme/docs/{path}"
    assert docs().item_url(item) == f"{BASE}/t/acme/docs/{path}"


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (None, "item_type"),
        (b"a.pdf", "item_type"),
        ("", "item_empty"),
        ("/t/acme/docs/", "item_empty"),
        ("a\x00", "item_control"),
        ("a\r\nb", "item_control"),
        ("a\u2028", "item_control"),
        ("\ud800", "item_control"),
        ("*", "item_wildcard"),
        ("a?b", "item_wildcard"),
        ("%2e%2e/x", "item_percent"),
        ("100%", "item_percent"),
        ("a\\b", "item_backslash"),
        ("a//b", "item_segment"),
        ("a/", "item_segment"),
        ("/t/acme/docs//x", "item_segment"),
        (".", "item_dot_segment"),
        ("..", "item_dot_segment"),
        ("a/../b", "item_dot_segment"),
        ("a/./b", "item_dot_segment"),
        ("\u2024\u2024/x", "item_dot_segment"),
        ("\uff0e\uff0e", "item_dot_segment"),
        (" .. ", "item_dot_segment"),
        ("\u2025/x", "item_dot_segment"),
        ("/a.pdf", "item_outside"),
        ("//media.example.com/a", "item_outside"),
        ("/t/other/docs/a.pdf", "item_outside"),
        ("/t/acme/docsx", "item_outside"),
        ("x" * (MAX_KEY_BYTES + 1), "item_too_long"),
        ("\u00e9" * 513, "item_too_long"),
    ],
    ids=shown,
)
def test_an_item_that_is_not_a_plain_name_is_refused(item: object, code: str) -> None:
    with pytest.raises(GrantError) as caught:
        docs().item_path(item)  # type: ignore[arg-type]
    assert caught.value.code == code


@pytest.mark.parametrize("item", ["", "handbook.pdf", "/books/handbook.pdf"])
def test_a_grant_of_one_file_has_one_item(item: str) -> None:
    permit = table().permits({}, names=["handbook"])[0]
    assert permit.item_path(item) == "/books/handbook.pdf"
    for other in ("other.pdf", "handbook.pdf/x", "/books/handbook.pdfx", "/handbook.pdf"):
        with pytest.raises(GrantError) as caught:
            permit.item_path(other)
        assert caught.value.code == "item_outside"
