"""Who may call what: every route for every role, generated from the application; deny by default."""

import re

import pytest

from api.services.context import Role
from tests.api.calls import ROLES, Caller, caller, problem
from tests.api.routes import Policed, routes
from tests.town import Service

# What the table of the product says, beside what the routes say: a policy that was widened by mistake shows here.
WHO = {
    "/v1/certificates": {"citizen"},
    "/v1/certificates/{record_id}": {"citizen"},
    "/v1/certificates/{record_id}/history": {"citizen"},
    "/v1/certificates/{record_id}/proof": {"citizen"},
    "/v1/certificates/{record_id}/original": {"citizen"},
    "/v1/footprints": {"citizen"},
    "/v1/footprints/export": {"citizen"},
    "GET /v1/cases": {"citizen", "entity", "machine", "department", "regulator"},
    "POST /v1/cases": {"citizen"},
    "/v1/cases/{case_id}": {"citizen", "entity", "machine", "department", "regulator"},
    "/v1/cases/{case_id}/evidence": {"regulator"},
    "/v1/cases/{case_id}/withdraw": {"citizen"},
    "/v1/cases/{case_id}/review": {"regulator"},
    "/v1/cases/{case_id}/decision": {"regulator"},
    "GET /v1/disputes": {"citizen", "entity", "machine", "department", "regulator"},
    "POST /v1/disputes": {"citizen"},
    "/v1/disputes/{dispute_id}": {"citizen", "entity", "machine", "department", "regulator"},
    "/v1/disputes/{dispute_id}/withdraw": {"citizen"},
    "/v1/disputes/{dispute_id}/answer": {"entity", "machine", "department"},
    "/v1/disputes/{dispute_id}/correction": {"department"},
    "/v1/disputes/{dispute_id}/contest": {"citizen"},
    "/v1/disputes/{dispute_id}/decision": {"regulator"},
    "/v1/corrections": {"entity", "machine", "department", "regulator"},
    "/v1/corrections/{correction_id}": {"citizen", "entity", "machine", "department", "regulator"},
    "/v1/corrections/{correction_id}/confirmation": {"entity", "machine", "department"},
    "/v1/masks": {"regulator"},
    "/v1/masks/{access_id}/release": {"regulator"},
    "/v1/notifications": {"citizen", "entity", "machine", "department", "regulator"},
    "/v1/notifications/read": {"citizen", "entity", "machine", "department", "regulator"},
    "/v1/notifications/settings": {"citizen", "entity", "machine", "department", "regulator"},
    "/v1/returns": {"department"},
    "/v1/returns/{return_id}": {"department"},
    "/v1/returns/{return_id}/rows": {"department"},
    "/v1/returns/{return_id}/columns": {"department"},
    "/v1/returns/{return_id}/quality": {"department"},
    "/v1/quality": {"department", "regulator"},
    "/v1/returns/agent": {"department"},
    "/v1/returns/{return_id}/commitments": {"department"},
    "/v1/returns/{return_id}/signatures": {"department"},
    "/v1/returns/{return_id}/review": {"department"},
    "/v1/returns/{return_id}/seal": {"department"},
    "/v1/returns/{return_id}/events": {"department"},
    "POST /v1/requests": {"entity", "machine"},
    "GET /v1/requests": {"citizen", "entity", "machine"},
    "/v1/requests/{request_id}": {"citizen", "entity", "machine"},
    "/v1/requests/{request_id}/decision": {"citizen"},
    "/v1/grants": {"citizen", "entity", "machine"},
    "/v1/grants/{grant_id}": {"citizen", "entity", "machine"},
    "/v1/grants/{grant_id}/copies": {"citizen", "entity", "machine"},
    "/v1/grants/{grant_id}/extension": {"citizen", "entity", "machine"},
    "/v1/grants/{grant_id}/record": {"citizen", "entity", "machine"},
    "/v1/grants/{grant_id}/events": {"citizen", "entity", "machine"},
    "/v1/grants/{grant_id}/revoke": {"citizen"},
    "/v1/grants/{grant_id}/pause": {"citizen"},
    "/v1/grants/{grant_id}/resume": {"citizen"},
    "/v1/grants/{grant_id}/terminate": {"entity", "machine"},
    "/v1/grants/{grant_id}/invalidate": {"regulator"},
    "/v1/grants/{grant_id}/freeze": {"regulator"},
    "/v1/grants/{grant_id}/unfreeze": {"regulator"},
    "/v1/grants/{grant_id}/pulls": {"entity", "machine"},
    "/v1/supervision/grants": {"regulator"},
    "/v1/supervision/grants/{grant_id}": {"regulator"},
    "/v1/pull-jobs": {"entity", "machine"},
    "/v1/pull-jobs/{job_id}": {"entity", "machine"},
    "/v1/pull-jobs/{job_id}/items": {"entity", "machine"},
    "/v1/pull-jobs/{job_id}/result": {"entity", "machine"},
    "/v1/pull-jobs/{job_id}/cancel": {"entity", "machine"},
    "/v1/pull-jobs/{job_id}/resume": {"entity", "machine"},
    "/v1/copies": {"citizen", "entity", "machine", "regulator"},
    "/v1/copies/{copy_id}": {"citizen", "entity", "machine", "regulator"},
    "/v1/copies/{copy_id}/deletion": {"entity", "machine"},
    "/v1/copies/{copy_id}/retention": {"entity", "machine"},
    "/v1/catalogue/retention": set(ROLES),
    "/v1/webhooks": {"entity", "machine"},
    "/v1/webhooks/{webhook_id}/remove": {"entity", "machine"},
    "/v1/webhooks/{webhook_id}/messages": {"entity", "machine"},
    "/v1/webhooks/messages/{number}/resend": {"entity", "machine"},
    "/v1/receipts/{receipt_id}": {"citizen", "entity", "machine", "department", "regulator"},
    "/v1/receipts/{receipt_id}/decision": {"citizen", "entity", "machine", "regulator"},
    "/v1/receipts/{receipt_id}/evidence": {"citizen", "entity", "machine", "department", "regulator"},
    "/v1/statutory-accesses": {"department", "entity", "machine"},
    "/v1/statutory-accesses/{access_id}": {"department", "entity", "machine"},
    "/v1/statutory-bases": {"department", "entity", "machine"},
    "/v1/statutory-alarms": {"regulator"},
    "/v1/statutory-alarms/{alarm_id}/close": {"regulator"},
    "/v1/case-register": {"department", "entity", "machine"},
    "/v1/case-registers": {"regulator", "auditor"},
    "GET /v1/party-acts": {"operator", "security", "auditor", "regulator"},
    "POST /v1/party-acts": {"operator"},
    "/v1/party-acts/{act_id}": {"operator", "security", "auditor", "regulator"},
    "/v1/party-acts/{act_id}/withdraw": {"operator"},
    "/v1/party-acts/{act_id}/confirm": {"security"},
    "/v1/party-acts/{act_id}/decline": {"security"},
    "/v1/parties/{party_id}/suspend": {"security", "regulator"},
    "/v1/parties/{party_id}/return": {"security", "regulator"},
    "GET /v1/offices": {"security", "auditor"},
    "/v1/operations": {"operator", "security", "auditor"},
    "POST /v1/offices": {"security"},
    "/v1/offices/{office_id}/confirm": {"security"},
    "/v1/offices/{office_id}/decline": {"security"},
    "/v1/offices/{office_id}/end": {"security"},
    "/v1/supervision/flow": {"regulator"},
    "/v1/supervision/certificates/{record_id}": {"regulator"},
    "/v1/supervision/certificates/{record_id}/evidence/{receipt_id}": {"regulator"},
    "GET /v1/data-asks": {"entity", "machine", "department", "regulator"},
    "POST /v1/data-asks": {"entity", "machine", "department"},
    "/v1/data-asks/departments": {"department", "regulator"},
    "/v1/data-asks/{ask_id}": {"entity", "machine", "department", "regulator"},
    "/v1/data-asks/{ask_id}/withdraw": {"entity", "machine", "department"},
    "/v1/data-asks/{ask_id}/answer": {"department", "regulator"},
    "/v1/data-asks/{ask_id}/department": {"department", "regulator"},
    "/v1/data-asks/{ask_id}/order": {"regulator"},
    "/v1/watch-alarms": {"regulator", "auditor"},
    "/v1/watch-alarms/{alarm_id}/take": {"regulator"},
    "/v1/watch-alarms/{alarm_id}/close": {"regulator"},
    "/v1/watch-alarms/{alarm_id}/second-look": {"regulator"},
    "/v1/indicators": {"regulator", "auditor"},
    "/v1/indicators/export": {"regulator", "auditor"},
    "/v1/log/epochs": set(ROLES),
    "/v1/log/epochs/{epoch_id}/evidence": set(ROLES),
    "/v1/seals/check": set(ROLES),
    "/v1/seals/roots.pem": set(ROLES),
    "/v1/seals/lists/{name}": set(ROLES),
    "/v1/seals/own": {"department"},
    "/v1/seals/own/renewal": {"department"},
    "/v1/seals/plans": {"department"},
    "/v1/seals/plans/end": {"department"},
    "/v1/seals/tasks": {"department"},
    "/v1/seals/tasks/{number}/seal": {"department"},
    "/v1/seals/tasks/{number}/decline": {"department"},
    "/v1/traces": {"regulator"},
    "/v1/traces/{trace_id}": {"regulator"},
    "/v1/traces/jobs": {"regulator"},
    "/v1/traces/jobs/{job_id}": {"regulator"},
    "/v1/traces/jobs/{job_id}/files": {"regulator"},
    "/v1/traces/jobs/{job_id}/start": {"regulator"},
    "/v1/traces/jobs/{job_id}/cancel": {"regulator"},
    "/v1/traces/{trace_id}/report": {"regulator"},
    "/v1/traces/{trace_id}/evidence/{copy_id}": {"regulator"},
    "/v1/sessions/current": set(ROLES) - {"stranger"},
    "/v1/sessions/current/acting": {"citizen"},
    "/v1/mandates": {"citizen"},
    "/v1/mandates/registered": {"department"},
    "/v1/mandates/{mandate_id}/answer": {"citizen"},
    "/v1/mandates/{mandate_id}/end": {"citizen", "department"},
    "/v1/counter/visits": {"department"},
    "/v1/counter/visits/{visit_id}": {"department"},
    "/v1/counter/visits/{visit_id}/requests/{request_id}/decision": {"department"},
    "/v1/counter/visits/{visit_id}/grants/{grant_id}/revoke": {"department"},
    "/v1/counter/visits/{visit_id}/slip.pdf": {"department"},
    "/v1/counter/visits/{visit_id}/close": {"department"},
    "/v1/sessions": set(ROLES),
    "/v1/sessions/passkey": set(ROLES),
    "/v1/sessions/passkey/options": set(ROLES),
    "/v1/requests/{request_id}/drafts": {"citizen"},
    "/v1/erasures": {"citizen"},
    "/v1/erasures/{erasure_id}": set(ROLES),
    "/v1/erasures/{erasure_id}/confirm": {"citizen"},
    "/v1/erasures/{erasure_id}/cancel": {"citizen"},
    "/v1/grants/{grant_id}/extension/drafts": {"citizen"},
    "/v1/drafts/{draft_id}": {"citizen"},
    "/v1/drafts/{draft_id}/passkey": {"citizen"},
    "/v1/drafts/{draft_id}/binding": {"citizen"},
    "/v1/drafts/{draft_id}/round": {"citizen"},
    "/v1/grants/{grant_id}/change": {"citizen"},
    "/v1/grants/{grant_id}/changes": {"citizen"},
    "/v1/passkeys": {"citizen"},
    "/v1/passkeys/options": {"citizen"},
    "/v1/passkeys/{passkey_id}": {"citizen"},
    "/v1/log": set(ROLES),
    "/v1/log/checkpoint": set(ROLES),
    "/v1/log/entries": set(ROLES),
    "/v1/log/witnessed": set(ROLES),
    "/v1/log/cosignatures": set(ROLES),
    "/v1/log/tile/{tile:path}": set(ROLES),
    "/v1/log/consistency": set(ROLES),
    "/v1/parties": set(ROLES),
    "/v1/catalogue/types": set(ROLES),
    "/v1/catalogue/items": set(ROLES),
    "/v1/catalogue/offers": set(ROLES),
    "/v1/catalogue/purposes": set(ROLES),
    "/livez": set(ROLES),
    "/readyz": set(ROLES),
}
ENDS_THE_SESSION = {"DELETE /v1/sessions/current", "POST /signout"}
AS_ROLE = {"machine": Role.ENTITY}


