"""The page on which anybody has a sealed file checked (验章验签)."""

from typing import Annotated

from fastapi import APIRouter, File, Request, Response, UploadFile

from api.documents.seals.verdict import Outcome, SealVerdict, Step
from api.errors import ApiError
from api.http.auth import ContextDep, public
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import Lang, error_text, translator
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import seals as views
from api.portals.views.common import FormError
from api.portals.wording import SEAL_STEPS
from api.services.context import Context
from api.services.seals import verifying
from api.services.seals.verifying import Answer

router = APIRouter(include_in_schema=False)
Anybody = Annotated[None, public()]
NOT_COMPARED = "NOT_CLAIMED"


@router.get("/verify/seal")
def seal_page(request: Request, ctx: ContextDep, _: Anybody) -> Response:
    """Where a sealed file is handed in."""
    return _page(request, ctx, None, None)


@router.post("/verify/seal")
def check(request: Request, ctx: ContextDep, _: Anybody, file: Annotated[UploadFile, File()]) -> Response:
    """Check it. Nothing of it is kept."""
    try:
        answer = verifying.verify(ctx, file.file.read())
    except ApiError as error:
        said = at.said(error, preferred_language(request), "file")
        return _page(request, ctx, None, said, int(STATUS[error.kind]))
    return _page(request, ctx, answer, None)


def _page(
    request: Request, ctx: Context, answer: Answer | None, error: FormError | None, status: int = 200
) -> Response:
    lang = preferred_language(request)
    verdict = None if answer is None else answer.verdict
    view = views.SealCheck(
        outcome=None if verdict is None else verdict.outcome.value.upper(),
        origin="" if answer is None else answer.origin.value,
        record=None if answer is None else answer.record,
        sha256="" if verdict is None else verdict.sha256,
        reasons=() if verdict is None else _reasons(verdict, lang),
        seals=() if verdict is None else _seals(verdict),
        steps=() if verdict is None else _steps(verdict, lang),
        max_bytes=ctx.settings.max_body_bytes,
        error=error,
    )
    return respond("public/seal.html", view, at.frame(request, ctx, "public", "seal"), status)


def _reasons(verdict: SealVerdict, lang: Lang) -> tuple[str, ...]:
    return tuple(dict.fromkeys(error_text(one.code, lang) for one in verdict.findings))


def _seals(verdict: SealVerdict) -> tuple[views.SealLine, ...]:
    return tuple(
        views.SealLine(
            name=one.name,
            organ=one.organ,
            issuer=one.issuer,
            serial=one.serial,
            sealed_at_ms=None if one.sealed_at_s is None else one.sealed_at_s * 1000,
            timed=one.timed,
            outcome=one.outcome.value.upper(),
        )
        for one in verdict.seals
    )


def _steps(verdict: SealVerdict, lang: Lang) -> tuple[views.SealStepLine, ...]:
    """All eleven: those that failed with their reason; after an unreadable file nothing else was looked at."""
    failed = {one.step: one for one in reversed(verdict.findings)}
    labels = translator(lang)
    unread = not verdict.seals
    lines = []
    for step in Step:
        found = failed.get(step)
        if found is not None:
            state = found.outcome.value.upper()
        elif (unread and step is not Step.READ) or (step is Step.SAME_FILE and not verdict.compared):
            state = NOT_COMPARED
        else:
            state = Outcome.VALID.value.upper()
        reason = "" if found is None else error_text(found.code, lang)
        lines.append(
            views.SealStepLine(number=int(step), name=labels.gettext(SEAL_STEPS[step.name]), state=state, reason=reason)
        )
    return tuple(lines)
