"""Ways to tamper with a genuine request, each a function of a random generator and a credential.

Whether the result is still in order is not decided here but by :class:`tests.judge.Judge`: a bit
that flips within the wildcard of a Resource changes nothing that matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from tests.genuine import END, HOST, NOW, TRUSTED, UNTRUSTED, VIEWER, Genuine, Pool
from tests.judge import Attempt
from tests.tampering_values import broken_policy, broken_signature, broken_text

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Draft:
    """A request in parts."""

    done: str
    transport: str
    url: str
    pairs: Pairs
    ip: str | None = VIEWER
    now: float = NOW
    separator: str = "; "

    def attempt(self) -> Attempt:
        """Put the parts together."""
        if self.transport == "url":
            query = "&".join(f"{name}={value}" for name, value in self.pairs)
            mark = "&" if "?" in self.url else "?"
            return Attempt(self.done, f"{self.url}{mark}{query}", "", self.ip, self.now)
        header = self.separator.join(f"CloudFront-{name}={value}" for name, value in self.pairs)
        return Attempt(self.done, self.url, header, self.ip, self.now)


def draft(one: Genuine, done: str) -> Draft:
    """Return a genuine request in parts."""
    return Draft(done, one.transport, one.url, list(one.parameters))


def _spoil_value(random: Random, one: Genuine, pool: Pool) -> Draft:
    """Change the text of one value: flip, cut, stretch, re-case, re-encode."""
    del pool
    pairs = list(one.parameters)
    at = random.randrange(len(pairs))
    name, value = pairs[at]
    done, pairs[at] = f"{name} text", (name, broken_text(random, name, value))
    return replace(draft(one, done), pairs=pairs)


def _spoil_signature(random: Random, one: Genuine, pool: Pool) -> Draft:
    """Replace the signature by other bytes, well encoded."""
    pairs = dict(one.parameters)
    pairs["Signature"] = broken_signature(random, one, pool)
    return replace(draft(one, "signature bytes"), pairs=list(pairs.items()))


def _spoil_policy(random: Random, one: Genuine, pool: Pool) -> Draft:
    """Rewrite the policy document and keep the signature."""
    del pool
    pairs = dict(one.parameters)
    pairs.pop("Expires", None)
    pairs["Policy"] = broken_policy(random, one.text)
    return replace(draft(one, "policy document"), pairs=list(pairs.items()))


def _mix(random: Random, one: Genuine, pool: Pool) -> Draft:
    """Take some values from another credential, of either transport."""
    other = dict(random.choice(pool.credentials).parameters)
    pairs = [
        (name, other[name] if name in other and random.random() < 0.5 else value)
        for name, value in one.parameters
    ]
    if random.random() < 0.3:
        name = random.choice(list(other))
        pairs.append((name, other[name]))
    return replace(draft(one, "mix of two"), pairs=pairs)


def _claim_other_key(random: Random, one: Genuine, pool: Pool) -> Draft:
    del pool
    names = (*TRUSTED, UNTRUSTED, "", "*", "KRSA1,KRSA2", "krsa1", "KRSA1 ", "KRSA1%20")
    pairs = dict(one.parameters)
    pairs["Key-Pair-Id"] = random.choice(names)
    return replace(draft(one, "other key pair id"), pairs=list(pairs.items()))


def _drop(random: Random, one: Genuine, pool: Pool) -> Draft:
    del pool
    pairs = [pair for pair in one.parameters if random.random() < 0.6]
    return replace(draft(one, "dropped"), pairs=pairs)


def _repeat(random: Random, one: Genuine, pool: Pool) -> Draft:
    other = random.choice((one, one, random.choice(pool.credentials)))
    pairs = list(one.parameters)
    pairs.insert(random.randint(0, len(pairs)), random.choice(other.parameters))
    return replace(draft(one, "repeated"), pairs=pairs)


def _reorder(random: Random, one: Genuine, pool: Pool) -> Draft:
    """Shuffle everything; the order of CloudFront's parameters is free, that of others is not."""
    del pool
    path, mark, query = one.url.partition("?")
    if one.transport == "cookies":
        shuffled = random.sample(one.parameters, len(one.parameters))
        return replace(draft(one, "reordered"), pairs=shuffled)
    parts = query.split("&") if mark else []
    parts += [f"{name}={value}" for name, value in one.parameters]
    random.shuffle(parts)
    name, _, value = parts[-1].partition("=")
    url = f"{path}?{'&'.join(parts[:-1])}"
    return Draft("reordered", "url", url, [(name, value)])


