"""The ``signer`` command; :func:`main` is its entry point."""

from __future__ import annotations

import sys

_NEEDED = {"click", "rich"}


def main() -> None:
    """Run the command line.

    Exit code 0 for done, 1 for refused or denied, 2 for wrong usage or configuration.
    """
    try:
        from signer.cli.program import program
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED:
            raise
        sys.stderr.write(
            "error[extra_missing]: the command line needs click and rich\n"
            "  install them with: pip install 'cloudfront-issuer[cli]'\n"
        )
        sys.exit(2)
    program(prog_name="signer")