def who_may(route: Policed) -> set[str]:
    if route.roles is None:
        return set(ROLES)
    return {role for role in ROLES if role != "stranger" and AS_ROLE.get(role, role) in route.roles}


def test_the_routes_say_what_the_table_says(service: Service) -> None:
    found = [route for route in routes(service.app) if route.path.startswith("/v1/") and route.policies]
    found += [route for route in routes(service.app) if route.path in {"/livez", "/readyz"}]
    assert len(found) > 30
    for route in found:
        expected = WHO.get(str(route), WHO.get(route.path))
        assert expected is not None, f"{route} is in no row of the table"
        assert who_may(route) == expected, str(route)


def test_pages_are_their_own_portal_s(service: Service) -> None:
    for route in routes(service.app):
        portal = route.path.split("/")[1]
        if portal in {"citizen", "department", "entity", "regulator", "operator", "security", "auditor"}:
            assert route.roles == {Role(portal)}, str(route)


def expected(route: Policed, role: str) -> str:
    # Pages know no machines: its signature counts for nothing there.
    known = "stranger" if role == "machine" and not route.path.startswith("/v1/") else role
    if known in who_may(route):
        return "let in"
    return "auth.required" if known == "stranger" else "auth.forbidden"


def ask(who: Caller, route: Policed) -> str:
    path = re.sub(r"\{(\w+?)(?::\w+)?\}", lambda match: f"absent_{match[1]}", route.path)
    answer = who.call(route.method, path, {} if route.method == "POST" else None)
    assert answer.status_code < 500, f"{route} as {who.role}: {answer.text}"
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return "let in"
    code = str(answer.json()["code"])
    return code if code in {"auth.required", "auth.forbidden", "auth.csrf"} else "let in"


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_every_route_for_every_role(role: str, service: Service) -> None:
    who = caller(service, role)
    wrong, asked = {}, 0
    for route in routes(service.app):
        if str(route) in ENDS_THE_SESSION or route.policies == 0 or str(route) == "POST /v1/sessions":
            continue
        if role == "machine" and route.path == "/v1/sessions/current":
            continue  # a machine has none; see below
        found = ask(who, route)
        asked += 1
        if found != expected(route, role):
            wrong[str(route)] = (found, expected(route, role))
    assert wrong == {}
    assert asked > 60


@pytest.mark.parametrize("role", ROLES)
def test_signing_out_for_every_role(role: str, service: Service) -> None:
    who = caller(service, role)
    answer = who.call("DELETE", "/v1/sessions/current")
    if role == "stranger":
        problem(answer, 401, "auth.required")
    else:
        assert answer.status_code == 204
    if role != "machine":
        problem(who.call("GET", "/v1/sessions/current"), 401, "auth.required")


def test_a_machine_has_no_session(service: Service) -> None:
    problem(caller(service, "machine").call("GET", "/v1/sessions/current"), 401, "auth.required")
