"""A certificate authority of one's own for simulated clouds that have to speak TLS. Needs `cryptography` only."""

import atexit
import os
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs server certificates for the loopback. Keys lie in ``folder``, which is the caller's to remove.

    TLS compares a certificate with the real time, so its dates are wide (``valid_from`` to ``valid_to``) and not
    simulated.
    """

    def __init__(self, folder: Path, *, valid_from: datetime | None = None, days: int = 10950) -> None:
        self._folder = folder
        self._from = valid_from or datetime(2020, 1, 1, tzinfo=UTC)
        self._to = self._from + timedelta(days=days)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nhiscan simulated cloud, test authority")])
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        self._certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.bundle = folder / "authority.pem"
        """The certificate to trust, e.g. as ``AWS_CA_BUNDLE``."""
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def server_pair(self, *names: str) -> tuple[bytes, bytes]:
        """Key and certificate (PEM) of a server reached as 127.0.0.1, localhost and the ``names`` given."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        alternatives = [x509.IPAddress(ip_address("127.0.0.1"))]
        dns = [x509.DNSName(name) for name in ("localhost", *names)]
        certificate = (
            self._builder(subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName([*alternatives, *dns]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return private, certificate.public_bytes(serialization.Encoding.PEM)

    def server_context(self, *names: str) -> ssl.SSLContext:
        """A context for a server reached as 127.0.0.1, localhost and the ``names`` given."""
        key, certificate = self.server_pair(*names)
        handle, name = tempfile.mkstemp(prefix="server-", suffix=".pem", dir=self._folder)
        pem = Path(name)
        os.close(handle)
        pem.write_bytes(key + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def client_context(self) -> ssl.SSLContext:
        """A context that trusts this authority and nobody else."""
        return ssl.create_default_context(cafile=str(self.bundle))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._to)
        )


@cache
def shared_authority() -> Authority:
    """The authority of all simulated clouds of a process.

    Client libraries know one bundle a process: gRPC reads its roots once and keeps them, and ``REQUESTS_CA_BUNDLE``
    is one variable for every cloud that is read beside others. Its folder goes with the process.
    """
    folder = tempfile.TemporaryDirectory(prefix="nhiscan-simulated-authority-")
    atexit.register(folder.cleanup)
    return Authority(Path(folder.name))
