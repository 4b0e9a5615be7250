"""The estate: every principal of the planned AWS accounts with all that grants it something or holds it back.

Built once from `nhiscan.analyzer.Records`, and only read from then on. Two ways to ask:

* masks, one bit an action (`ActionTable`): `Principal.possible`, `Principal.sure`, `Principal.granted`. Cheap, and
  wide: an action that is not in `possible` cannot be done on any resource under any condition.
* `Principal.check`, `Estate.assumes`, `Estate.admits`: one action on one resource, exactly, with the statements that
  decide.

``resource`` is an ARN, or a pattern that stands for "some resource of these" (``*``: some resource at all): the answer
is ``allowed`` where at least one such resource is left by every layer. ``context`` holds condition keys of the request
that the asker knows: name in lower case -> values; ``()`` says that the key is absent. All that the records tell of the
principal (ARN, account, organisation, tags) is known without being given.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from nhiscan.analyzer import Records
from nhiscan.model import Grant, Identity, Policy, Scope
from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.actions import ActionTable
from nhiscan_aws.analyzer.conditions import Value
from nhiscan_aws.analyzer.documents import Document, Masks, Reader, masks_of, named_actions
from nhiscan_aws.analyzer.entering import Asking, Target, by_other, by_principal
from nhiscan_aws.analyzer.facts import Context, Facts, base, of_principal, of_service, tags_of
from nhiscan_aws.analyzer.layers import Held, Layer, Power, power
from nhiscan_aws.analyzer.organization import RCP, SCP, UNREAD, Guardrails
from nhiscan_aws.analyzer.principal import SERVICE_LINKED, Account, Principal
from nhiscan_aws.analyzer.reach import Place
from nhiscan_aws.analyzer.trusting import ASSUME, Door, Trust, Who, trust_of
from nhiscan_aws.analyzer.verdict import Allow, Answer, Found, Question, left

__all__ = ["ActionTable", "Allow", "Answer", "Context", "Door", "Estate", "Held", "Power"]

_GRANTING = ("attached_policy", "inline_policy")
_SETS_BOUNDARY = frozenset(
    f"iam:{name}" for name in ("createrole", "createuser", "putrolepermissionsboundary", "putuserpermissionsboundary")
)
_OF_ANYBODY: dict[str, Value] = dict.fromkeys(
    ("aws:principalisawsservice", "aws:principalservicename", "aws:principalservicenameslist")
)
"""Keys of which nothing is known as long as nobody knows who asks."""


class Estate:
    """All of it. Iterating over ``principals`` gives keys in order."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.scopes: Mapping[str, Scope] = {scope.key: scope for scope in sorted(records.scopes())}
        self.policies: dict[str, Policy] = {}
        for key in self.scopes:
            self.policies.update((policy.key, policy) for policy in records.policies(key))
        guardrails = Guardrails(records, self.scopes)
        granted: dict[str, list[Grant]] = {}
        for scope in self.scopes.values():
            if scope.kind == "account":
                for grant in records.grants(scope.key):
                    granted.setdefault(grant.principal, []).append(grant)
        every = [grant for grants in granted.values() for grant in grants] + list(guardrails.grants())
        self.names_of_grants = {grant.key: grant.name for grant in every}
        self._documents = self._read(digest for grant in every if (digest := self._digest(grant)))
        self.table = ActionTable.of(records.reference(), named_actions(self._documents.values()))
        self._base = base(self.table, records.as_of)
        self._masks: dict[tuple[str, Place], Masks] = {}
        self._kept: dict[Masks, Masks] = {}
        self._stacks: dict[tuple[tuple[str | None, ...], Place], Masks] = {}
        self._powers: dict[tuple[int, ...], Power] = {}
        self._kept_powers: dict[Power, Power] = {}
        self.accounts: dict[str, Account] = {}
        self.trusts: dict[str, Trust | None] = {}
        self.principals: dict[str, Principal] = {}
        self.groups: dict[str, Principal] = {}
        self.identities: dict[str, Identity] = {}
        self._names: dict[str, list[str]] = {}
        for scope in self.scopes.values():
            if scope.kind == "account":
                self._add(scope, guardrails, granted)
        self.principals = dict(sorted(self.principals.items()))
        self.groups = dict(sorted(self.groups.items()))

    # --- building ---

    def _digest(self, grant: Grant) -> str | None:
        if grant.document is not None:
            return grant.document
        policy = self.policies.get(grant.policy) if grant.policy else None
        return None if policy is None else policy.document

    def _read(self, digests: Iterable[str]) -> dict[str, Document]:
        found: dict[str, Document] = {}
        reader = Reader()
        for digest in digests:
            if digest not in found and (document := self.records.document(digest)) is not None:
                found[digest] = reader.document(document.text)
        return found

    def _add(self, scope: Scope, guardrails: Guardrails, granted: Mapping[str, Sequence[Grant]]) -> None:
        records = self.records
        identities = list(records.identities(scope.key))
        standing = guardrails.standing(records, scope, list(records.settings(scope.key)))
        partition, _, number = scope.native_id.partition(":")
        place = Place(partition, number)
        levels = self._levels(guardrails.levels(standing, SCP), SCP, place)
        resource_levels = self._levels(guardrails.levels(standing, RCP), RCP, place)
        account = self.accounts[scope.key] = Account(scope, standing, levels, resource_levels)
        groups: dict[str, list[str]] = {}
        for relation in records.relations(scope.key):
            if relation.kind == "member_of":
                groups.setdefault(relation.subject, []).append(relation.target)
        for alias in records.aliases(scope.key):
            self._names.setdefault(alias.value, []).append(alias.identity)
        members_known = records.complete(scope.key, "relation:member_of")
        for identity in identities:
            self.identities[identity.key] = identity
            for name in {identity.key, identity.name, identity.native_id, identity.arn or identity.key}:
                self._names.setdefault(name, []).append(identity.key)
            if identity.kind in ("user", "role", "group"):
                above = tuple(sorted(groups.get(identity.key, ())))
                gaps = frozenset() if identity.kind != "user" or members_known else frozenset({"membership-unread"})
                self._hold(identity, account, above, granted, gaps)

    def _hold(
        self,
        identity: Identity,
        account: Account,
        groups: tuple[str, ...],
        granted: Mapping[str, Sequence[Grant]],
        gaps: frozenset[str],
    ) -> None:
        own = granted.get(identity.key, ())
        held = [Held(grant, "identity", self._digest(grant)) for grant in own if grant.kind in _GRANTING]
        held.sort()
        for group in groups:
            some = [grant for grant in granted.get(group, ()) if grant.kind in _GRANTING]
            held.extend(sorted(Held(grant, "group", self._digest(grant)) for grant in some))
        boundaries = sorted(
            Held(grant, "permissions_boundary", self._digest(grant))
            for grant in own
            if grant.kind == "permissions_boundary"
        )
        boundary = self._layer(boundaries, account.place, "boundary-unread") if boundaries else None
        layer = self._layer(held, account.place, "document-unread", gaps)
        principal = Principal(self, identity, account, layer, boundary, groups)
        (self.groups if identity.kind == "group" else self.principals)[identity.key] = principal
        if identity.kind == "role":
            document = self.records.document(identity.trust_document) if identity.trust_document else None
            self.trusts[identity.key] = None if document is None else trust_of(document.text)

    def _levels(self, levels: Sequence[Sequence[Grant]] | None, kind: str, place: Place) -> list[Layer]:
        if levels is None:
            return [Layer((), (), Masks(), frozenset({UNREAD}))]
        return [
            self._layer([Held(grant, kind, self._digest(grant)) for grant in level], place, UNREAD) for level in levels
        ]

    def _layer(self, held: Sequence[Held], place: Place, missing: str, gaps: frozenset[str] = frozenset()) -> Layer:
        """``missing``: the reason where a document was not delivered."""
        documents = [self._documents.get(one.digest) if one.digest else None for one in held]
        if any(document is None for document in documents):
            gaps |= {missing}
        if any(document.unreadable for document in documents if document is not None):
            gaps |= {"document-unreadable"}
        digests = tuple(one.digest for one, document in zip(held, documents, strict=True) if document is not None)
        if len(digests) == 1:
            return Layer(held, documents, self._masks_of(digests[0] or "", place), gaps)
        masks = self._stacks.get((digests, place))
        if masks is None:
            masks = Masks()
            for digest in digests:
                masks |= self._masks_of(digest or "", place)
            masks = self._stacks[(digests, place)] = self._keep(masks)
        return Layer(held, documents, masks, gaps)

    def _masks_of(self, digest: str, place: Place) -> Masks:
        document = self._documents[digest]
        key = (digest, place if document.local else Place(place.partition, ""))
        found = self._masks.get(key)
        if found is None:
            found = self._masks[key] = self._keep(masks_of(document.plain, self.table, self._base, place))
        return found

    def _keep(self, masks: Masks) -> Masks:
        """Equal masks once: thousands of policies give the same."""
        return self._kept.setdefault(masks, masks)

    # --- what principals can do ---

    def power_of(self, principal: Principal) -> Power:
        """All masks of a principal; `Principal.power` keeps them."""
        layers = [principal.layer, *principal.limits()]
        if any(layer.rules for layer in layers):
            found = self.power_within(principal, None, bounded=True)
            return self._kept_powers.setdefault(found, found)
        key = tuple(id(layer.masks) if not layer.gaps else -id(layer.masks) for layer in layers)
        kept = self._powers.get(key)
        if kept is None:
            kept = self.power_within(principal, None, bounded=True)
            kept = self._powers[key] = self._kept_powers.setdefault(kept, kept)
        return kept

    def power_within(self, principal: Principal, granted: Masks | None, *, bounded: bool) -> Power:
        """What the limits of a principal leave of its policies, or of other grants; without its boundary, if asked."""
        limits = principal.limits()[0 if bounded or principal.boundary is None else 1 :]
        account = self.accounts[principal.scope]
        facts = self.facts_of(principal)
        owned = facts.about(account.owned)
        table, place = self.table, account.place
        first = granted or principal.layer.masks_for(table, facts, owned, place)
        return power(first, [(layer.masks_for(table, facts, owned, place), not layer.gaps) for layer in limits])

    def facts_of(self, principal: Principal) -> Facts:
        """What is known of any request that a principal makes."""
        values = of_principal(principal.identity, self.accounts[principal.scope].values)
        if principal.identity.kind == "group":
            return self._base.about(values, {"aws:principaltag": None})
        trust = self.trusts.get(principal.key)
        by_sessions = principal.identity.kind == "role" and (trust is None or trust.tags_sessions)
        return self._base.about(values, {"aws:principaltag": None if by_sessions else tags_of(principal.identity)})

    def question(self, principal: Principal, action: str, resource: str, context: Context | None) -> Question:
        """A question of a principal, with all that is known of the request."""
        facts, owned = self._asked(self.facts_of(principal), action.lower(), resource, context)
        account = self.accounts[principal.scope]
        bit = self.table.bit(action)

        def applies(pattern: str) -> bool:
            return not bit or bool(self.table.reach((pattern,), account.place).some & bit)

        kinds = self.table.reaches.kinds(bit, account.place) if resource == "*" else ()
        return Question(action.lower(), resource, facts, facts.about(account.owned) if owned else None, applies, kinds)

    def _asked(self, facts: Facts, action: str, resource: str, context: Context | None) -> tuple[Facts, bool]:
        """(facts of a request, whether nobody knows whose the resource is)."""
        values: dict[str, Value] = {}
        tags: dict[str, Mapping[str, str] | None] = {}
        parts = resource.split(":", 5)
        number = parts[4] if len(parts) > 5 else ""
        owner = self.accounts.get(f"aws/account/{parts[1]}:{number}") if number.isdigit() else None
        if owner is not None:
            values.update(owner.owned)
        elif number.isdigit():
            values["aws:resourceaccount"] = (number,)
        target = self._named(resource)
        if target is not None:
            found: Mapping[str, str] | None = {} if target.kind == "group" else tags_of(target)
            tags = {"aws:resourcetag": found, "iam:resourcetag": found}
            if action.startswith("iam:") and action not in _SETS_BOUNDARY and target.kind != "group":
                values["iam:permissionsboundary"] = self._boundary_of(target)
        values.update(context or {})
        return facts.about(values, tags, self.table.bit(action) or None), not number.isdigit()

    def _named(self, resource: str) -> Identity | None:
        if patterns.has_wildcard(resource) or ":iam:" not in resource:
            return None
        for key in self._names.get(resource, ()):
            identity = self.identities.get(key)
            if identity is not None and identity.arn == resource:
                return identity
        return None

    def _boundary_of(self, identity: Identity) -> Value:
        """ARN of the policy that bounds an identity now."""
        principal = self.principals.get(identity.key)
        if principal is None or principal.boundary is None:
            return ()
        grant = principal.boundary.held[0].grant
        policy = self.policies.get(grant.policy) if grant.policy else None
        return None if policy is None or policy.arn is None else (policy.arn,)

    # --- finding ---

    def find(self, text: str) -> Sequence[str]:
        """Keys of the identities that go by this key, ARN, name, unique id or other alias, sorted. Case counts."""
        return sorted(set(self._names.get(text, ())))

    # --- becoming a role ---

    def doors(self, role: str) -> tuple[Door, ...]:
        """Who the trust document of a role lets in, in the order of its statements; () also where it was not read."""
        trust = self.trusts.get(role)
        return () if trust is None else tuple(door for door, _ in trust.doors())

    def admitting(self, service: str) -> Sequence[str]:
        """Keys of the roles whose trust names this service principal ("lambda.amazonaws.com"), sorted."""
        return self._admitting.get(service, ())

    @cached_property
    def _admitting(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, dict[str, None]] = {}
        for role in sorted(self.trusts):
            for door in self.doors(role):
                if door.kind == "service" and ASSUME in door.actions:
                    found.setdefault(door.value, {})[role] = None
        return {service: tuple(roles) for service, roles in found.items()}

    def admits(self, role: str, service: str, context: Context | None = None) -> Answer:
        """Does the trust document of a role let a service in (sts:AssumeRole by that service principal)?

        The service is taken to act for the role's own account, as it does for a role that is handed to it.
        """
        account = self.accounts[self.identities[role].scope]
        acting: dict[str, tuple[str, ...]] = {"aws:sourceaccount": (account.place.account,)}
        if account.standing.membership.id:
            acting["aws:sourceorgid"] = account.standing.membership.id
        facts = of_service(self._base, service)
        return self._enter(role, Who("service", service), ASSUME, facts, {**acting, **(context or {})})

    def admits_federated(self, role: str, provider: str, action: str, context: Context | None = None) -> Answer:
        """Does it let in somebody whom an identity provider vouches for? ``action`` is sts:AssumeRoleWith..."""
        facts = self._base.about({}, {"aws:principaltag": None})
        return self._enter(role, Who("federated", provider), action.lower(), facts, context)

    def passes(self, role: str, action: str, known: Mapping[str, Value]) -> Found:
        """What resource control policies leave of a request to become a role, of which some keys are known."""
        identity = self.identities[role]
        facts, _ = self._asked(self._base.about(_OF_ANYBODY), action, identity.arn or "", None)
        question = Question(action, identity.arn or "", facts.about(known), None, lambda _: True)
        return left(question, (), self._target(identity).levels)[0]

    def _enter(self, role: str, who: Who, action: str, facts: Facts, context: Context | None) -> Answer:
        identity = self.identities[role]
        asked, _ = self._asked(facts, action, identity.arn or "", context)
        question = Question(action, identity.arn or "", asked, None, lambda _: True)
        return by_other(self._target(identity), who, question)

    def assumes(self, principal: str, role: str, context: Context | None = None) -> Answer:
        """May a user or role of the estate become a role by sts:AssumeRole? Both sides, and all limits.

        In one account a trust document that names the principal itself is enough; one that names the account hands the
        question to the principal's own policies. Across accounts both sides must allow.
        """
        asker = self.principals[principal]
        identity = self.identities[role]
        name = asker.identity.name if asker.identity.kind == "role" else ""
        who = Who("identity", asker.arn, asker.account, asker.identity.native_id, name)
        asking = Asking(
            who,
            identity.scope == asker.scope,
            asker.layer,
            asker.boundary,
            [] if asker.service_linked else self.accounts[asker.scope].levels,
        )
        question = self.question(asker, ASSUME, identity.arn or "", context)
        return by_principal(self._target(identity), asking, question)

    def _target(self, role: Identity) -> Target:
        linked = (role.path or "").startswith(SERVICE_LINKED)
        levels = [] if linked else self.accounts[role.scope].resource_levels
        return Target(role, self.trusts.get(role.key), levels)
