"""Targets behind TLS: whom we trust, and what is said when we do not."""

from __future__ import annotations

import ssl

import pytest

from jupyterhub_monitoring.errors import ScrapeError
from jupyterhub_monitoring.scrape.fetch import Fetch
from jupyterhub_monitoring.scrape.target import Credentials, Target
from support.certificates import certificate
from support.odd_server import OddServer, answer, sends


@pytest.fixture
def ours(tmp_path):
    return certificate(tmp_path, "ours")


@pytest.fixture
def theirs(tmp_path):
    return certificate(tmp_path, "theirs")


@pytest.fixture
def server(theirs, ours):
    """A server that wants our certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*theirs)
    context.load_verify_locations(ours[0])
    context.verify_mode = ssl.CERT_OPTIONAL

    def behave(connection, request):
        shown = b"1" if connection.getpeercert() else b"0"
        sends(answer(b"knows_us " + shown + b"\n"))(connection, request)

    made = OddServer(behave, context)
    yield made
    made.close()


async def fetch(server: OddServer, **credentials: object) -> bytes:
    target = Target(server.url, "j", credentials=Credentials(**credentials), timeout_seconds=5)
    return (await Fetch(target)()).body


async def test_unknown_authority(server):
    """A certificate that nobody vouches for is refused, and it is said that it is TLS."""
    with pytest.raises(ScrapeError, match=r"TLS failed: .*self.signed certificate"):
        await fetch(server)
    assert server.requests == []


async def test_known_authority(server, theirs):
    """With its authority's file the target is trusted."""
    assert await fetch(server, ca_file=theirs[0]) == b"knows_us 0\n"


async def test_insecure(server):
    """Who asks for it gets no check at all."""
    assert await fetch(server, insecure_tls=True) == b"knows_us 0\n"


async def test_our_certificate(server, theirs, ours):
    """A target that wants to know us, as a Hub with internal_ssl, is shown our certificate."""
    body = await fetch(server, ca_file=theirs[0], cert_file=ours[0], key_file=ours[1])
    assert body == b"knows_us 1\n"


async def test_renewed_authority(server, theirs, ours):
    """A file that is replaced is used from the next scrape on."""
    file = ours[0].with_name("ca.pem")
    file.write_bytes(ours[0].read_bytes())
    target = Target(server.url, "j", credentials=Credentials(ca_file=file), timeout_seconds=5)
    ask = Fetch(target)
    with pytest.raises(ScrapeError, match="TLS failed"):
        await ask()
    replacement = file.with_name("new.pem")
    replacement.write_bytes(theirs[0].read_bytes())
    replacement.replace(file)
    assert (await ask()).body == b"knows_us 0\n"


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_unusable_file(server, tmp_path, content):
    """A file that is missing or is no certificate is named as the reason."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ScrapeError, match="TLS files cannot be used"):
        await fetch(server, ca_file=file)
