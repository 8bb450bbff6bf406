"""Ways to spoil one value of a credential: its text, the signature's bytes, the policy document."""

from __future__ import annotations

import base64
import json
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from tests.genuine import Genuine, Pool

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~"
_EXPIRIES = (
    "0{}",
    "+{}",
    " {}",
    "{} ",
    "{}.0",
    "{}e0",
    "{}000",
    "-{}",
    "{}\n",
    "{}_0",
    "{},0",
    "{}%30",
)
_HASHES = ("SHA1", "SHA256", "sha256", "sha1", "SHA-256", "SHA512", "MD5", "none", "NULL", "", "SHA256 ", "SHA1,SHA256",
           "ＳHA256")  # fmt: skip


def encode(data: bytes) -> str:
    """Encode as CloudFront does, independently of the library."""
    text = base64.b64encode(data).decode()
    return text.replace("+", "-").replace("=", "_").replace("/", "~")


def decode(text: str) -> bytes:
    """Undo :func:`encode`."""
    return base64.b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"))


def broken_text(random: Random, name: str, value: str) -> str:
    """Return a value that is, nearly always, another text."""
    if name == "Hash-Algorithm":
        return random.choice(_HASHES)
    if name == "Expires" and random.random() < 0.7:
        return _broken_expiry(random, int(value))
    at = random.randrange(len(value))
    before, character, after = value[:at], value[at], value[at + 1 :]
    return random.choice(
        (
            before + chr(ord(character) ^ (1 << random.randrange(7))) + after,
            before + chr(ord(character) ^ (1 << random.randrange(7))) + after,
            before,
            after,
            before + after,
            value + random.choice(("A", "_", "=", " ", "\n", "\x00", "%00", "\u00e9", value)),
            random.choice(("A", " ", "\t", "%20")) + value,
            before + character.swapcase() + after,
            f"{before}%{ord(character):02X}{after}",
            before + random.choice((" ", "\n", "\r\n", "%0A", "\u200b")) + character + after,
            value.replace("-", "+").replace("_", "=").replace("~", "/"),
            value.replace("~", "_").replace("-", "+"),
            value.replace("~", "%7E"),
            value.rstrip("_"),
            value.replace("_", "."),
            with_stray_bits(random, value),
            "",
        )
    )


def with_stray_bits(random: Random, value: str) -> str:
    """Set unused bits of the last character, so that a lax decoder reads the same bytes."""
    body = value.rstrip("_")
    unused = 2 * (len(value) - len(body))
    if not unused or body[-1] not in _ALPHABET:
        return value[:-1]
    index = _ALPHABET.index(body[-1]) ^ random.randint(1, (1 << unused) - 1)
    return body[:-1] + _ALPHABET[index] + value[len(body) :]


def _broken_expiry(random: Random, value: int) -> str:
    numbers = (value + 1, value - 1, value + 10**6, value * 1000, 2**63 - 1, 2**63, 10**4999, 0, -1)
    exotic = (hex(value), f"{value:,}", "".join(chr(0x660 + int(digit)) for digit in str(value)))
    forms = tuple(form.format(value) for form in _EXPIRIES)
    number = random.choice(numbers)
    as_text = str(number) if number < 10**4000 else "9" * 5000
    return random.choice((as_text, random.choice(exotic), random.choice(forms)))


def broken_signature(random: Random, one: Genuine, pool: Pool) -> str:
    """Return other bytes in the place of the signature, well encoded."""
    genuine = decode(dict(one.parameters)["Signature"])
    other = decode(dict(random.choice(pool.credentials).parameters)["Signature"])
    key = pool.keys[one.key_pair_id]._key
    at, bit = random.randrange(len(genuine)), 1 << random.randrange(8)
    flipped = genuine[:at] + bytes([genuine[at] ^ bit]) + genuine[at + 1 :]
    candidates = [flipped, flipped, other, genuine[:at], genuine[at:], genuine + b"\x00",
                  b"\x00" + genuine, genuine[::-1], bytes(len(genuine)), b"\x00", other[:at] + genuine[at:],
                  genuine + genuine, decode(pool.by_a_stranger[one.text, one.hash_name])]  # fmt: skip
    if isinstance(key, rsa.RSAPrivateKey):
        candidates += _related_rsa(genuine, key.public_key().public_numbers().n)
        candidates.append(decode(pool.by_pss[one.key_pair_id, one.text, one.hash_name]))
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        candidates += _related_ecdsa(genuine)
    return encode(random.choice(candidates))


