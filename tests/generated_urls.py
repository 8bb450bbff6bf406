"""URLs as people and programs write them: a seeded generator for every property about URLs.

Each URL is put together from parts. An ordinary part is what most URLs have; a special part carries
one trait that clients, signers or CloudFront treat in different ways. About half of the URLs are
ordinary throughout; the others have one or two traits.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

_SCHEMES = ("https", "https", "https", "http")
_ODD_SCHEMES = ("HTTPS", "Http", "hTTp", "ftp", "rtmp", "ws", "file", "data", "http*", "h2")
_HOSTS = (
    "d111111abcdef8.cloudfront.net",
    "cdn.example.com",
    "media-7.tenant.example.org",
    "a.b.c.d.example.net",
    "static.example.co.uk",
    "x--y.example.com",
    "1.example.com",
    "under_score.example.com",
)
_ODD_HOSTS = (
    "CDN.Example.COM",
    "b\u00fccher.example",
    "B\u00dcCHER.example",
    "m\u00fcnchen.\u4f8b\u3048.jp",
    "xn--bcher-kva.example",
    "XN--BCHER-KVA.example",
    "stra\u00dfe.example",
    "xn--strae-oqa.example",
    "xn--a.example",
    "xn--0.example",
    "xn--.example",
    "\u05d0\u05d1.example",
    "\uff45\uff58ample.com",
    "e\u0301.example",
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "192.168.0.01",
    "1.2.3.4.5",
    "[2001:db8::1]",
    "[2001:DB8:0:0:0:0:0:1]",
    "[::ffff:1.2.3.4]",
    "[fe80::1%25eth0]",
    "localhost",
    "example.com.",
    "-a.example.com",
    "a-.example.com",
    ".example.com",
    "a..example.com",
    "",
    "exa mple.com",
    "ex%61mple.com",
    "cdn.example.com|x",
    "*.example.com",
    "a" * 64 + ".example.com",
    ".".join(["abcdefgh"] * 29),
)
_PORTS = ("", "", "", "", ":8443", ":8080", ":65535", ":1")
_ODD_PORTS = (":443", ":80", ":0", ":00443", ":08443", ":65536", ":", ":x", ":-1", ":\u0664\u0664")
_USERS = ("user@", "user:secret@", "@", "a%40b@")
_SEGMENTS = (
    "images",
    "films",
    "a",
    "b-c",
    "2026",
    "x_y",
    "photo.jpg",
    "intro.mp4",
    "index.m3u8",
    "seg-00001.ts",
    "~user",
    "v1.2.3",
    "a=b",
    "format=webp,width=200",
    "x;y=1",
    "user@host",
    "12:30",
    "$price",
    "a+b",
    "it's",
    "(copy)",
    "wow!",
    "a&b",
    "...",
    ".hidden",
    "caf%C3%A9",
    "a%20b",
    "100%25",
    "%2Froot",
    "%2A",
)
_ODD_SEGMENTS = (
    "a b",
    "caf\u00e9",
    "\u65e5\u672c\u8a9e",
    "\U0001f3ac",
    "e\u0301t\u00e9",
    "x|y",
    "x^y",
    "x{y}",
    "x[y]",
    "x<y>",
    "x`y",
    'x"y',
    "x\\y",
    "..",
    ".",
    "%2e",
    "%2E%2e",
    ".%2e",
    "..%5Cx",
    "..%2Fx",
    "%c3%a9",
    "%2f",
    "%7Euser",
    "%41bc",
    "%2D",
    "100%",
    "%zz",
    "%u00e9",
    "*",
    "a*.jpg",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "a\x00b",
    "a\x7fb",
    "a\u200bb",
    "a\u2028b",
    "\ufeffa",
    "\ud800",
)
_PARAMETERS = (
    "a=1",
    "v=20261123",
    "size=large",
    "flag",
    "empty=",
    "q=a+b",
    "q=a%20b",
    "q=a%2Bb",
    "x=a=b",
    "expires=1",
    "policy=x",
    "signature=x",
    "Expires2=1",
    "path=/a/b",
    "t=12:30",
    "mail=a@b.example",
    "list=1,2;3",
    "p=(1)!$",
    "n=~x-y_z.w",
    "u=https%3A%2F%2Fexample.com%2F",
    "dots=../x",
    "",
)
_ODD_PARAMETERS = (
    "q=a b",
    "q=caf\u00e9",
    "q=\u65e5\u672c",
    "s=it's",
    "s=''",
    "g=*",
    "filename*=UTF-8''x",
    "q=a?b",
    "q=what?",
    "x[]=1",
    "x[a]=1",
    "j={}",
    "b=x|y",
    "b=x^y",
    "b=`x`",
    "b=<x>",
    'b="x"',
    "b=x\\y",
    "h=%c3%a9",
    "h=%7E%41",
    "h=100%",
    "h=%",
    "Expires=1",
    "Policy=x",
    "Signature=x",
    "Key-Pair-Id=K",
    "Hash-Algorithm=SHA1",
    "Expires",
    "%45xpires=1",
    "Key%2DPair%2DId=K",
    "c=a\tb",
    "c=a\nb",
    "c=\x01",
    "c=\u0085",
)
_FRAGMENTS = ("#", "#t=10", "#/route", "#a?b=1")
_ODD_ENDS = ("?", "?&", "/?", "??", "?a=1&", "?&&", " ", "\n", "/", "//", "/.", "/..")
_ODD_STARTS = (" ", "\n", "\ufeff", "//", "/", "view-source:", "")

TRAITS = 10
"""How many kinds of special parts there are."""


def url(random: Random) -> str:
    """Return one URL; half of them have no special part."""
    special: set[int] = set()
    if random.random() < 0.5:
        special = set(random.sample(range(TRAITS), random.choice((1, 1, 1, 2))))
    scheme = random.choice(_ODD_SCHEMES if 0 in special else _SCHEMES)
    host = random.choice(_ODD_HOSTS if 1 in special else _HOSTS)
    port = random.choice(_ODD_PORTS if 2 in special else _PORTS)
    user = random.choice(_USERS) if 3 in special else ""
    written = f"{scheme}://{user}{host}{port}{_path(random, odd=4 in special)}"
    written += _query(random, odd=5 in special)
    if 6 in special:
        written += random.choice(_FRAGMENTS)
    if 7 in special:
        written += random.choice(_ODD_ENDS)
    if 8 in special:
        written = random.choice(_ODD_STARTS) + written
    if 9 in special:
        written = _with_odd_character(random, written)
    return written


def urls(seed: int, count: int) -> Iterator[str]:
    """Return that many URLs, the same ones for a seed on every machine."""
    random = Random(seed)
    for _ in range(count):
        yield url(random)


def _path(random: Random, *, odd: bool) -> str:
    segments = [random.choice(_SEGMENTS) for _ in range(random.choice((0, 1, 1, 2, 3, 4)))]
    if odd:
        segments.insert(random.randint(0, len(segments)), random.choice(_ODD_SEGMENTS))
    if not segments:
        return random.choice(("", "/", "/"))
    return "/" + "/".join(segments) + random.choice(("", "", "", "/"))


def _query(random: Random, *, odd: bool) -> str:
    parameters = [random.choice(_PARAMETERS) for _ in range(random.choice((0, 0, 0, 1, 1, 2, 3)))]
    if odd:
        parameters.insert(random.randint(0, len(parameters)), random.choice(_ODD_PARAMETERS))
    return "?" + "&".join(parameters) if parameters else ""


def _with_odd_character(random: Random, text: str) -> str:
    """Put any character anywhere, mostly one that some parser treats specially."""
    if random.random() < 0.7:
        character = random.choice(
            "\"'\\#?*%&=+@:/;,[]{}|^~`<> \t\n\r\x00\x7f\u00a0\u3002\uff0e\uff0f"
        )
    else:
        character = chr(random.choice((random.randint(1, 0x2FF), random.randint(0x300, 0xD7FF))))
    at = random.randint(0, len(text))
    return text[:at] + character + text[at:]
