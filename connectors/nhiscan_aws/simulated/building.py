"""From a declared world to accounts that answer. Importing this module imports moto."""

from collections.abc import Mapping
from dataclasses import dataclass

from nhiscan.testing.canaries import Canaries
from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import Faults
from nhiscan_aws.simulated import stock
from nhiscan_aws.simulated.gateway import Gateway
from nhiscan_aws.simulated.ids import KEY, Ids
from nhiscan_aws.simulated.organizations import OrganizationState, new_organization
from nhiscan_aws.simulated.planting import plant_account
from nhiscan_aws.simulated.sessions import Sessions
from nhiscan_aws.simulated.state import AccountState, new_state
from nhiscan_aws.simulated.world import World


@dataclass(frozen=True)
class Built:
    """A world that can be served. ``caller`` is access key id and secret."""

    accounts: dict[str, AccountState]
    gateway: Gateway
    caller: tuple[str, str]
    organization: OrganizationState | None


def build(
    world: World,
    seed: int,
    clock: SimulatedClock,
    calls: CallCounts,
    faults: Faults,
    canaries: Canaries,
    how: Mapping[str, int],
) -> Built:
    """Reserve the accounts, fill them, find the caller's key."""
    ids = Ids(seed)
    organization = new_organization(world, ids, empty_pages=how["empty_pages"])
    stock.take([account.id for account in world.accounts])
    try:
        accounts: dict[str, AccountState] = {}
        for account in world.accounts:
            state = new_state(
                account,
                ids,
                clock,
                use_delay=how["use_delay"],
                report_polls=how["report_polls"],
                job_polls=how["job_polls"],
                short_pages=how["short_pages"],
            )
            with stock.answering(clock):
                plant_account(state, account)
            accounts[account.id] = state
            for key_id in state.backend.access_keys:
                canaries.watch(f"secret of {key_id}", ids.secret(key_id))
        sessions = Sessions(accounts, canaries)
        key_id = _caller_key(world, accounts, sessions, ids)
        canaries.watch(f"secret of {key_id}", ids.secret(key_id))
    except BaseException:
        stock.give_back([account.id for account in world.accounts])
        raise
    gateway = Gateway(accounts, organization, sessions, calls, faults, ids)
    return Built(accounts, gateway, (key_id, ids.secret(key_id)), organization)


def _caller_key(world: World, accounts: Mapping[str, AccountState], sessions: Sessions, ids: Ids) -> str:
    """The first active key of the caller; for root a key of nobody, so that reading the world does not change it."""
    caller = world.caller
    if caller is None or caller.user is None:
        account = world.accounts[0].id if caller is None else caller.account
        key_id = ids.make(KEY, account, "caller")
        sessions.admit_root(account, key_id)
        return key_id
    user = accounts[caller.account].user(caller.user)
    for key in () if user is None else user.access_keys:
        if key.status == "Active":
            return str(key.access_key_id)
    raise ValueError(f"the caller {caller.user} of account {caller.account} has no active key")
