"""Start and stop a simulated tenant of Entra ID with its Azure subscriptions."""

import base64
import json
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from nhiscan.testing.canaries import Canaries
from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import NOW
from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import Faults
from nhiscan.testing.server import Application, LoopbackServer
from nhiscan.testing.tls import shared_authority
from nhiscan_azure.simulated.azure import Azure, machines
from nhiscan_azure.simulated.caller import with_caller
from nhiscan_azure.simulated.directory import Directory
from nhiscan_azure.simulated.doors import ArmDoor, LoginDoor
from nhiscan_azure.simulated.gateway import Gateway
from nhiscan_azure.simulated.graph import METHODS
from nhiscan_azure.simulated.graphdoor import GraphDoor
from nhiscan_azure.simulated.ids import Ids
from nhiscan_azure.simulated.login import Client, Login
from nhiscan_azure.simulated.world import World

SECRET, CERTIFICATE, FEDERATED = "secret", "certificate", "federated"
ISSUER = "https://clusters.example.com/one"
SUBJECT = "system:serviceaccount:security:nhiscan"


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


class SimulatedAzure:
    """A simulated tenant on the loopback, over TLS, as a context manager.

    ``sign_in``      how `environment` lets the client libraries sign in: by "secret", "certificate" or "federated"
    ``retry_after``  value of that header where a call is throttled; None: no header
    ``odd_dates``    write the dates of the beta reports as oddly as Microsoft does
    ``quotas``       hold calls to reports and Resource Graph to their quotas, by the simulated clock

    Login, Azure Resource Manager and Microsoft Graph listen each for itself: they are three origins. ``canaries`` knows
    every secret it holds or gives out.
    """

    def __init__(
        self,
        world: World,
        *,
        clock: SimulatedClock | None = None,
        seed: int = 1,
        sign_in: str = SECRET,
        retry_after: str | None = "1",
        odd_dates: bool = True,
        quotas: bool = True,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.world = with_caller(world)
        self.clock = clock or SimulatedClock(NOW)
        self.calls = CallCounts()
        self.faults = Faults(self.clock)
        self.canaries = Canaries(seed)
        self._settings = dict(settings or {})
        self._sign_in = sign_in
        ids = Ids(seed)
        made = machines(self.world, ids, self.clock())
        self.directory = Directory(self.world, ids, self.canaries.plant, made)
        self.tenant = self.directory.tenant
        held = self.directory.principals[self.world.caller.name]
        self.azure = Azure(self.world, ids, self.directory, held.id)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        secret = self.canaries.plant("secret of the caller")
        client = Client(held.name, held.app_id, held.id, secret, ISSUER, SUBJECT, self._key.public_key())
        self.login = Login(self.tenant, client, ids, self.canaries.watch)
        self.gateway = Gateway(
            self.directory,
            self.azure,
            self.login,
            self.calls,
            self.faults,
            self.clock,
            retry_after=retry_after,
        )
        self._doors: Mapping[str, Application] = {
            "login": LoginDoor(self.gateway, self.login),
            "arm": ArmDoor(self.gateway, self.azure, self.canaries.plant, quotas=quotas),
            "graph": GraphDoor(self.gateway, self.directory, odd_dates=odd_dates, quotas=quotas),
        }
        self._servers: dict[str, LoopbackServer] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> Self:
        """Serve the world."""
        self._folder = tempfile.TemporaryDirectory(prefix="nhiscan-simulated-azure-")
        folder = Path(self._folder.name)
        authority = shared_authority()
        self._bundle = authority.bundle
        for name, door in self._doors.items():
            self._servers[name] = LoopbackServer(door, authority.server_context()).start()
        self.login.audiences = (self.address("arm"), self.address("graph"))
        self._variables = self._signing_in(folder)
        return self

    def stop(self) -> None:
        """End the servers. A second call does nothing."""
        for server in self._servers.values():
            server.stop()
        self._servers = {}
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def address(self, service: str) -> str:
        """Where "login", "arm" or "graph" is."""
        if service not in self._servers:
            raise RuntimeError("the simulation has not been started")
        return self._servers[service].url

    @property
    def endpoint(self) -> str:
        return self.address("graph")

    @property
    def endpoints(self) -> tuple[str, ...]:
        """``<api>=<address>`` for each API, as the connector's option ``endpoint`` takes them."""
        return tuple(f"{name}={self.address(name)}" for name in ("arm", "graph", "login"))

    @property
    def settings(self) -> Mapping[str, Any]:
        """Options of the connector that plan the whole tenant."""
        return {"endpoint": self.endpoints, **self._settings}

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AZURE_TENANT_ID": self.tenant,
            "AZURE_CLIENT_ID": self.login.client.app_id,
            "AZURE_AUTHORITY_HOST": self.address("login"),
            "REQUESTS_CA_BUNDLE": str(self._bundle),
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            **self._variables,
        }

    @property
    def remove(self) -> tuple[str, ...]:
        return ("AZURE_", "MSI_", "IDENTITY_", "ARM_", "IMDS_", *PROXIES)

    def withdraw(self, permissions: Iterable[str]) -> None:
        """Deny permissions, and whatever else would open the same methods of Microsoft Graph."""
        withdraw(self.faults, permissions)

    def _signing_in(self, folder: Path) -> dict[str, str]:
        if self._sign_in == SECRET:
            return {"AZURE_CLIENT_SECRET": self.login.client.secret}
        if self._sign_in == FEDERATED:
            path = folder / "assertion.jwt"
            path.touch(mode=0o600)
            path.write_text(self._assertion(), encoding="ascii")
            return {"AZURE_FEDERATED_TOKEN_FILE": str(path)}
        path = folder / "certificate.pem"
        path.touch(mode=0o600)
        path.write_bytes(self._certificate())
        return {"AZURE_CLIENT_CERTIFICATE_PATH": str(path)}

    def _assertion(self) -> str:
        """What the issuer of a cluster gives to a workload in it."""
        claims = {"iss": ISSUER, "sub": SUBJECT, "aud": "api://AzureADTokenExchange", "exp": 4_102_444_800}
        signed = ".".join(_text(part) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        assertion = f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        self.canaries.watch("assertion of the caller", assertion)
        return assertion

    def _certificate(self) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nhiscan")])
        start = datetime(2020, 1, 1, tzinfo=UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=10950))
            .sign(self._key, hashes.SHA256())
        )
        private = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.canaries.watch("private key of the caller", private.decode().splitlines()[1])
        return private + certificate.public_bytes(serialization.Encoding.PEM)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def withdraw(faults: Faults, permissions: Iterable[str]) -> None:
    """Deny permissions in a fault plan, and whatever else would open the same methods of Microsoft Graph.

    Most of Graph opens to any of several permissions: to lose one of them alone changes nothing.
    """
    wanted = set(permissions)
    others = {one for method in METHODS if wanted & set(method.permissions) for one in method.permissions}
    for one in sorted(wanted | others):
        faults.deny(one)


def _text(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
