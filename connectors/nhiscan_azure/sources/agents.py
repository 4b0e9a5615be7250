"""Identities of AI agents (Entra Agent ID): ``graph.agent-identities``.

They are service principals and listed as such. Here it is told which blueprint each was made from.
"""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Identity, Record, Relation
from nhiscan_azure.node import Node
from nhiscan_azure.sources.applications import ID as APPLICATIONS
from nhiscan_azure.values import identifier, moment

ID = "graph.agent-identities"
_PATH = "v1.0/servicePrincipals/microsoft.graph.agentIdentity"
_QUERY = {"$select": "id,agentIdentityBlueprintId,createdDateTime", "$top": "999"}


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """The type as `Identity.path`, when it was made, and the blueprint's principal as ``created_by``."""
    found: dict[str, tuple[str | None, int | None]] = {}
    for shown, _ in node.graph.pages("graph.agentIdentities", _PATH, _QUERY):
        for agent in shown:
            if native := identifier(agent.get("id")):
                made_from = identifier(agent.get("agentIdentityBlueprintId"))
                found[native] = made_from, moment(agent.get("createdDateTime"))
    blueprints = {one for one, _ in found.values()}
    by_app_id = {
        one.arn: one.key
        for one in reader(APPLICATIONS)
        if isinstance(one, Identity) and one.kind == "service_principal" and one.arn in blueprints
    }
    for one in reader(APPLICATIONS):
        if isinstance(one, Identity) and one.native_id in found:
            blueprint, made = found[one.native_id]
            yield one._replace(path="AgentIdentity", created_at=made, source=ID)
            if blueprint:
                target = by_app_id.get(blueprint) or node.object(blueprint)
                key = f"created_by|{one.key}|{target}"
                yield Relation(key, node.key, "created_by", one.key, target, ID)
