"""Start and stop a simulated AWS."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nhiscan.connector import MissingExtra
from nhiscan.testing.canaries import Canaries
from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import NOW
from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import Faults
from nhiscan.testing.server import LoopbackServer
from nhiscan_aws.simulated.world import World

REGION = "us-east-1"
DAY = 86_400


class SimulatedAws:
    """A simulated AWS on the loopback, as a context manager.

    ``use_delay``     seconds after which the use of a credential shows (AWS: hours)
    ``report_polls``  GenerateCredentialReport calls between STARTED and COMPLETE: 1 is STARTED, COMPLETE
    ``job_polls``     GetServiceLastAccessedDetails calls that are answered IN_PROGRESS before COMPLETED
    ``short_pages``   each n-th page of a walk shows half of what was asked for (0: none)
    ``empty_pages``   each n-th page of a walk of Organizations is empty and names a next one (0: none)

    ``canaries`` knows every secret it holds or gives out: none of them may ever turn up anywhere.
    While it runs: `account` gives the state of an account, to be changed with the functions of `planting` and `report`;
    `organization` that of the organisation, to be changed with those of `organizations`.
    """

    def __init__(
        self,
        world: World,
        *,
        clock: SimulatedClock | None = None,
        seed: int = 1,
        use_delay: int = 4 * 3600,
        report_polls: int = 1,
        job_polls: int = 1,
        short_pages: int = 0,
        empty_pages: int = 0,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.world = world
        self.clock = clock or SimulatedClock(NOW)
        self.calls = CallCounts()
        self.faults = Faults(self.clock)
        self.canaries = Canaries(seed)
        self.settings: Mapping[str, Any] = dict(settings or {})
        """Options of the connector that plan the whole estate."""
        self._seed = seed
        self._how = {
            "use_delay": use_delay,
            "report_polls": report_polls,
            "job_polls": job_polls,
            "short_pages": short_pages,
            "empty_pages": empty_pages,
        }
        self._server: LoopbackServer | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._accounts: dict[str, Any] = {}
        self._organization: Any = None
        self._gateway: Any = None
        self._caller = ("", "")

    def start(self) -> Self:
        """Build the world and serve it. MissingExtra when moto is not installed."""
        try:
            from nhiscan_aws.simulated import building
        except ModuleNotFoundError as problem:
            if problem.name is None or problem.name.startswith("nhiscan"):
                raise
            raise MissingExtra("aws", problem.name.partition(".")[0], "demo") from None
        built = building.build(self.world, self._seed, self.clock, self.calls, self.faults, self.canaries, self._how)
        self._accounts, self._gateway, self._caller = built.accounts, built.gateway, built.caller
        self._organization = built.organization
        self._folder = tempfile.TemporaryDirectory(prefix="nhiscan-simulated-aws-")
        for name in ("config", "credentials"):
            (Path(self._folder.name) / name).touch(mode=0o600)
        self._server = LoopbackServer(built.gateway).start()
        return self

    def stop(self) -> None:
        """End the server and forget the accounts. A second call does nothing."""
        if self._server is None or self._folder is None:
            return
        from nhiscan_aws.simulated import stock

        self._gateway.halt()
        self._server.stop()
        self._folder.cleanup()
        stock.give_back(list(self._accounts))
        self._server = self._folder = None

    def account(self, account_id: str) -> Any:
        """The `AccountState` of an account; KeyError when it is not simulated."""
        return self._accounts[account_id]

    @property
    def organization(self) -> Any:
        """The `OrganizationState`. RuntimeError where the world has none."""
        if self._organization is None:
            raise RuntimeError("this world has no organisation")
        return self._organization

    @property
    def endpoint(self) -> str:
        """Scheme, address and port."""
        if self._server is None:
            raise RuntimeError("the simulation has not been started")
        return self._server.url

    @property
    def unanswered(self) -> Mapping[str, int]:
        """Calls that nobody simulates, by action."""
        return dict(self._gateway.unanswered)

    @property
    def credentials(self) -> tuple[str, str]:
        """Access key id and secret of the caller."""
        return self._caller

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables under which boto3 reaches this simulation and nothing else. Remove `remove` besides."""
        if self._folder is None:
            raise RuntimeError("the simulation has not been started")
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self._caller[0],
            "AWS_SECRET_ACCESS_KEY": self._caller[1],
            "AWS_CONFIG_FILE": str(Path(self._folder.name) / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(Path(self._folder.name) / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    @property
    def remove(self) -> tuple[str, ...]:
        """Beginnings of the names of variables that could lead elsewhere."""
        return (
            "AWS_",
            "BOTO_",
            "MOTO_",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
