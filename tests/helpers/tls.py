"""A certificate authority of the test's own, its certificates, and a TLS door in front of a server of loopback."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.helpers.net import close_hard, serve_each


class Authority:
    """Signs certificates; its own is at `file`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The test's authority")])
        now = datetime.now(UTC)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder(self._name, self._name, self._key, now - timedelta(days=2), now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def certificate(self, host: str, first_day: int, last_day: int) -> Path:
        """Key and certificate of a host (a name, or an IP address), valid between two days counted from today."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        begin, end = now + timedelta(days=first_day), now + timedelta(days=last_day)
        certificate = (
            _builder(subject, self._name, key, begin, end)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = self._folder / f"{host}-{first_day}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return file


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


class Door:
    """Accepts TLS on a port of its own and passes what is said on to `target`; keeps the first bytes of each
    connection.
    """

    def __init__(self, certificate: Path, target: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        serve_each(self._listener, self._serve)

    def close(self) -> None:
        close_hard(self._listener)
        with self._lock:
            for each in self._open:
                close_hard(each)

    @contextlib.contextmanager
    def _kept(self, each: socket.socket) -> Iterator[socket.socket]:
        """Until the block ends, which closes it, `close` finds it."""
        with each:
            with self._lock:
                self._open.add(each)
            try:
                yield each
            finally:
                with self._lock:
                    self._open.discard(each)

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self.connections += 1
        client.settimeout(20)
        with contextlib.suppress(OSError), self._kept(client), contextlib.ExitStack() as stack:
            secret = stack.enter_context(self._kept(self._context.wrap_socket(client, server_side=True)))
            server = stack.enter_context(self._kept(socket.create_connection(("127.0.0.1", self._target))))
            threading.Thread(target=_pass_on, args=(server, secret), daemon=True).start()
            while piece := secret.recv(65536):
                self.heard.append(piece[:200])
                server.sendall(piece)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)


@contextlib.contextmanager
def door(certificate: Path, target: int) -> Iterator[Door]:
    made = Door(certificate, target)
    try:
        yield made
    finally:
        made.close()