def _rename(random: Random, one: Genuine, pool: Pool) -> Draft:
    del pool
    pairs = list(one.parameters)
    at = random.randrange(len(pairs))
    name, value = pairs[at]
    names = (
        name.lower(),
        name.upper(),
        name.swapcase(),
        f"{name} ",
        f" {name}",
        f"{name}%20",
        name.replace("e", "\u0435"),
        name.replace("-", "%2D"),
        name.replace("-", "_"),
        f"CloudFront-{name}",
        f"X-{name}",
        name[:-1],
        name + name[-1],
        f"{name}[]",
        "",
    )
    pairs[at] = (random.choice(names), value)
    return replace(draft(one, "renamed"), pairs=pairs)


_SUFFIXES = (
    "x", "/", "/..", "/.", "/../b", "/%2e%2e/b", "/%2E%2E%2Fb", "%00", "%20", ";x=1", ".bak", "?",
    "&", "?x=1", "&x=1", "#x", "//", "\\..\\b", "/..\\b", "\u2024", "*", "%2A", "?v=1", "&v=1",
    "%3Fv=1",
)  # fmt: skip
_PATHS = (
    "/", "/films", "/Films/a.mp4", "/films%2Fa.mp4", "//films/a.mp4", "/films/../private/a.mp4",
    "/private/../films/a.mp4", "/films/%2e%2e/private/a.mp4", "/films/..%2Fprivate/a.mp4",
    "/private/a.mp4", "/filmsx/a.mp4", "/./films/a.mp4", "/films/a%2Emp4", "/films/a.mp4%20",
    "/films/b.mp4", "/songs/b.mp3", "/films/*", "/films/x/index.m3u8?x=1",
    "/films/x.mp4?index.m3u8", "/f%69lms/a.mp4", "/\uff46ilms/a.mp4",
)  # fmt: skip
_HOSTS = (
    f"{HOST}.evil.example", f"evil.example/{HOST}", f"x{HOST}", f"x.{HOST}", "CDN.example.com",
    f"{HOST}:443", f"{HOST}:8443", f"{HOST}.", f"{HOST}@evil.example", f"evil.example#{HOST}",
    "cdn.example.co", "", "media.example.com", "evil.media.example.com",
    "de.media.example.com.evil.example", "evil.example", "*", "cdn\uff0eexample.com",
    "cdn.ex\u0430mple.com", "[::1]", "de.media.example.com:8443",
)  # fmt: skip


def _ask_elsewhere(random: Random, one: Genuine, pool: Pool) -> Draft:
    """Keep the credential and ask for another URL, often one just outside the Resource."""
    base = random.choice((one, one, random.choice(pool.credentials))).url
    scheme, _, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    choice = random.randrange(6)
    if choice == 0:
        scheme = random.choice(("http", "https", "HTTPS", "ftp", "ws", "", "*", "httpx", "https:"))
    elif choice == 1:
        host = random.choice(_HOSTS)
    elif choice == 2:
        path = random.choice(_PATHS)[1:]
    elif choice == 3:
        path += random.choice(_SUFFIXES)
    elif choice == 4:
        at = random.randint(0, len(path))
        path = (
            path[:at]
            + random.choice(("", "x", "/", "%2F", ".", "\u00e9", "A", "?", "&"))
            + path[at + 1 :]
        )
    else:
        head, mark, query = path.partition("?")
        parts = random.sample(query.split("&"), query.count("&") + 1)
        path = f"{head}{mark}{'&'.join(parts)}{random.choice(('', '&', '&x=1', '=', '+'))}"
    return replace(draft(one, "other URL"), url=f"{scheme}://{host}{slash}{path}")


