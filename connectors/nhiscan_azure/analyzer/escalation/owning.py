"""What an owner can do with what it owns."""

from nhiscan.ways import UNSEEN
from nhiscan_azure.analyzer.estate import Estate
from nhiscan_azure.analyzer.masks import WAY
from nhiscan_azure.analyzer.places import DIRECTORY

WITHOUT_PERMISSION = "an application permission to change what it owns, such as Application.ReadWrite.OwnedBy"
DISABLED = "somebody who enables that identity again"
LOCKED = "a vendor who does not lock the credentials of the principals of its application"
UNKNOWN_OWNER = "an owner that the directory still has"


def may_add_credentials(estate: Estate, owner: str, owned: str) -> int | None:
    """How certainly an owner can add a credential to an application or service principal: 0, 1 or `UNSEEN`; None: it
    cannot.

    A user can, by being an owner. A program needs a permission of Microsoft Graph for it as well; without one it is
    not settled. An application may lock the credentials of its principals. Of other tenants' applications nobody here
    can read whether it does.
    """
    known = estate.principals.get(owner)
    if known is None:
        return UNSEEN
    rank = 0
    if known.acts_alone:
        bits = estate.bits
        power = known.rights.on(DIRECTORY)
        wanted = bits.bit(WAY, "app") | bits.bit(WAY, "app-owned")
        rank = 0 if power.sure & wanted else 1 if power.open & wanted else UNSEEN
    thing = estate.identities.get(owned)
    if thing is not None and thing.kind == "service_principal":
        if estate.locked(owned):
            return None
        rank = max(rank, of_principal(estate, owned) or 0)
    return rank


def entered(estate: Estate, principal: str, rank: int) -> int:
    """The rank of signing in as a service principal to which a credential was added; a disabled one lets nobody in."""
    return UNSEEN if _disabled(estate, principal) else rank


def _disabled(estate: Estate, principal: str) -> bool:
    some = (estate.identities.get(key) for key in (principal, estate.application_of.get(principal, "")))
    return any(one is not None and one.state == "disabled" for one in some)


def of_principal(estate: Estate, key: str) -> int | None:
    """How certainly a service principal takes a credential of its own, from whoever may add one; None: it does not."""
    identity = estate.identities[key]
    if identity.kind != "service_principal" or identity.provider_managed == 1:
        return None
    return 0 if key in estate.application_of else UNSEEN


def needs(estate: Estate, owner: str, owned: str, target: str) -> str:
    """What has to be so where it is not certain, in words. ``target``: whom it signs in as."""
    if _disabled(estate, target) and may_add_credentials(estate, owner, owned) != UNSEEN:
        return DISABLED
    known = estate.principals.get(owner)
    if known is None:
        return UNKNOWN_OWNER
    thing = estate.identities.get(owned)
    foreign = thing is not None and thing.kind == "service_principal" and of_principal(estate, owned) == UNSEEN
    return LOCKED if foreign and not known.acts_alone else WITHOUT_PERMISSION