def _related_rsa(signature: bytes, modulus: int) -> list[bytes]:
    number = int.from_bytes(signature)
    related = (modulus - number, number + modulus, number + 1, modulus, pow(number, 3, modulus))
    return [value.to_bytes((value.bit_length() + 7) // 8) for value in related]


def _related_ecdsa(signature: bytes) -> list[bytes]:
    """Numbers and encodings near a genuine signature; all but high S, which verifies."""
    r, s = decode_dss_signature(signature)
    numbers = ((r, 0), (0, s), (0, 0), (s, r), (r + P256_ORDER, s), (r, s + P256_ORDER), (2 * P256_ORDER - r, s),
               (1, 1), (P256_ORDER - r, s), (r, P256_ORDER), (r + 1, s))  # fmt: skip
    related = [encode_dss_signature(*pair) for pair in numbers]
    related.append(r.to_bytes(32) + s.to_bytes(32))
    body = signature[2:]
    related += [
        b"\x30\x81" + bytes([len(body)]) + body,  # length in the long form
        b"\x30\x80" + body + b"\x00\x00",  # length left open
        b"\x31" + signature[1:],
        b"\x30" + bytes([len(body) + 2]) + body + b"\x05\x00",  # a third member
        b"\x30" + bytes([len(body) + 1, 2, body[1] + 1, 0]) + body[2:],  # a leading zero
    ]
    return related


def broken_policy(random: Random, text: str) -> str:
    """Return another document in the place of the policy, encoded."""
    document = json.loads(text)
    statement = document["Statement"][0]
    condition = statement["Condition"]
    change = random.choice(_CHANGES)
    if change == "rewrite":
        result = _rewritten(random, text)
    else:
        _change(random, change, statement, condition)
        if change == "two statements":
            document["Statement"] = [statement, statement]
        elif change == "bare statement":
            document["Statement"] = statement
        elif change == "top member":
            document["Version"] = "2012-10-17"
        result = json.dumps(document, separators=(",", ":"))
    return encode((result if result != text else text + " ").encode("utf-8", "surrogatepass"))


_CHANGES = ("rewrite", "rewrite", "rewrite", "widen", "widen", "later", "earlier", "no ip", "any ip", "no start",
            "no end", "no resource", "two statements", "bare statement", "top member", "extra", "types")  # fmt: skip


def _change(
    random: Random, change: str, statement: dict[str, object], condition: dict[str, object]
) -> None:
    resource = str(statement["Resource"])
    wider = (
        "*",
        resource + "*",
        "https://*",
        "http*://*",
        resource.replace("cdn", "*"),
        "",
        "*://*/*",
    )
    if change == "widen":
        statement["Resource"] = random.choice(wider)
    elif change == "later":
        condition["DateLessThan"] = {"AWS:EpochTime": 9_000_000_000}
    elif change == "earlier":
        condition["DateGreaterThan"] = {"AWS:EpochTime": 1}
    elif change == "any ip":
        condition["IpAddress"] = {"AWS:SourceIp": "0.0.0.0/0"}
    elif change == "extra":
        condition["StringLike"] = {"a": "b"}
    elif change == "types":
        odd: tuple[object, ...] = (
            "1",
            1.5,
            None,
            True,
            [],
            {},
            {"AWS:EpochTime": "9000000000"},
            10**400,
        )
        condition["DateLessThan"] = random.choice(
            (random.choice(odd), {"AWS:EpochTime": random.choice(odd)})
        )
    elif change == "no resource":
        del statement["Resource"]
    else:
        names = {"no ip": "IpAddress", "no start": "DateGreaterThan", "no end": "DateLessThan"}
        condition.pop(names.get(change, ""), None)


def _rewritten(random: Random, text: str) -> str:
    document = json.loads(text)
    at = random.randrange(len(text))
    return random.choice(
        (
            json.dumps(document),
            json.dumps(document, indent=1),
            json.dumps(document, separators=(",", ":"), sort_keys=True),
            text.replace("/", "\\/"),
            text.replace("http", "\\u0068ttp"),
            text.replace("EpochTime", "epochtime"),
            text.replace(":[", ": ["),
            text + "\n",
            "\ufeff" + text,
            text[:at],
            text[:at] + " " + text[at:],
            text[:at] + chr(ord(text[at]) ^ (1 << random.randrange(7))) + text[at + 1 :],
            text[:-1] + ',"Statement":[]}',
            text.replace('"Condition"', '"Resource":"*","Condition"'),
            text.replace("Statement", "\ud800"),
            "[" * 3000,
            random.choice(
                ("", "null", "{}", "[]", "NaN", '""', '{"Statement":[]}', '{"Statement":[1]}')
            ),
        )
    )
