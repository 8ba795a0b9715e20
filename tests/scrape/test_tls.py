"""Targets behind TLS: whom we trust, and what is said when we do not."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jupyterhub_monitoring.errors import ScrapeError
from jupyterhub_monitoring.scrape.fetch import Fetch
from jupyterhub_monitoring.scrape.target import Credentials, Target
from support.odd_server import OddServer, answer, sends


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


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