def _other_moment(random: Random, one: Genuine, pool: Pool) -> Draft:
    del pool
    start = one.start or 0
    moments = (
        END,
        END + 0.5,
        END + 1,
        END + 86_400,
        10**12,
        start,
        start - 0.5,
        start - 1,
        start + 0.5,
        0,
        -1,
        END - 1,
        END - 0.5,
        start + 1,
        float(2**63),
    )
    return replace(draft(one, "other moment"), now=random.choice(moments))


_ADDRESSES = (
    None, "", "203.0.113.16", "203.0.113.8", "203.0.112.9", "203.0.113.9.1", "203.0.113.09",
    "203.0.113", "::ffff:203.0.113.9", "2001:db8::1", "203.0.113.9/32", " 203.0.113.9",
    "203.0.113.9 ", "3405803785", "0xCB007109", "\u0662\u0660\u0663.0.113.9",
    "203.0.113.9,10.0.0.1", "255.255.255.255", "unknown",
)  # fmt: skip


def _other_viewer(random: Random, one: Genuine, pool: Pool) -> Draft:
    del pool
    return replace(draft(one, "other viewer"), ip=random.choice(_ADDRESSES))


def _other_transport(random: Random, one: Genuine, pool: Pool) -> Draft:
    """Send it the other way, whole or halved; a parameter in the URL switches cookies off."""
    del pool
    pairs = list(one.parameters)
    moved = {"url": "cookies", "cookies": "url"}[one.transport]
    if random.random() < 0.2:
        return replace(draft(one, "other transport"), transport=moved)
    kept = random.sample(pairs, random.randint(1, len(pairs)))
    url = (
        one.url
        + ("&" if "?" in one.url else "?")
        + "&".join(f"{name}{random.choice(('', f'={value}'))}" for name, value in kept)
    )
    return Draft("split over URL and cookies", "cookies", url, pairs)


def _mangle_header(random: Random, one: Genuine, pool: Pool) -> Draft:
    del pool
    pairs = list(one.parameters)
    at = random.randrange(len(pairs))
    name, value = pairs[at]
    values = (
        f'"{value}"',
        f" {value}",
        f"{value} ",
        f"{value},x",
        f"={value}",
        f"{value}\x00",
        f"{value}\r\nX: y",
    )
    pairs[at] = (name, random.choice(values))
    separator = random.choice(("; ", ";", ";;", ",", "; ;", "\t;\t", " ", "&", "\n", ";\xa0"))
    return replace(draft(one, "header text"), transport="cookies", pairs=pairs, separator=separator)


def _scramble(random: Random, one: Genuine, pool: Pool) -> Attempt:
    """Flip, drop, double or swap characters anywhere in the whole text."""
    del pool
    whole = draft(one, "scrambled").attempt()
    text = whole.url if one.transport == "url" else whole.cookies
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        at = random.randrange(len(text))
        flipped = chr(ord(text[at]) ^ (1 << random.randrange(7)))
        text = (
            random.choice(
                (
                    text[:at] + flipped + text[at + 1 :],
                    text[:at] + text[at + 1 :],
                    text[:at] + text[at] + text[at:],
                    text[:at],
                    text[at:] + text[:at],
                )
            )
            or "x"
        )
    if one.transport == "url":
        return replace(whole, url=text)
    return replace(whole, cookies=text)


WAYS: tuple[Callable[[Random, Genuine, Pool], Draft | Attempt], ...] = (
    _spoil_value,
    _spoil_value,
    _spoil_signature,
    _spoil_signature,
    _spoil_policy,
    _spoil_policy,
    _mix,
    _claim_other_key,
    _drop,
    _repeat,
    _reorder,
    _rename,
    _ask_elsewhere,
    _ask_elsewhere,
    _ask_elsewhere,
    _other_moment,
    _other_viewer,
    _other_transport,
    _mangle_header,
    _scramble,
    _scramble,
)


def attempts(seed: int, pool: Pool) -> Iterator[Attempt]:
    """Return tampered requests without end; the kinds are the same for a seed, the keys are new."""
    random = Random(seed)
    while True:
        one = random.choice(pool.credentials)
        made = random.choice(WAYS)(random, one, pool)
        yield made.attempt() if isinstance(made, Draft) else made
