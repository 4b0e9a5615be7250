"""The reports of Microsoft Graph beta: sign-ins of service principals, and the last use of each credential.

Their dates are as odd as the real ones: a zero date for "none recorded", an offset of one digit, and two names for the
same field.
"""

from typing import Any

from nhiscan_azure.simulated.answers import no_premium
from nhiscan_azure.simulated.calling import Call
from nhiscan_azure.simulated.directory import sign_ins as of_activity
from nhiscan_azure.simulated.ids import stamp

Json = dict[str, Any]
ZERO = "0001-01-01T00:00:00Z"
_ODD = 3  # every third row of the credential report


def sign_ins(call: Call) -> Json:
    """Sign-ins of the last thirty days and before, one row an application."""
    _licensed(call)
    directory = call.directory
    found = []
    for principal in sorted(directory.principals.values(), key=lambda one: one.app_id):
        activity = principal.declared.sign_ins
        if activity is None:
            continue
        times = of_activity(activity)
        last = max((at for at in times.values() if at is not None), default=None)
        row: Json = {
            "id": directory.ids.token("sign-ins", principal.app_id),
            "appId": principal.app_id,
            "lastSignInActivity": _activity(call, last, "last"),
        }
        for name, at in times.items():
            row[name] = _activity(call, at, name)
        found.append(row)
    return call.many(found, "servicePrincipalSignInActivity", lowers=True)


def credentials(call: Call) -> Json:
    """The last use of each secret and certificate that was used at all."""
    _licensed(call)
    directory = call.directory
    found = []
    for number, (object_id, principal, origin, use) in enumerate(
        sorted(directory.uses(), key=lambda one: one[3]["keyId"])
    ):
        odd = call.odd_dates and number % _ODD == 0
        created, expires = stamp(use["created"]), None if use["expires"] is None else stamp(use["expires"])
        if odd:
            created = created.replace("Z", "-8:00")
            expires = None if expires is None else expires.replace("Z", "-8:00")
        found.append(
            {
                "id": directory.ids.token("credential use", use["keyId"]),
                "keyId": use["keyId"],
                "keyType": use["keyType"],
                "keyUsage": use["keyUsage"],
                "appId": directory.app_id(object_id),
                "appObjectId": object_id if origin == "application" else None,
                "servicePrincipalObjectId": None if principal is None else principal.id,
                "resourceId": "00000003-0000-0000-c000-000000000000",
                "credentialOrigin": origin,
                "createdDateTime": created,
                "expirationDate" if odd else "expirationDateTime": expires,
                "signInActivity": {
                    "lastSignInDateTime": stamp(use["used"]),
                    "lastSignInRequestId": directory.ids.guid("use", use["keyId"]),
                },
            }
        )
    return call.many(found, "appCredentialSignInActivity", lowers=True)


def _licensed(call: Call) -> None:
    if call.directory.world.directory.premium < 1:
        raise no_premium()


def _activity(call: Call, at: int | None, name: str) -> Json | None:
    if at is None:
        return {"lastSignInDateTime": ZERO, "lastSignInRequestId": None} if call.odd_dates else None
    request = call.directory.ids.guid("sign-in", name, str(at))
    return {"lastSignInDateTime": stamp(at), "lastSignInRequestId": request}
