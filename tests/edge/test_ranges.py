"""Which ranges are served."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.edge.ranges import byte_ranges, forwardable


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("bytes=0-0", [(0, 0)]),
        ("bytes=0-9", [(0, 9)]),
        ("bytes=90-", [(90, 99)]),
        ("bytes=90-500", [(90, 99)]),
        ("bytes=-10", [(90, 99)]),
        ("bytes=-500", [(0, 99)]),
        ("bytes=0-9,20-29", [(0, 9), (20, 29)]),
        ("bytes= 0-9 , 20-29 ", [(0, 9), (20, 29)]),
        ("bytes=0-9,-10", [(0, 9), (90, 99)]),
        ("bytes=100-", []),
        ("bytes=100-200", []),
        ("bytes=-0", []),
        ("bytes=0-9,100-", [(0, 9)]),
        # Not valid, not ascending, or overlapping: the whole object.
        ("bytes=20-29,0-9", None),
        ("bytes=0-9,5-14", None),
        ("bytes=0-9,9-14", None),
        ("bytes=-10,0-9", None),
        ("bytes=9-0", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0-9,", None),
        ("bytes=0--9", None),
        ("items=0-9", None),
        ("0-9", None),
        ("bytes=" + "9" * 30 + "-", None),
        ("bytes=" + ",".join(f"{n * 2}-{n * 2}" for n in range(200)), None),
    ],
)
def test_ranges_of_100_bytes(header: str, ranges: list[tuple[int, int]] | None) -> None:
    assert byte_ranges(header, 100) == ranges


def test_nothing_of_an_empty_object_can_be_satisfied() -> None:
    assert byte_ranges("bytes=0-", 0) == []
    assert byte_ranges("bytes=-5", 0) == []


@pytest.mark.parametrize("header", ["bytes=0-9", "bytes=5-", "bytes=-5", "bytes=0-1,3-4"])
def test_proper_ranges_go_to_the_origin(header: str) -> None:
    assert forwardable(header)


@pytest.mark.parametrize(
    "header", ["bytes=3-4,0-1", "bytes=0-5,3-9", "bytes=0-1,-5", "bytes=-", "x"]
)
def test_other_ranges_do_not(header: str) -> None:
    assert not forwardable(header)


@given(st.text(alphabet="bytes=0123456789-, ", max_size=40), st.integers(0, 200))
def test_ranges_lie_inside_ascend_and_do_not_overlap(header: str, size: int) -> None:
    end = -1
    for first, last in byte_ranges(header, size) or []:
        assert end < first <= last < size
        end = last
