"""Reading a distribution from a TOML file.

docs/edge.md describes every setting. Anything that is wrong, and anything that is not known,
ends in a :class:`ConfigurationError` that names file and field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from signer.assumptions import Assumptions
from signer.edge.config_headers import response_headers_policy
from signer.edge.distribution import METHODS, Behavior, Distribution, ViewerCertificate
from signer.edge.fields import Table, built
from signer.edge.function_file import FunctionFile
from signer.edge.local_settings import LEFT_OUT, LocalSettings, TemplateSettings
from signer.edge.origin import (
    FUNCTION_FRONT_ENDS,
    FolderOrigin,
    FunctionUrlOrigin,
    HttpOrigin,
    LambdaOrigin,
    Origin,
    S3Origin,
)
from signer.edge.response_headers import ResponseHeadersPolicy
from signer.errors import KeyMaterialError, excerpt
from signer.keys import PublicKey
from signer.toml_file import read_toml_file
from signer.verifier import TrustedKeyGroup

_DESCRIBED = ("behaviors", "default_behavior", "default_root_object")
_NOT_IN_TEMPLATES = ("key_groups", "response_headers")
_CREDENTIALS = ("access_key_id", "secret_access_key", "session_token")
_FOR_ORIGINS = ("s3_endpoint_url", "lambda_endpoint_url", *_CREDENTIALS)
_DUPLICATES = ("deny", "first", "last")
_ORIGIN_TYPES = ("folder", "function_url", "http", "lambda", "s3")


def read_distribution(path: Path) -> Distribution:
    """Read a distribution from a TOML file; see :meth:`Distribution.from_toml`.

    Raises:
        ConfigurationError: The file cannot be read, or a field is wrong.
    """
    top = Table(path, read_toml_file(path))
    origins = _named(top, "origins", _origin)
    key_groups = _named(top, "key_groups", _key_group)
    default = top.table("default_behavior")
    if default is None:
        raise top.error("default_behavior", "is missing", advice="add a [default_behavior] table")
    headers = _named(top, "response_headers", lambda table, _: response_headers_policy(table))
    settings = {
        "origins": origins,
        "key_groups": key_groups,
        "default_behavior": _behavior(default, headers, pattern=False),
        "behaviors": tuple(
            _behavior(table, headers, pattern=True) for table in top.tables("behaviors")
        ),
        "domain_names": top.strings("domain_names"),
        "default_root_object": top.maybe_string("default_root_object"),
        "viewer_certificate": _viewer_certificate(top),
        "assumptions": _assumptions(top),
        "explain_header": top.maybe_bool("explain_header") or False,
    }
    top.finish()
    return built(Distribution, top, settings)


def read_local_settings(path: Path) -> LocalSettings:
    """Read what belongs to this machine while CloudFront's API tells the rest.

    The settings are those of :func:`read_distribution` that the API does not tell, and those of
    :class:`LocalSettings`.

    Raises:
        ConfigurationError: The file cannot be read, a field is wrong, or it is the API's to tell.
    """
    top = Table(path, read_toml_file(path))
    advice = "leave it out, or leave out the id of the distribution"
    _refuse(top, (*_DESCRIBED, *_NOT_IN_TEMPLATES), "CloudFront's API", advice)
    settings = _local(top)
    top.finish()
    return built(LocalSettings, top, settings)


def read_template_settings(path: Path) -> TemplateSettings:
    """Read what belongs to this machine, and what a template does not know.

    Raises:
        ConfigurationError: The file cannot be read, a field is wrong, or it is the template's to
            tell.
    """
    top = Table(path, read_toml_file(path))
    _refuse(top, _DESCRIBED, "the template", "leave it out, or leave out --template")
    local = _local(top)
    nothing = Table(path, {})
    cookies = top.table("forward_cookies") or nothing
    values = top.table("values") or nothing
    settings: dict[str, Any] = {
        "key_groups": _named(top, "key_groups", _key_group),
        "response_headers": _named(
            top, "response_headers", lambda table, _: response_headers_policy(table)
        ),
        "forward_cookies": {one: bool(cookies.maybe_bool(one)) for one in cookies.keys()},  # noqa: SIM118 - not a dict
        "values": {one: values.take_string(one) for one in values.keys()},  # noqa: SIM118 - as above
    }
    top.finish()
    return TemplateSettings(local=built(LocalSettings, top, local), **settings)


def _refuse(top: Table, keys: Sequence[str], source: str, advice: str) -> None:
    for key in keys:
        if key in top.keys():  # noqa: SIM118 - not a dict
            raise top.error(key, f"is read from {source}", advice=advice)


def _local(top: Table) -> dict[str, Any]:
    without = top.strings("without")
    for index, one in enumerate(without):
        if one not in LEFT_OUT:
            allowed = f"allowed are: {', '.join(LEFT_OUT)}"
            raise top.error(f"without[{index}]", f"is {excerpt(one)}", advice=allowed)
    return {
        "origins": _named(top, "origins", _origin),
        "domain_names": top.strings("domain_names") or None,
        "viewer_certificate": _viewer_certificate(top),
        "assumptions": _assumptions(top),
        "explain_header": top.maybe_bool("explain_header") or False,
        "without": without,
        **{key: top.maybe_string(key) for key in _FOR_ORIGINS},
    }


def _named(top: Table, key: str, read: Any) -> dict[str, Any]:  # noqa: ANN401 - one reader per table
    """Read a table whose keys are names that the user chose."""
    table = top.table(key)
    if table is None:
        return {}
    inner = {name: table.table(name) for name in table.keys()}  # noqa: SIM118 - not a dict
    return {name: read(value, name) for name, value in inner.items() if value is not None}


def _origin(table: Table, _name: str) -> Origin:
    kind = table.choice("type", _ORIGIN_TYPES)
    if kind is None:
        raise table.error("type", "is missing", advice=f"allowed are: {', '.join(_ORIGIN_TYPES)}")
    readers = {
        "folder": _folder_origin,
        "function_url": _function_url_origin,
        "http": _http_origin,
        "lambda": _lambda_origin,
        "s3": _s3_origin,
    }
    return readers[kind](table)


def _folder_origin(table: Table) -> Origin:
    folder = _relative(table, table.take_string("path"))
    table.finish()
    if not folder.is_dir():
        raise table.error("path", f"{folder} is not a folder")
    return FolderOrigin(folder)


def _function_url_origin(table: Table) -> Origin:
    settings: dict[str, object] = {
        "url": table.take_string("url"),
        "origin_access_control": table.maybe_bool("origin_access_control"),
        "connect_timeout": table.maybe_number("connect_timeout"),
        "read_timeout": table.maybe_number("read_timeout"),
    }
    for key in ("endpoint_url", "prefix", *_CREDENTIALS):
        settings[key] = table.maybe_string(key)
    table.finish()
    return built(FunctionUrlOrigin, table, settings)


def _http_origin(table: Table) -> Origin:
    settings = {
        "url": table.take_string("url"),
        "forward_host": table.maybe_bool("forward_host"),
        "connect_timeout": table.maybe_number("connect_timeout"),
        "read_timeout": table.maybe_number("read_timeout"),
    }
    table.finish()
    return built(HttpOrigin, table, settings)


def _lambda_origin(table: Table) -> Origin:
    file, _, name = table.take_string("handler").rpartition(":")
    path = _relative(table, file)
    if not (path.suffix == ".py" and name.isidentifier() and path.is_file()):
        raise table.error("handler", "is no Python file with a function, as in issue.py:handler")
    variables = table.table("environment")
    names = variables.keys() if variables else []
    environment = {key: variables.take_string(key) for key in names} if variables else {}
    settings = {
        "handler": FunctionFile(path, name, environment),
        "front_end": table.choice("front_end", FUNCTION_FRONT_ENDS),
        "origin_access_control": table.maybe_bool("origin_access_control"),
        "read_timeout": table.maybe_number("read_timeout"),
        "domain_name": table.maybe_string("domain_name"),
    }
    table.finish()
    return built(LambdaOrigin, table, settings)


def _s3_origin(table: Table) -> Origin:
    settings: dict[str, object] = {"bucket": table.take_string("bucket")}
    for key in ("region", "endpoint_url", "prefix"):
        settings[key] = table.maybe_string(key)
    for key in _CREDENTIALS:
        settings[key] = table.maybe_string(key)
    table.finish()
    return built(S3Origin, table, settings)


def _behavior(
    table: Table, headers: Mapping[str, ResponseHeadersPolicy], *, pattern: bool
) -> Behavior:
    policy = table.choice("response_headers", headers)
    settings: dict[str, object] = {
        "origin": table.take_string("origin"),
        "trusted_key_groups": table.strings("trusted_key_groups"),
        "allowed_methods": table.choice("allowed_methods", METHODS),
        "forward_cookies": table.maybe_bool("forward_cookies"),
        "response_headers": headers[policy] if policy else None,
    }
    if pattern:
        settings["path_pattern"] = table.take_string("path_pattern")
    table.finish()
    return built(Behavior, table, settings)


def _key_group(table: Table, name: str) -> TrustedKeyGroup:
    keys: dict[str, PublicKey] = {}
    for key_pair_id in table.keys():  # noqa: SIM118 - not a dict
        value = table.take_string(key_pair_id)
        if not (key_pair_id.isascii() and key_pair_id.isalnum()):
            raise table.error(
                key_pair_id,
                "is not a key pair id",
                advice="use the id that CloudFront gave the public key, such as K2JCJMDEHXQW5F",
            )
        keys[key_pair_id] = _public_key(table, key_pair_id, value)
    return TrustedKeyGroup(keys=keys, name=name)


def _public_key(table: Table, key_pair_id: str, value: str) -> PublicKey:
    """Load a key given inline or as the path of a PEM file; never show what was given."""
    pem: str | bytes = value
    if "-----BEGIN" not in value:
        file = _relative(table, value)
        try:
            pem = file.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a path"
            raise table.error(
                key_pair_id,
                f"the public key file cannot be read: {reason}",
                advice="give the path of a PEM file, or the PEM text itself",
            ) from None
    try:
        return PublicKey.from_pem(pem)
    except KeyMaterialError as error:
        raise table.error(key_pair_id, error.message, advice=error.advice) from None


def _viewer_certificate(top: Table) -> ViewerCertificate | None:
    table = top.table("viewer_certificate")
    if table is None:
        return None
    files = {}
    for key in ("certificate", "private_key"):
        files[key] = _relative(table, table.take_string(key))
        if not files[key].is_file():
            raise table.error(key, f"{files[key]} is not a file")
    table.finish()
    return ViewerCertificate(**files)


def _assumptions(top: Table) -> Assumptions:
    """Read switches of :class:`Assumptions`; their types follow from the defaults."""
    defaults = Assumptions()
    table = top.table("assumptions")
    if table is None:
        return defaults
    settings: dict[str, object] = {}
    for item in fields(Assumptions):
        default = getattr(defaults, item.name)
        if isinstance(default, bool):
            settings[item.name] = table.maybe_bool(item.name)
        elif isinstance(default, int):
            settings[item.name] = table.maybe_int(item.name)
        else:
            settings[item.name] = table.choice(item.name, _DUPLICATES)
    table.finish()
    return built(Assumptions, table, settings)


def _relative(table: Table, path: str) -> Path:
    return table.file.parent / path
