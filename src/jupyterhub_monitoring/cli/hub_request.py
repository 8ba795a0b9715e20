"""One GET of a Hub's address, for commands. Nothing of the Hub is imported: they start at once."""

from __future__ import annotations

import argparse
import http.client
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CannotStart

TOKEN_VARIABLE = "JUPYTERHUB_API_TOKEN"  # noqa: S105 -- the name of a variable, not a token
MAX_BODY_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask, and how."""

    url: str  # whole, with its query
    token: str
    timeout: float
    verify: bool
    accept: str = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered, whatever its status. *location* is where a redirect leads, or ''."""

    status: int
    location: str
    body: bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how long to wait and whom to trust."""
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=10.0,
        metavar="SECONDS",
        help="give up after this many seconds (default: %(default)s)",
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="accept a certificate that is self-signed or expired",
    )


def seconds(text: str) -> float:
    """Return a number of seconds that can be waited for."""
    value = float(text)
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError("seconds above 0")
    return value


def address(text: str) -> urllib.parse.SplitResult:
    """Return the parts of what `--url` says. Raises `CannotStart`."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise CannotStart(f"--url {text}: not an http:// or https:// address")
    return parts


def token(given: str | None, file: Path | None = None) -> str:
    """Return the token: as *given*, out of *file*, else from the environment; '' for none."""
    if given is None and file is not None:
        try:
            given = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise CannotStart(f"the token file {file} cannot be read: {reason}") from None
    found = (given or os.environ.get(TOKEN_VARIABLE, "")).strip()
    if not found.isascii() or not found.isprintable():
        raise CannotStart("the token has characters that no token has; check how it was copied")
    return found


def get(question: Question) -> Reply:
    """Ask once. `CannotStart` says why there is no answer at all, and what to do."""
    headers = {"Accept": question.accept, "Accept-Encoding": "gzip"}
    request = urllib.request.Request(question.url, headers=headers)  # noqa: S310 -- http(s) only
    if question.token:
        request.add_unredirected_header("Authorization", f"token {question.token}")
    try:
        # No redirects: a token must not travel to wherever an address leads.
        opener = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPSHandler(context=_context(question.verify))
        )
        try:
            with opener.open(request, timeout=question.timeout) as response:
                return _reply(response.status, response)
        except urllib.error.HTTPError as error:
            with error:
                return _reply(error.code, error)
    except (OSError, ValueError, zlib.error) as error:
        raise CannotStart(_unreachable(error, question)) from None
    except http.client.HTTPException as error:  # for what is not HTTP at all
        raise CannotStart(
            f"{place(question.url)} does not speak HTTP ({type(error).__name__});"
            " is this the Hub's port, and http or https right?"
        ) from None


def place(url: str) -> str:
    """Return whom we speak to, for messages."""
    parts = urllib.parse.urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]  # what is before it may be a password
    return f"{parts.scheme}://{netloc}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Let the answer stand as it is."""


def _context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _reply(status: int, response: Any) -> Reply:
    body = response.read(MAX_BODY_BYTES + 1)
    if response.headers.get("Content-Encoding", "") == "gzip":
        body = _unpacked(body)
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"the answer has more than {MAX_BODY_BYTES >> 20} MiB")
    return Reply(status, response.headers.get("Location", ""), body)


def _unpacked(packed: bytes) -> bytes:
    """Decompress, but no more than may be: a few bytes can stand for very many."""
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    return stream.decompress(packed, MAX_BODY_BYTES + 1)


def _unreachable(error: Exception, question: Question) -> str:
    where, reason = place(question.url), getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"{where}: {reason.verify_message}; --insecure accepts the certificate as it is"
    if isinstance(reason, ssl.SSLError):
        return f"{where} does not speak TLS; is it http:// rather than https://?"
    if isinstance(reason, TimeoutError):
        return f"{where} did not answer within {question.timeout:g} s; is the Hub hanging?"
    if isinstance(reason, ConnectionRefusedError):
        return f"nothing listens at {where}; does the Hub run, and is the port right?"
    return f"{where} is not reached: {reason}"
