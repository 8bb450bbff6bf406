"""``signer s3-url``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from signer.cli.lines import read_lines
from signer.cli.terminal import Terminal, output_options
from signer.cli.times import Duration

if TYPE_CHECKING:
    from signer.s3 import PresignedUrl, S3Issuer, SignedUpload

_EXAMPLES: Final = """\b
Examples:
  signer s3-url films/a.mp4 --bucket media --region eu-central-1 --expires-in 15m
  signer s3-url up/a.png --bucket media --expires-in 5m --upload \\
      --content-type image/png --content-length 51200
"""


@click.command("s3-url", epilog=_EXAMPLES)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--bucket", required=True, metavar="NAME", help="Name of the bucket.")
@click.option(
    "--expires-in", type=Duration(), required=True, help="Life: 90m, 1h30m, 7d, or seconds."
)
@click.option("--region", metavar="NAME", help="The bucket's region, if not AWS_REGION's.")
@click.option("--endpoint-url", metavar="URL", help="Another S3 server, addressed by path.")
@click.option("--download-as", metavar="NAME", help="File name under which browsers save it.")
@click.option("--upload", is_flag=True, help="For a PUT of one new object.")
@click.option("--overwrite", is_flag=True, help="With --upload: permit replacing an object.")
@click.option(
    "--content-type", metavar="TYPE", help="What S3 answers; with --upload, must be sent."
)
@click.option("--content-length", type=int, metavar="BYTES", help="With --upload: its exact size.")
@output_options
def s3_url(
    *,
    keys: tuple[str, ...],
    bucket: str,
    expires_in: int,
    region: str | None,
    endpoint_url: str | None,
    download_as: str | None,
    upload: bool,
    overwrite: bool,
    content_type: str | None,
    content_length: int | None,
    no_color: bool,
    as_json: bool,
) -> None:
    """Print S3 presigned URLs.

    For development and for administrators. Each URL is one line on standard output and nothing
    else is. With - keys are read from standard input, a line each. When one cannot be signed, none
    is printed. S3 is not asked: whether there is an object, and it may be read, shows when the URL
    is used.

    Credentials come as for AWS's own command line (AWS_PROFILE, AWS_ACCESS_KEY_ID, ...). The URL
    ends with them at the latest, whatever --expires-in says.

    With --upload the request must be a PUT with exactly the headers that --json lists.
    """
    _check(upload=upload, overwrite=overwrite, content_length=content_length, name=download_as)
    wanted = read_lines(keys)
    now = int(time.time())
    if upload:
        if len(wanted) != 1 or content_type is None or content_length is None:
            raise click.UsageError("--upload needs one KEY, --content-type and --content-length.")
        issuer = _issuer(bucket, region, endpoint_url, uploads_of=content_type)
        signed: list[PresignedUrl | SignedUpload] = [
            issuer.signed_upload(
                wanted[0],
                expires_in=expires_in,
                content_type=content_type,
                content_length=content_length,
                overwrite=overwrite,
            )
        ]
    else:
        issuer = _issuer(bucket, region, endpoint_url)
        signed = [
            issuer.presigned(
                key, expires_in=expires_in, content_type=content_type, download_as=download_as
            )
            for key in wanted
        ]
    if any(one.expires_at < now + expires_in for one in signed):
        click.echo("warning: the credentials end before that, and the URL with them", err=True)
    terminal = Terminal(as_json=as_json, no_color=no_color)
    if as_json:
        terminal.document(_document(bucket, wanted, signed))
    else:
        terminal.lines(*(one.url for one in signed))


def _check(*, upload: bool, overwrite: bool, content_length: int | None, name: str | None) -> None:
    """Refuse options that would change nothing."""
    if not upload and (overwrite or content_length is not None):
        raise click.UsageError("--overwrite and --content-length are about uploads: give --upload.")
    if upload and name is not None:
        raise click.UsageError("--download-as is about reading: leave out --upload.")


def _issuer(
    bucket: str, region: str | None, endpoint_url: str | None, *, uploads_of: str | None = None
) -> S3Issuer:
    """Return an issuer with S3's own bounds: who runs this holds the credentials anyway."""
    from signer.s3 import LARGEST_UPLOAD, LONGEST_LIFETIME, S3Issuer

    return S3Issuer(
        bucket,
        region=region,
        endpoint_url=endpoint_url,
        max_lifetime=LONGEST_LIFETIME,
        max_content_length=0 if uploads_of is None else LARGEST_UPLOAD,
        content_types=() if uploads_of is None else (uploads_of,),
    )


def _document(
    bucket: str, keys: list[str], signed: list[PresignedUrl | SignedUpload]
) -> dict[str, object]:
    return {
        "bucket": bucket,
        "urls": [
            {
                "key": key,
                "method": "PUT" if hasattr(one, "headers") else "GET",
                "url": one.url,
                "headers": dict(getattr(one, "headers", {})),
                "expires_at": one.expires_at,
            }
            for key, one in zip(keys, signed, strict=True)
        ],
    }
