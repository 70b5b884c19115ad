"""TLS is checked against the name that was asked for, although a judged address is dialled."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from altor.outbound import AddressPolicy, Unreachable, Upstream, open_client
from altor.outbound.guard import GuardedTransport

NAME = "api.upstream.test"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A TLS server whose certificate is for NAME; its port and the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            body = self.headers["Host"].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield httpd.server_address[1], file
    httpd.shutdown()
    httpd.server_close()


def ask(name: str, port: int, certificate: Path | None) -> httpx.Response:
    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def go() -> httpx.Response:
        trusted = ssl.create_default_context(cafile=str(certificate)) if certificate else None
        dial = GuardedTransport("github", policy=AddressPolicy(allow_loopback=True), resolver=here, verify=trusted)
        async with open_client(Upstream("github", "tls", ""), dial=dial, jitter=lambda: 0.0) as client:
            return await client.get(f"https://{name}:{port}/")

    return asyncio.run(go())


def test_a_certificate_for_the_name_is_accepted_and_host_is_the_name(server: tuple[int, Path]) -> None:
    port, certificate = server
    assert ask(NAME, port, certificate).text == f"{NAME}:{port}"


def test_a_certificate_for_another_name_is_refused(server: tuple[int, Path]) -> None:
    port, certificate = server
    with pytest.raises(Unreachable, match="certificate"):
        ask("api.other.test", port, certificate)


def test_an_unknown_issuer_is_refused(server: tuple[int, Path]) -> None:
    port, _ = server
    with pytest.raises(Unreachable, match="certificate"):
        ask(NAME, port, None)
