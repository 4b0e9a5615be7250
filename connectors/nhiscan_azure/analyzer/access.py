"""`effective_access`: what each principal may do, one row a capability worth judging.

Rows of Azure RBAC have the place in ``resource`` and ``everywhere`` 1 where that is a whole subscription or more. Rows
over the directory have ``service`` "microsoft.directory" (roles) or "microsoft.graph" (permissions), the name of the
role or permission in ``action``, its id in ``statement``, and ``everywhere`` 1 where it holds over all of the tenant.
The level of such a row is "administrator" where the role or permission leads straight to the tenant.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from nhiscan.model import EffectiveAccess
from nhiscan_azure.analyzer import patterns
from nhiscan_azure.analyzer.accessrow import Writer, listed
from nhiscan_azure.analyzer.catalogue import Rated
from nhiscan_azure.analyzer.definitions import CONTROL, DATA
from nhiscan_azure.analyzer.estate import Estate, Held, Principal
from nhiscan_azure.analyzer.levels import ENTRA, GRAPH, LEVELS, left, level_of_permission
from nhiscan_azure.analyzer.masks import ASSIGN, EVERYTHING
from nhiscan_azure.analyzer.places import DIRECTORY
from nhiscan_azure.analyzer.roles import AZURE, DELEGATED, OF_API, OVER_DIRECTORY, UNSETTLED
from nhiscan_azure.analyzer.verdict import Answer, check

MOST_ACTIONS = 10
"""Actions that a row names."""
_LEVELS = {UNSETTLED: "unknown", "lockout": "write"}


def effective_access(estate: Estate) -> Iterator[EffectiveAccess]:
    """The rows of all principals and groups, by key; an application has those of its principals."""
    for principal in (*estate.principals.values(), *estate.groups.values()):
        rows = list(_Rows(estate, principal).rows())
        yield from rows
        application = estate.application_of.get(principal.key)
        if application in estate.identities and estate.identities[application].kind == "application":
            for row in rows:
                yield row._replace(
                    key=f"{application}|{row.key.removeprefix(f'{principal.key}|')}",
                    principal=application,
                    scope=estate.identities[application].scope,
                )


class _Rows(Writer):
    """The rows of one principal."""

    def __init__(self, estate: Estate, principal: Principal) -> None:
        super().__init__(estate, principal)
        self.rights = principal.rights

    def rows(self) -> Iterator[EffectiveAccess]:
        yield from self._unread()
        yield from self._administrator()
        yield from self._capabilities()
        yield from self._services()
        yield from self._levels()
        for held in self.principal.held:
            if held.role.kind != AZURE:
                yield from self._directory(held)

    # --- what was not read ---

    def _unread(self) -> Iterator[EffectiveAccess]:
        for held in self.principal.held:
            if held.role.unread is not None:
                yield self._unknown(held)
        for service, unread in (("*", self.estate.azure_unread), (ENTRA, self.estate.directory_unread)):
            if unread:
                row = self.row(
                    "unknown", f"grants|{service}", service=service, resource=unread[0], reasons=("grants-unread",)
                )
                yield row._replace(actions=len(unread))

    def _unknown(self, held: Held) -> EffectiveAccess:
        """A role that was not read. What is known of it by its id is told, and changes nothing about "unknown"."""
        role = held.role
        built_in = self.estate.catalogue.built_in.get(role.id) if role.kind == AZURE else None
        level = built_in.level if built_in is not None else "unknown"
        if role.kind == OVER_DIRECTORY and role.rated is not None:
            level = "administrator" if role.rated.path == "direct" else "permissions_management"
        known = built_in is not None or role.rated is not None
        return self.row(
            "unknown",
            held.grant.key,
            level=level,
            action=role.name if known else "unknown",
            resource=held.place,
            via=held.grant.key,
            statement=role.id if known else "",
            reasons=(role.unread or "document-unread",),
        )

    # --- everything at a place, or all but what is named ---

    def _administrator(self) -> Iterator[EffectiveAccess]:
        bits, rights = self.estate.bits, self.rights
        star = bits.bit(CONTROL, EVERYTHING)
        administered: set[str] = set()
        for place in rights.at:
            has = rights.on(place)
            if not bits.administers(has.open) or self._told(place, administered):
                continue
            administered.add(place)
            wide = self.estate.places.wide(place)
            answer = self._both(place)
            yield self.row(
                "administrator" if wide else "scope_administrator",
                place,
                level="administrator" if wide else "permissions_management",
                service="*",
                action="*",
                actions=has.open.bit_count(),
                resource=place,
                everywhere=int(wide),
                answer=answer,
                sure=bits.administers(has.sure),
            )
        excluded: set[str] = set()
        for place in rights.at:
            has = rights.on(place)
            if (
                bits.administers(has.open)
                or not bits.everything(has.open)
                or self._told(place, excluded | administered)
            ):
                continue
            excluded.add(place)
            answer = check(self.estate, self.principal, EVERYTHING, place)
            yield self.row(
                "exclusion",
                place,
                level="write",
                service="*",
                action=_excluded(answer),
                actions=has.open.bit_count(),
                resource=place,
                everywhere=int(self.estate.places.wide(place)),
                answer=answer,
                sure=bool(has.sure & star),
            )
        yield from self._denied(administered)

    def _denied(self, administered: set[str]) -> Iterator[EffectiveAccess]:
        """Administrator rights that a deny assignment takes away."""
        if not self.principal.denies:
            return
        granted = self.estate.rights_of(self.principal.held)
        for place, rank in granted.administered.items():
            if place in administered or self._told(place, administered):
                continue
            held = next(one for one in self.principal.held if one.role.kind == AZURE and one.place == place)
            denies = check(self.estate, self.principal, ASSIGN, place).denies
            limits = [f"deny_assignment|{deny.grant.key}|" for deny in denies]
            row = self.row(
                "administrator",
                f"denied|{place}",
                level="administrator",
                service="*",
                action="*",
                resource=place,
                everywhere=1,
                via=held.grant.key,
                reasons=("condition",) if rank else (),
            )
            yield row._replace(effect="denied", limited_by=listed(limits))

    def _told(self, place: str, told: set[str]) -> bool:
        return any(one in told for one in self.estate.places.above(place)[1:])

    def _both(self, place: str) -> Answer:
        """The answer for giving roles; where another grant gives the rest, that one counts for certainty, too."""
        some = check(self.estate, self.principal, ASSIGN, place)
        rest = check(self.estate, self.principal, EVERYTHING, place)
        return rest if rest.state == "conditional" and some.state == "allowed" else some

    # --- actions of the catalogue ---

    def _capabilities(self) -> Iterator[EffectiveAccess]:
        bits = self.estate.bits
        for capability, wanted in sorted(bits.capability.items()):
            found: dict[int, tuple[int, str]] = {}
            for place in self.rights.at:
                has = self.rights.on(place).open
                mask = has & wanted
                if mask and not bits.administers(has):
                    wide = int(self.estate.places.wide(place))
                    known, first = found.get(wide, (0, place))
                    found[wide] = (known | mask, min(first, place, key=lambda one: (len(one), one)))
            for wide, (mask, place) in sorted(found.items(), reverse=True):
                here = self.rights.on(place).open & mask
                sure = self.rights.on(place).sure & here
                actions = bits.actions(mask)
                example = bits.actions(sure or here)[0]
                yield self.row(
                    capability,
                    str(wide),
                    level="permissions_management"
                    if capability == "permissions_management"
                    else "write"
                    if capability != "secret_read"
                    else "read",
                    service=",".join(sorted({patterns.service_of(one.lower()) for one in actions})),
                    action=",".join(actions[:MOST_ACTIONS]),
                    actions=len(actions),
                    resource=place,
                    everywhere=wide,
                    answer=check(self.estate, self.principal, example, place),
                )

    def _services(self) -> Iterator[EffectiveAccess]:
        """Whole services, on a whole subscription or more, or on less."""
        found: dict[tuple[str, str], tuple[int, str, Held, str]] = {}
        for held in self.principal.held:
            for plane in (CONTROL, DATA) if held.role.kind == AZURE else ():
                for block in held.role.blocks(plane):
                    for pattern, shown in block.left():
                        service = patterns.service_of(pattern)
                        if service == "*" or pattern != f"{service}/*":
                            continue
                        wide = int(self.estate.places.wide(held.place))
                        known = found.get((service, plane))
                        if known is None or (-wide, held.place) < (-known[0], known[1]):
                            found[(service, plane)] = (wide, held.place, held, shown)
        for (service, plane), (wide, place, _, shown) in sorted(found.items()):
            answer = check(self.estate, self.principal, shown, place, plane=plane)
            if answer.allows:
                yield self.row(
                    "service_administrator",
                    f"{service}|{plane}",
                    level="write",
                    service=service,
                    action=shown,
                    actions=1,
                    resource=place,
                    everywhere=wide,
                    answer=answer,
                )

    def _levels(self) -> Iterator[EffectiveAccess]:
        """All the rest, a row a level."""
        found: dict[tuple[str, int], list[tuple[str, str, Held]]] = defaultdict(list)
        for held, one in left(self.estate, self.principal):
            wide = int(self.estate.places.wide(held.place) or held.place == DIRECTORY)
            if one.level in LEVELS and one.level != "administrator":
                found[(one.level, wide)].append((one.service, one.what, held))
        for (level, wide), some in sorted(found.items()):
            held = min(
                (one for _, _, one in some), key=lambda one: (one.reason is not None, len(one.place), one.grant.key)
            )
            what = sorted({pattern for _, pattern, _ in some})
            reasons = (held.reason,) if held.reason else ("condition",) if held.condition is not None else ()
            if held.role.unread is not None:
                reasons = (*reasons, held.role.unread)
            yield self.row(
                "level",
                f"{level}|{wide}",
                level=level,
                service=_joined(service for service, _, _ in some),
                action=",".join(what[:MOST_ACTIONS]),
                actions=len(what),
                resource=held.place,
                everywhere=wide,
                via=held.grant.key,
                reasons=(*reasons, *(("unknown-action",) if level == "unknown" else ())),
                conditions=held.condition.keys if held.condition is not None else (),
            )

    # --- over the directory ---

    def _directory(self, held: Held) -> Iterator[EffectiveAccess]:
        role = held.role
        if not role.enabled:
            return
        if role.kind in (DELEGATED, OF_API):
            yield from self._permission(held, role.name, role.id, role.rated, role.ways)
        else:
            for way in role.ways:
                yield self._way(held, way, ENTRA, role.name, role.id, role.rated)

    def _permission(
        self, held: Held, name: str, id_: str, rated: Rated | None, ways: Sequence[str]
    ) -> Iterator[EffectiveAccess]:
        for way in ways:
            yield self._way(held, way, GRAPH, name, id_, rated)
        if not ways and self.estate.catalogue.is_data(name):
            yield self.row(
                "secret_read",
                f"{held.grant.key}|{name}",
                level=level_of_permission(name),
                service=GRAPH,
                action=name,
                actions=1,
                resource=held.place,
                everywhere=1,
                via=held.grant.key,
                statement=id_,
                reasons=(held.reason,) if held.reason else (),
                directory=True,
            )

    def _way(self, held: Held, way: str, service: str, name: str, id_: str, rated: Rated | None) -> EffectiveAccess:
        capability = self.estate.catalogue.ways[way].capability
        unsettled = way == UNSETTLED
        direct = rated is not None and rated.path == "direct" and capability != "lockout"
        reasons = {held.reason} if held.reason else set()
        conditional = held.condition is not None
        return self.row(
            capability,
            f"{held.grant.key}|{name}|{way}",
            level="administrator" if direct else _LEVELS.get(way, _LEVELS.get(capability, "permissions_management")),
            service=service,
            action=name,
            actions=1,
            resource=held.place,
            everywhere=int(held.place == DIRECTORY),
            via=held.grant.key,
            statement=id_,
            reasons=(
                *reasons,
                *(("condition",) if conditional else ()),
                *(("unknown-action",) if unsettled else ()),
            ),
            conditions=held.condition.keys if held.condition is not None else (),
            possible=rated is None or rated.path == "unsettled" or rated.needs is not None,
            directory=True,
        )


def _joined(services: Iterable[str]) -> str:
    found = set(services)
    return "*" if "*" in found else ",".join(sorted(found))


def _excluded(answer: Answer) -> str:
    """What a role that gives everything else leaves out."""
    for allow in answer.allows[:1]:
        for block in allow.held.role.blocks(CONTROL):
            if block.takes:
                return "not:" + ",".join(block.shown_takes[:MOST_ACTIONS])
        if allow.held.condition is not None:
            return "not:Microsoft.Authorization/roleAssignments/write"
    return "*"
