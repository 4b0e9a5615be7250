"""Why something about access is not proven, in words: for messages of rules and for answers about access."""

from collections.abc import Iterable, Mapping

REASONS: Mapping[str, str] = {
    "condition": "it hangs on a condition that only a request can decide",
    "unknown-condition-key": "it hangs on a condition key or operator that is not known",
    "eligible": "the role has to be activated first",
    "delegated": "it holds for a user who signs in, and within that user's rights",
    "grants-unread": "what is granted was not read everywhere",
    "deny-policy-unread": "what may take it away (deny policies, access boundaries, deny assignments) was not read",
    "domain-unread": "which domains belong to the organisation is not completely known",
    "scp-unread": "the policies of the organisation were not read",
    "boundary-unread": "the permissions boundary was not read",
    "document-unread": "a policy document was not delivered",
    "document-unreadable": "a policy document cannot be read as one",
    "unknown-action": "the action data lacks an action",
    "resource-policy-unread": "the policy of the resource was not read",
    "resource-unread": "whether the resource that is needed exists was not read",
    "membership-unread": "the members of a group were not read",
}
"""For each code of `nhiscan.model.ACCESS_REASONS`."""


def reasons(codes: str | Iterable[str] | None) -> str:
    """Codes (a list, or joined by commas) in words; a code that is not known stays as it is."""
    listed = codes.split(",") if isinstance(codes, str) else codes or ()
    return "; ".join(REASONS.get(code, code) for code in listed if code)
