"""Host names as clients write them: lower case, Punycode, canonical addresses, default port gone.

Source: the WHATWG URL Standard, "host parsing". Where its tables (UTS #46) are not in Python's
standard library, the caller is asked for Punycode instead of being given a guess.
"""

from __future__ import annotations

import codecs
import ipaddress
import re
import unicodedata

from signer.errors import UrlError, excerpt

_MAX_HOST = 253
_MAX_LABEL = 63
_MAX_PORT = 65535
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_FILLERS = "\u115f\u1160\u3164\uffa0"  # letters by category, dropped by UTS #46

codecs.lookup("punycode")  # loads it now, so that signing opens no file later


def split_authority(authority: str) -> tuple[str, int | None]:
    """Split host and port.

    Returns:
        Host as written, and the port or None when there is none or it is empty.

    Raises:
        UrlError: User information, no host, or a port that is not a number from 1 to 65535.
    """
    if "@" in authority:
        raise UrlError("url_user_info", "the URL contains user information (@ before the host)")
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, port = authority, ""
    if not host:
        raise UrlError("url_no_host", "the URL has no host")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and len(port) <= len("00065535")):
        raise UrlError("url_port", f"{excerpt(port)} is not a port number")
    if not 0 < int(port) <= _MAX_PORT:  # nothing listens on 0, and some clients drop it
        raise UrlError("url_port", f"the port {int(port)} is not between 1 and {_MAX_PORT}")
    return host, int(port)


def port_suffix(protocol: str, port: int | None) -> str:
    """Return what stands behind the host: nothing for the protocol's own port, as clients do."""
    return "" if port is None or port == _DEFAULT_PORTS.get(protocol) else f":{port}"


def host_name(host: str) -> str:
    """Return a host in the form browsers send: lower case, Punycode, canonical IP address.

    Raises:
        UrlError: The host is not a name or address that every client writes alike.
    """
    if host.startswith("["):
        return _ipv6_host(host)
    name = ".".join(host_label(label) for label in host.split("."))
    if len(name) > _MAX_HOST:
        raise UrlError("url_host", f"the host has {len(name)} characters, more than {_MAX_HOST}")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return _ipv4_host(name)
    return name


def host_label(label: str) -> str:
    """Return one label of a host name in lower-case ASCII (Punycode where necessary)."""
    if label.isascii():
        lowered = label.lower()
        if _HOST_LABEL.fullmatch(lowered) and len(lowered) <= _MAX_LABEL:
            if lowered.startswith("xn--"):
                _check_punycode(lowered)
            return lowered
        raise UrlError("url_host", f"{excerpt(label)} is not a host name label")
    encoded = "xn--" + _plain_letters(label).encode("punycode").decode("ascii")
    if len(encoded) > _MAX_LABEL:
        raise UrlError("url_host", f"the label {excerpt(label)} is too long in Punycode")
    return encoded


def _plain_letters(label: str) -> str:
    """Lower and compose a Unicode label; refuse what the IDNA versions map differently.

    Browsers follow UTS #46; its tables are not in the standard library. The letters and digits
    that pass here map to themselves in every version; the rest (sharp s, joiners, right-to-left
    scripts, symbols) must be given in Punycode by the caller.
    """
    name = unicodedata.normalize("NFC", label.lower())
    if (
        name.isascii()  # the Kelvin sign, whose small letter is k
        or not all(map(_is_plain, name))
        or unicodedata.normalize("NFKC", name).casefold() != name
        or name[0] == "-"
        or name[-1] == "-"
        or name[2:4] == "--"
    ):
        raise UrlError(
            "url_host",
            f"the international host label {excerpt(label)} is not written alike by all clients",
            advice="give the host in Punycode (xn--...)",
        )
    return name


def _is_plain(character: str) -> bool:
    if character.isascii():
        return character == "-" or character.isalnum()
    return (
        unicodedata.category(character) in {"Ll", "Lo"}
        and unicodedata.bidirectional(character) == "L"
        and character not in _FILLERS
    )


def _check_punycode(label: str) -> None:
    try:
        name = label[4:].encode("ascii").decode("punycode")
        genuine = not name.isascii() and name.encode("punycode").decode("ascii") == label[4:]
    except UnicodeError:
        genuine = False
    if not genuine:
        raise UrlError("url_host", f"{excerpt(label)} is not valid Punycode")


def _ipv4_host(name: str) -> str:
    try:
        return str(ipaddress.IPv4Address(name))
    except ipaddress.AddressValueError:
        raise UrlError(
            "url_host",
            f"{excerpt(name)} ends like an IPv4 address but is not one in dotted decimal form",
        ) from None


def _ipv6_host(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host[1:-1] if host.endswith("]") else "")
    except ipaddress.AddressValueError:
        raise UrlError("url_host", f"{excerpt(host)} is not an IPv6 address") from None
    if address.scope_id or address.ipv4_mapped:
        raise UrlError("url_host", f"{excerpt(host)} is not a global form of an IPv6 address")
    return f"[{address.compressed}]"
