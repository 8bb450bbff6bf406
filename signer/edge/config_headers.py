"""Reading response headers policies from a TOML file."""

from __future__ import annotations

from signer.edge.fields import Table, built
from signer.edge.response_headers import AddedHeader, Cors, ResponseHeadersPolicy


def response_headers_policy(table: Table) -> ResponseHeadersPolicy:
    """Read one policy.

    Raises:
        ConfigurationError: A field is wrong.
    """
    cors = table.table("cors")
    settings = {
        "remove": table.strings("remove"),
        "cors": None if cors is None else _cors(cors),
        "headers": tuple(_header(one) for one in table.tables("headers")),
    }
    table.finish()
    return built(ResponseHeadersPolicy, table, settings)


def _cors(table: Table) -> Cors:
    settings = {
        # An empty list is one that is given, and refused as such.
        "allow_origins": table.strings("allow_origins"),
        "allow_methods": table.strings("allow_methods") or None,
        "allow_headers": table.strings("allow_headers"),
        "expose_headers": table.strings("expose_headers"),
        "allow_credentials": table.maybe_bool("allow_credentials"),
        "max_age": table.maybe_int("max_age"),
        "origin_override": table.maybe_bool("origin_override"),
    }
    table.finish()
    return built(Cors, table, settings)


def _header(table: Table) -> AddedHeader:
    settings = {
        "name": table.take_string("name"),
        "value": table.maybe_string("value"),
        "override": table.maybe_bool("override"),
    }
    table.finish()
    return built(AddedHeader, table, settings)
