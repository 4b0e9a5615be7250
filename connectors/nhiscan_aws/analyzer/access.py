"""`effective_access`: what each user, group and role may do, all its policies and limits together.

One row a capability worth judging, some twenty a principal at most: see `nhiscan.model.ACCESS_CAPABILITIES`. A row
names the statement that gives it by one of its actions, the one that hangs on the least.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nhiscan.model import EffectiveAccess
from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.accessrow import MOST_ACTIONS, joined, made, renamed, unread
from nhiscan_aws.analyzer.documents import Masks, Rule, masks_of, widest
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.layers import Held
from nhiscan_aws.analyzer.levels import Level, highest, lowest
from nhiscan_aws.analyzer.principal import Principal
from nhiscan_aws.analyzer.verdict import Allow, Answer

MOST_SERVICES = 8
"""Rows of whole services a principal; the rest stand together in one."""
MOST_LOOKS = 200
"""Actions that are asked for one by one, where the first one of a row turns out to be none."""

_OF_CLASSES = (
    "permissions_management",
    "credential_creation",
    "credential_exposure",
    "secret_read",
    "guardrail_removal",
)
_BECOMING = (("pass_role", "iam:passrole"), ("assume_role", "sts:assumerole"))


def effective_access(estate: Estate) -> Iterator[EffectiveAccess]:
    """The rows of all users, groups and roles, by principal.

    Principals whose policies and limits say the same, word for word, and do not ask who they are, have the same rows:
    they are worked out once.
    """
    known: dict[tuple[object, ...], tuple[Principal, list[EffectiveAccess]]] = {}
    for principal in sorted([*estate.principals.values(), *estate.groups.values()], key=lambda one: one.key):
        layers = [principal.layer, *principal.limits()]
        if any(layer.rules for layer in layers):
            yield from _Rows(estate, principal).all()
            continue
        said = tuple((layer.gaps, tuple((held.layer, held.digest) for held in layer.held)) for layer in layers)
        signature = (principal.scope, said)
        if signature in known:
            yield from renamed(*known[signature], principal)
        else:
            rows = list(_Rows(estate, principal).all())
            known[signature] = (principal, rows)
            yield from rows


class _Source(NamedTuple):
    """A statement that allows."""

    held: Held
    rule: Rule
    masks: Masks


class _Rows:
    """The rows of one principal."""

    def __init__(self, estate: Estate, principal: Principal) -> None:
        self.estate = estate
        self.table = estate.table
        self.principal = principal
        self.power = principal.power
        self.level = Level(estate, principal)
        self.gaps = frozenset(principal.unread)

    def all(self) -> Iterator[EffectiveAccess]:
        yield from self._unread()
        if not self.power.granted:
            return
        sources = list(self._sources())
        if self.level.granted_administrator:
            yield self._administrator(sources)
        for source in sources:
            if source.rule.excepted and source.masks.some:
                yield self._exclusion(source)
        yield from self._services(sources)
        for capability, action in _BECOMING:
            yield from self._becoming(capability, action)
        for name in _OF_CLASSES:
            yield from self._held(name, "", self.table.classes[name])
        for level, mask in self.table.levels.items():
            yield from self._held("level", level, mask)
        yield from self._held("level", "unknown", self._named_unknown())

    def _named_unknown(self) -> int:
        """Unknown actions that a policy gives by name, or by the name of their service."""
        found = 0
        for document in self.principal.layer.documents if self.table.unknown & self.power.possible else ():
            for rule in document.rules if document is not None else ():
                if rule.allow and not rule.excepted and not any(map(patterns.covers_all_actions, rule.patterns)):
                    found |= self.table.together(rule.patterns) & self.table.unknown
        return found

    def _sources(self) -> Iterator[_Source]:
        """The statements that allow whole services, or everything but some actions."""
        principal = self.principal
        facts = self.estate.facts_of(principal)
        account = self.estate.accounts[principal.scope]
        owned = facts.about(account.owned)
        for held, document in zip(principal.policies, principal.layer.documents, strict=True):
            for rule in document.rules if document is not None else ():
                if rule.allow and (rule.excepted or any(_is_whole(one) for one in rule.patterns)):
                    yield _Source(held, rule, masks_of((rule,), self.table, facts, account.place, owned))

    # --- what was not read ---

    def _unread(self) -> Iterator[EffectiveAccess]:
        for held, document in zip(self.principal.policies, self.principal.layer.documents, strict=True):
            if document is None:
                yield unread(self.principal, held, "document", "document-unread")
            else:
                for one in document.unreadable:
                    yield unread(self.principal, held, one.statement, "document-unreadable")

    # --- what is granted in one go ---

    def _administrator(self, sources: list[_Source]) -> EffectiveAccess:
        """Every action on everything: from one statement, or from several together."""
        level = self.level
        growing = self.table.classes["administration"]
        answer = self._ask(growing & self.power.everywhere or growing, surely=self.power.surely_everywhere)
        whole = [
            one for one in sources if not one.rule.excepted and any(map(patterns.covers_all_actions, one.rule.patterns))
        ]
        whole.sort(key=lambda one: (not one.masks.wide, not one.masks.wide_maybe, one.held.grant.key, one.rule.number))
        chosen = _widest(answer.allows)
        if whole and whole[0].masks.anywhere:
            held, rule, _ = whole[0]
            action = next(one for one in rule.patterns if patterns.covers_all_actions(one))
            source = (action, rule.written, held.grant.key, rule.name)
        elif chosen is not None:
            granting = self._granting(chosen, self.table.names(growing & self.power.everywhere or growing)[0].lower())
            action = granting if granting.startswith("not:") else "*"
            source = (action, chosen.resource, chosen.grant, chosen.statement)
        else:
            source = ("*", "*", *self._somehow(growing))
        action, resource, via, statement = source
        return made(
            self.principal,
            self.gaps,
            "administrator",
            "",
            level="administrator",
            service="*",
            action=action,
            actions=self.power.possible.bit_count(),
            resource=resource,
            everywhere=1,
            effect="allowed" if level.administrator else level.effect,
            via=via,
            statement=statement,
            answer=answer if level.administrator else None,
            sure=level.surely_administrator,
            limits=() if level.administrator else level.limits,
        )

    def _somehow(self, mask: int) -> tuple[str, str]:
        """(grant, statement) that gives some action of a mask, whatever takes it away again."""
        for action in map(str.lower, self.table.names(mask)):
            for held, document in zip(self.principal.policies, self.principal.layer.documents, strict=True):
                for rule in document.naming(action) if document is not None else ():
                    if rule.allow:
                        return held.grant.key, rule.name
        return "", ""

    def _exclusion(self, source: _Source) -> EffectiveAccess:
        """Everything but what is named."""
        held, rule, masks = source
        growing = self.table.classes["administration"]
        level = "administrator" if masks.anywhere & growing == growing else highest(self.table, masks.some)
        return self._given(
            source,
            "exclusion",
            f"{held.grant.key}|{rule.number}",
            granted=masks.some,
            level=level,
            service="*",
            action=f"not:{','.join(rule.patterns)}",
        )

    def _services(self, sources: list[_Source]) -> Iterator[EffectiveAccess]:
        """Whole services: on everything, or on less."""
        found: dict[str, _Source] = {}
        for source in sources:
            for pattern in source.rule.patterns if not source.rule.excepted else ():
                if patterns.is_service_wildcard(pattern) and source.masks.some:
                    service = patterns.service_of(pattern)
                    if service not in found or _firmness(source.masks) > _firmness(found[service].masks):
                        found[service] = source
        rows = []
        for service, source in sorted(found.items()):
            granted = source.masks.some & self.table.mask(f"{service}:*")
            if granted:
                named = [one for one in source.rule.patterns if patterns.is_service_wildcard(one)]
                action = next(one for one in named if patterns.service_of(one) == service)
                level = highest(self.table, granted)
                rows.append(
                    self._given(
                        source,
                        "service_administrator",
                        service,
                        granted=granted,
                        level=level,
                        service=service,
                        action=action,
                    )
                )
        rows.sort(key=lambda row: (-row.everywhere, row.effect, row.service))
        yield from rows[:MOST_SERVICES]
        if rest := rows[MOST_SERVICES:]:
            yield joined(rest)

    def _given(
        self, source: _Source, capability: str, what: str, *, granted: int, level: str, service: str, action: str
    ) -> EffectiveAccess:
        """The row of one statement; most of what it grants has to be left for the effect "allowed"."""
        held, rule, masks = source
        left = granted & self.power.possible
        kept = left.bit_count() * 2 > granted.bit_count()
        lost = granted & ~left
        answer = self._ask(left & self.power.sure or left, held.grant.key) if kept else None
        return made(
            self.principal,
            self.gaps,
            capability,
            what,
            level=level,
            service=service,
            action=action,
            actions=left.bit_count(),
            resource=rule.written,
            everywhere=int(bool(masks.anywhere & granted)),
            effect="allowed" if kept else self.level.effect_on(lost),
            via=held.grant.key,
            statement=rule.name,
            answer=answer,
            sure=bool(masks.allow & left & self.power.sure),
            limits=() if kept else self.level.limits_on(lost),
            reason=None if granted & self.table.known else "unknown-action",
        )

    # --- what is left ---

    def _becoming(self, capability: str, action: str) -> Iterator[EffectiveAccess]:
        """Acting as a role, on more than named ones."""
        bit = self.table.bit(action)
        answer = self.principal.check(action) if bit & self.power.possible else None
        chosen = _widest([allow for allow in answer.allows if _on_many(allow.resource)]) if answer is not None else None
        if answer is not None and chosen is not None:
            yield made(
                self.principal,
                self.gaps,
                capability,
                "",
                level="write",
                service=patterns.service_of(action),
                action=self._granting(chosen, action),
                actions=1,
                resource=chosen.resource,
                everywhere=int(bool(bit & self.power.everywhere)),
                effect="allowed",
                via=chosen.grant,
                statement=chosen.statement,
                answer=answer,
                sure=not chosen.conditions,
            )

    def _granting(self, allow: Allow, action: str) -> str:
        """The action pattern as granted, by the statement that allows it."""
        for held, document in zip(self.principal.policies, self.principal.layer.documents, strict=True):
            for rule in document.naming(action) if document and held.grant.key == allow.grant else ():
                if rule.number == allow.number:
                    named = [one for one in rule.patterns if patterns.matches(one, action)]
                    return min(named) if named else f"not:{','.join(rule.patterns)}"
        return action

    def _held(self, capability: str, level: str, wanted: int) -> Iterator[EffectiveAccess]:
        """Actions of one class or level: on everything in one row, on less in another."""
        power = self.power
        for everywhere, mask, surely in (
            (1, wanted & power.everywhere, power.surely_everywhere),
            (0, wanted & power.possible & ~power.everywhere, power.sure),
        ):
            left = mask
            answer = self._ask(mask & surely or mask) if mask else None
            if answer is not None and not answer.allows:  # masks take a little too much for possible
                answer, left = self._closer(mask)
            chosen = _widest(answer.allows) if answer is not None else None
            if answer is None or chosen is None:
                continue
            yield made(
                self.principal,
                self.gaps,
                capability,
                f"{level}|{everywhere}",
                level=level or highest(self.table, left),
                service=",".join(self.table.named_services(left, wanted)),
                action=",".join(sorted(self.table.names(lowest(left, MOST_ACTIONS)))),
                actions=left.bit_count(),
                resource=chosen.resource,
                everywhere=everywhere,
                effect="allowed",
                via=chosen.grant,
                statement=chosen.statement,
                answer=answer,
                sure=False,
                reason="unknown-action" if level == "unknown" else None,
            )

    def _closer(self, mask: int) -> tuple[Answer | None, int]:
        """Each action of a mask on its own: (the best answer, the actions that are left)."""
        best: Answer | None = None
        left = 0
        for name in self.table.names(lowest(mask, MOST_LOOKS)):
            answer = self.principal.check(name)
            if answer.allows:
                left |= self.table.bit(name)
                if best is None or (best.state, answer.state) == ("conditional", "allowed"):
                    best = answer
        return best, left

    def _ask(self, mask: int, grant: str | None = None, surely: int | None = None) -> Answer:
        """The answer for one action of a mask, one that is left for certain if there is any; of one grant alone, if it
        can be.
        """
        some = mask & (self.power.sure if surely is None else surely) or mask
        (name,) = self.table.names(some & -some)
        answer = self.principal.check(name)
        ours = tuple(allow for allow in answer.allows if allow.grant == grant)
        return answer._replace(allows=ours) if ours else answer


def _is_whole(pattern: str) -> bool:
    return patterns.covers_all_actions(pattern) or patterns.is_service_wildcard(pattern)


def _firmness(masks: Masks) -> tuple[int, int, int]:
    return masks.wide.bit_count(), masks.wide_maybe.bit_count(), masks.allow.bit_count()


def _on_many(resource: str) -> bool:
    return resource.startswith("not:") or patterns.has_wildcard(resource)


def _widest(allows: Iterable[Allow]) -> Allow | None:
    """The statement to name: of those without conditions, if any, the one on the widest resource."""
    found = list(allows)
    if not found:
        return None
    firm = [allow for allow in found if not allow.conditions] or found
    wide = widest(allow.resource for allow in firm)
    return min(allow for allow in firm if allow.resource == wide)
