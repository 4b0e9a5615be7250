"""Who holds and owns: ``graph.principals``. Users and groups, and all members of those groups.

Every id that a listing of this scan named as holder or owner is looked up. One that Graph does not know is nobody, and
gets no row. Where a listing of ids did not come to its end, this one does not, either.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from math import ceil

from nhiscan.connector import BadAnswer, InputNotRead, Reader
from nhiscan.model import Covered, Grant, Identity, Record, Relation
from nhiscan_azure import people
from nhiscan_azure.batch import MOST, Ask, lists, objects
from nhiscan_azure.declare_arm import ASSIGNMENTS
from nhiscan_azure.failures import NotGranted
from nhiscan_azure.node import Node
from nhiscan_azure.service import Json, items
from nhiscan_azure.sources import applications, consents, owners, roles
from nhiscan_azure.values import identifier, moment

ID, LEAVING = "graph.principals", "graph.leave-dates"
IDS = 1_000
PAGE = 999
_LEAVES = "User-LifeCycleInfo.Read.All"
FEW = 5
"""Calls up to which users are asked one by one, twenty a call, without asking first how many the tenant has."""


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """Holders first, then what is in the groups among them."""
    listings = [applications.ID, owners.ID, consents.ROLES, roles.ASSIGNMENTS]
    if not node.settings.get("no-eligible-assignments"):
        listings.append(roles.ELIGIBLE)
    wanted = node.registry.known(tuple(listings[1:]))
    for source in node.assignments:
        for one in reader(source):
            if isinstance(one, Grant) and one.principal.startswith(f"{node.tenant}/object/"):
                wanted.add(one.principal.rpartition("/")[2])
    principals = node.registry.known((applications.ID,))
    users: set[str] = set()
    groups: set[str] = set()
    for shown in _by_ids(node, sorted(wanted - principals)):
        native, kind = identifier(shown.get("id")), people.kind_of(shown)
        if native is not None and kind == "user":
            users.add(native)
        elif native is not None and kind == "group":
            groups.add(native)
            yield people.group(node.key, shown, ID)
    inner: set[str] = set()
    asks = (Ask(one, f"groups/{one}/transitiveMembers?$select=id&$top={PAGE}") for one in sorted(groups))
    for ask, found in lists(node.graph, node.context, "graph.groups.transitiveMembers", asks):
        users.update(people.ids(found, "user"))
        inner.update(people.ids(found, "group"))
        members = {native for shown in found or () if (native := identifier(shown.get("id")))}
        for member in sorted(members - {ask.name}):
            subject, target = node.object(member), node.object(ask.name)
            yield Relation(f"member_of|{subject}|{target}", node.key, "member_of", subject, target, ID)
    for shown in _by_ids(node, sorted(inner - groups)):
        if people.kind_of(shown) == "group":
            yield people.group(node.key, shown, ID)
    for shown in _users(node, users):
        identity, names = people.user(node.key, shown, ID)
        yield identity
        yield from names
    node.registry.check(tuple(listings))
    below = node.below()
    if not node.estate.assigned.issuperset(below):  # who holds what there is told later, if at all
        raise InputNotRead(ASSIGNMENTS)
    yield from map(Covered, below)


def run_leaving(node: Node, reader: Reader) -> Iterator[Record]:
    """The last day of those users. Without its permission Graph leaves the value empty, so the token is looked at."""
    operation = "graph.users.employeeLeaveDateTime"
    if _LEAVES not in node.granted:
        raise NotGranted(operation, _LEAVES)
    listed = (one for one in reader(ID) if isinstance(one, Identity) and one.kind == "user")
    while part := list(islice(listed, IDS)):
        by_id = {one.native_id: one for one in part}
        asks = (Ask(one, f"users/{one}?$select=id,employeeLeaveDateTime") for one in by_id)
        for ask, shown in objects(node.graph, node.context, operation, asks):
            if shown is not None and (at := moment(shown.get("employeeLeaveDateTime"))) is not None:
                yield by_id[ask.name]._replace(leaves_at=at, source=LEAVING)


def _by_ids(node: Node, ids: Iterable[str]) -> Iterator[Json]:
    """The objects of these ids that are there, a thousand a call."""
    remaining = iter(ids)
    while part := list(islice(remaining, IDS)):
        body = {"ids": part, "types": ["user", "group", "servicePrincipal"]}
        told = {"ids": len(part)}
        answer = node.graph.post("graph.directoryObjects.getByIds", "v1.0/directoryObjects/getByIds", body, told=told)
        yield from items("graph.directoryObjects.getByIds", answer)
        if answer.get("@odata.nextLink"):
            raise BadAnswer("graph.directoryObjects.getByIds", "has more pages than one")


def _users(node: Node, wanted: set[str]) -> Iterator[Json]:
    """Users one by one, twenty a call; all users of the tenant where that takes fewer calls."""
    calls = ceil(len(wanted) / MOST)
    if calls > FEW and calls > 1 + ceil(node.graph.number("graph.users.count", "v1.0/users/$count") / PAGE):
        query = {"$select": people.USER, "$top": str(PAGE)}
        for found, _ in node.graph.pages("graph.users", "v1.0/users", query):
            yield from (shown for shown in found if identifier(shown.get("id")) in wanted)
        return
    asks = (Ask(one, f"users/{one}?$select={people.USER}") for one in sorted(wanted))
    for _, shown in objects(node.graph, node.context, "graph.users.get", asks):
        if shown is not None:
            yield shown
