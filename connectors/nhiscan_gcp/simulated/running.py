"""Start and stop a simulated Google Cloud."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from nhiscan.connector import MissingExtra
from nhiscan.testing.canaries import Canaries
from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import NOW
from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import Faults
from nhiscan.testing.server import LoopbackServer
from nhiscan.testing.tls import shared_authority
from nhiscan_gcp.simulated.estate import Estate, with_caller
from nhiscan_gcp.simulated.gateway import APIS, Gateway
from nhiscan_gcp.simulated.ids import Ids
from nhiscan_gcp.simulated.tokens import Tokens
from nhiscan_gcp.simulated.world import World


class SimulatedGcp:
    """A simulated Google Cloud on the loopback, over TLS, as a context manager.

    ``settle``       seconds until a project that was made shows in a search
    ``short_every``  each n-th page of the asset inventory and of HMAC keys shows half of what it could (0: none)
    ``retry_after``  value of that header where a call is throttled; None: no header

    Under `environment` the client libraries reach it and nothing else: the credentials are those of a service account
    of the world, with a key and a token endpoint of the simulation. `endpoints` are the addresses of the APIs.
    ``canaries`` knows every secret it holds or gives out.
    """

    def __init__(
        self,
        world: World,
        *,
        clock: SimulatedClock | None = None,
        seed: int = 1,
        settle: int = 0,
        short_every: int = 0,
        retry_after: str | None = "1",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.world = with_caller(world)
        self.clock = clock or SimulatedClock(NOW)
        self.calls = CallCounts()
        self.faults = Faults(self.clock)
        self.canaries = Canaries(seed)
        self._settings = dict(settings or {})
        ids = Ids(seed)
        self.estate = Estate(self.world, ids, self.canaries.plant)
        self._signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert self.world.caller is not None
        caller = self.world.caller
        account = next(one for one in self.estate.accounts[caller.project] if one.account.name == caller.account)
        self.caller = account.email
        self.tokens = Tokens(ids, {account.email: self._signing.public_key()}, self.canaries.watch)
        self.gateway = Gateway(
            self.estate,
            self.tokens,
            self.calls,
            self.faults,
            self.clock,
            settle=settle,
            short_every=short_every,
            retry_after=retry_after,
        )
        self._rest: LoopbackServer | None = None
        self._rpc: Any = None
        self._port = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> Self:
        """Serve the world. MissingExtra where google-cloud-iam is not installed."""
        try:
            from nhiscan_gcp.simulated import rpc
        except ModuleNotFoundError as problem:
            if problem.name is None or problem.name.startswith("nhiscan"):
                raise
            raise MissingExtra("gcp", "google-cloud-iam", "gcp") from None
        self._folder = tempfile.TemporaryDirectory(prefix="nhiscan-simulated-gcp-")
        folder = Path(self._folder.name)
        authority = shared_authority()
        self._rest = LoopbackServer(self.gateway, authority.server_context()).start()
        service = rpc.IamService(self.estate, self.tokens, self.calls, self.faults, self.clock)
        self._rpc, self._port = rpc.serve(service, *authority.server_pair())
        self._bundle = authority.bundle
        self._credentials = folder / "credentials.json"
        self._credentials.touch(mode=0o600)
        self._credentials.write_text(json.dumps(self._key_file()), encoding="utf-8")
        return self

    def _key_file(self) -> dict[str, str]:
        assert self.world.caller is not None
        pem = self._signing.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.canaries.watch("private key of the caller", pem.splitlines()[1])
        return {
            "type": "service_account",
            "project_id": self.world.caller.project,
            "private_key_id": self.estate.ids.hex(40, "caller"),
            "private_key": pem,
            "client_email": self.caller,
            "token_uri": f"{self.endpoint}/token",
        }

    def stop(self) -> None:
        """End the servers. A second call does nothing."""
        if self._rest is None:
            return
        self._rpc.stop(grace=None).wait()
        self._rest.stop()
        assert self._folder is not None
        self._folder.cleanup()
        self._rest = self._rpc = self._folder = None

    @property
    def endpoint(self) -> str:
        if self._rest is None:
            raise RuntimeError("the simulation has not been started")
        return self._rest.url

    @property
    def endpoints(self) -> tuple[str, ...]:
        """``<api>=<address>`` for each API, as the connector's option ``endpoint`` takes them."""
        rest = tuple(f"{api}={self.endpoint}/{api}" for api in APIS)
        return (*rest, f"iam-grpc=127.0.0.1:{self._port}")

    @property
    def settings(self) -> Mapping[str, Any]:
        """Options of the connector that plan the whole estate."""
        return {"endpoint": self.endpoints, **self._settings}

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "GOOGLE_APPLICATION_CREDENTIALS": str(self._credentials),
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(self._bundle),
            "REQUESTS_CA_BUNDLE": str(self._bundle),
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "no_grpc_proxy": "127.0.0.1,localhost",
        }

    @property
    def remove(self) -> tuple[str, ...]:
        return (
            "GOOGLE_",
            "CLOUDSDK_",
            "GCE_",
            "GCLOUD_",
            "GRPC_DEFAULT",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "grpc_proxy",
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
