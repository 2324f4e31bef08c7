"""Seals: anybody checks a sealed file; departments seal together, and look after their own seal."""

from typing import Annotated, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import APIRouter, File, Path, Query, Response, UploadFile
from pydantic import Field

from api.http.auth import ContextDep, allow, public
from api.http.forms import Strict, moment
from api.http.strict_json import StrictJsonRoute
from api.locale import LANGUAGES, error_text
from api.services import parties
from api.services.context import Actor, Role
from api.services.seals import office, plans, tasks, verifying
from api.services.seals.office import OwnSeal
from api.services.seals.plans import Plan
from api.services.seals.tasks import Task
from api.store.tables import Party

router = APIRouter(prefix="/seals", tags=["seals"], route_class=StrictJsonRoute)
Anybody = Annotated[None, public()]
Officer = Annotated[Actor, allow(Role.DEPARTMENT)]
Id = Annotated[str, Field(min_length=1, max_length=64)]
PEM = "application/x-pem-file"
CRL = "application/pkix-crl"
FOR_A_MOMENT = {"Cache-Control": "public, max-age=60"}


class PlanIn(Strict):
    """Whose seals certificates of a type need beside the department's own, in order, and how many of them."""

    type: Id
    cosigners: list[Id] = Field(min_length=1, max_length=plans.MAX_COSIGNERS)
    needed: int = Field(ge=1, le=plans.MAX_COSIGNERS)


class PlanEndIn(Strict):
    """The type whose plan ends."""

    type: Id


@router.post("/check")
def check(ctx: ContextDep, _: Anybody, file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Check a sealed PDF against today's revocation lists, and its hash against our register. Nothing is kept."""
    answer = verifying.verify(ctx, file.file.read())
    said = answer.verdict.to_json()
    for finding in said["findings"]:
        finding["reason"] = {lang: error_text(finding["code"], lang) for lang in LANGUAGES}
    return {**said, "origin": answer.origin.value, "record": answer.record}


@router.get("/roots.pem")
def roots(ctx: ContextDep, _: Anybody) -> Response:
    """The root certificates that this service's seals hang on, PEM; whoever checks in earnest gets them elsewhere."""
    found = [x509.load_der_x509_certificate(one) for one in office.trust(ctx)[0].roots]
    return Response(
        b"".join(one.public_bytes(Encoding.PEM) for one in found), media_type=PEM, headers=dict(FOR_A_MOMENT)
    )


@router.get("/lists/{name}")
def revocation_list(ctx: ContextDep, _: Anybody, name: Annotated[str, Path(max_length=32)]) -> Response:
    """A revocation list of the demo authority, `issuing.crl` or `root.crl`: DER, as of the hour (RFC 5280)."""
    return Response(office.revocation_list(ctx, name), media_type=CRL, headers=dict(FOR_A_MOMENT))


@router.get("/own")
def own_seal(ctx: ContextDep, actor: Officer) -> dict[str, Any]:
    """The department's own seal."""
    party = parties.own(ctx, actor)
    return seal_shown(office.own_seal(ctx, party.id, party.name_zh))


@router.post("/own/renewal")
def renew(ctx: ContextDep, actor: Officer) -> dict[str, Any]:
    """Revoke the department's seal and make the next one. What it sealed before stays good."""
    party = parties.own(ctx, actor)
    return seal_shown(office.renew(ctx, party.id, party.name_zh))


@router.get("/plans")
def list_plans(ctx: ContextDep, actor: Officer) -> dict[str, Any]:
    """Whose seals the department's certificates need beside its own, by type."""
    return {"items": [plan_shown(plan) for plan in plans.list_own(ctx, actor)]}


@router.post("/plans")
def agree(ctx: ContextDep, actor: Officer, body: PlanIn) -> dict[str, Any]:
    """Name who seals certificates of a type beside the department, from now on."""
    return plan_shown(plans.agree(ctx, actor, body.type, body.cosigners, body.needed))


@router.post("/plans/end")
def end_plan(ctx: ContextDep, actor: Officer, body: PlanEndIn) -> dict[str, Any]:
    """From now on certificates of the type have the department's seal alone; the plans that are left."""
    plans.end(ctx, actor, body.type)
    return list_plans(ctx, actor)


@router.get("/tasks")
def list_tasks(
    ctx: ContextDep, actor: Officer, cursor: Annotated[str | None, Query(max_length=128)] = None
) -> dict[str, Any]:
    """Joint sealings in which the department takes part, newest first. No value of a holder is in them."""
    page = tasks.list_own(ctx, actor, cursor)
    return {"items": [task_shown(task) for task in page.items], "next_cursor": page.next_cursor}


@router.post("/tasks/{number}/seal")
def seal(ctx: ContextDep, actor: Officer, number: str) -> dict[str, Any]:
    """Set the department's seal, if it is its turn."""
    return task_shown(tasks.seal(ctx, actor, number))


@router.post("/tasks/{number}/decline")
def decline(ctx: ContextDep, actor: Officer, number: str) -> dict[str, Any]:
    """Say that the department does not seal."""
    return task_shown(tasks.decline(ctx, actor, number))


def seal_shown(own: OwnSeal) -> dict[str, Any]:
    """A seal as JSON."""
    return {"serial": own.serial, "ends": moment(own.not_after_ms), "demo": own.demo}


def plan_shown(plan: Plan) -> dict[str, Any]:
    """A plan as JSON."""
    return {
        "type": plan.type_code,
        "cosigners": [_named(party) | {"active": party.status == "active"} for party in plan.cosigners],
        "needed": plan.needed,
        "created_at": moment(plan.created_at_ms),
    }


def task_shown(task: Task) -> dict[str, Any]:
    """A task as JSON."""
    return {
        "document": task.number,
        "type": task.type_code,
        "issuer": _named(task.issuer),
        "state": task.state,
        "needed": task.needed,
        "my_turn": task.my_turn,
        "file_sha256": "0x" + task.sha256.hex(),
        "steps": [
            {"position": step.position, "party": _named(step.party), "state": step.state, "at": moment(step.at_ms)}
            for step in task.steps
        ],
        "created_at": moment(task.created_at_ms),
    }


def _named(party: Party) -> dict[str, str]:
    return {"id": party.id, "zh": party.name_zh, "en": party.name_en}
