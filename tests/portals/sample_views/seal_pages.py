"""Sample views of checking a sealed file and of a department's seals."""

from collections.abc import Iterator
from dataclasses import replace

from api.documents.seals.verdict import Step
from api.locale import Lang, error_text, translator
from api.portals.views import common, seals
from api.portals.wording import SEAL_STEPS
from tests.portals.sample_views.shared import DAY, HEX, T0, Words

Entry = tuple[str, str, str, str, object]


def public_seal_pages(lang: Lang) -> Iterator[Entry]:
    labels = translator(lang)
    blank = seals.SealCheck(
        outcome=None, origin="", record=None, sha256="", reasons=(), seals=(), steps=(), max_bytes=1 << 20, error=None
    )
    police = seals.SealLine(
        name="演示市公安局 电子印章（演示）",
        organ="演示市公安局",
        issuer="演示印章签发 Demo seal issuing",
        serial="54ab10c9e7d2f38b6a1c0d4e5f60718293a4b5c6",
        sealed_at_ms=T0,
        timed=True,
        outcome="VALID",
    )

    def steps(failed: dict[Step, str]) -> tuple[seals.SealStepLine, ...]:
        return tuple(
            seals.SealStepLine(
                number=int(step),
                name=labels.gettext(SEAL_STEPS[step.name]),
                state=failed.get(step, "VALID"),
                reason=error_text(f"seal_check.{step.name.lower()}", lang) if step in failed else "",
            )
            for step in Step
        )

    good = replace(
        blank,
        outcome="VALID",
        origin="certificate",
        record="superseded",
        sha256=HEX.removeprefix("0x"),
        seals=(police, replace(police, organ="演示市民政局", name="演示市民政局 电子印章（演示）", timed=False)),
        steps=steps({}),
    )
    yield "seal", "public/seal.html", "seal", "/verify/seal", blank
    yield "seal-valid", "public/seal.html", "seal", "/verify/seal", good
    for outcome, step in (
        ("INVALID", Step.SAME_FILE),
        ("REVOKED", Step.NOT_REVOKED),
        ("EXPIRED", Step.IN_TIME),
        ("UNKNOWN", Step.KNOWN),
    ):
        reason = error_text(f"seal_check.{step.name.lower()}", lang)
        one = replace(police, outcome=outcome)
        bad = replace(good, outcome=outcome, reasons=(reason,), seals=(one,), steps=steps({step: outcome}))
        yield f"seal-{outcome.lower()}", "public/seal.html", "seal", "/verify/seal", bad


def department_seal_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    title = t("不动产权证书", "Real estate title")
    land, police, civil = (
        t("演示市自然资源和规划局", "Demo City Natural Resources"),
        t("演示市公安局", "Demo City Public Security Bureau"),
        t("演示市民政局", "Demo City Civil Affairs"),
    )
    signers = (
        seals.Signer(position=1, name=land, state="sealed", at_ms=T0 - DAY),
        seals.Signer(position=2, name=police, state="waiting", at_ms=None),
        seals.Signer(position=3, name=civil, state="waiting", at_ms=None),
    )
    mine = seals.TaskLine(
        number="seal_h2k6mzq4vw7xc3n5b8j9d2f4ka",
        type_name=title,
        issuer=land,
        state="waiting",
        needed=2,
        sealed=0,
        my_turn=True,
        signers=signers,
        sha256=HEX.removeprefix("0x"),
        created_at_ms=T0 - DAY,
    )
    done = replace(
        mine,
        state="sealed",
        my_turn=False,
        sealed=2,
        signers=tuple(replace(one, state="sealed", at_ms=T0) for one in signers),
    )
    refused = replace(
        mine, state="refused", my_turn=False, signers=(signers[0], replace(signers[1], state="declined", at_ms=T0))
    )
    view = seals.DepartmentSeals(
        serial="54ab10c9e7d2f38b6a1c0d4e5f60718293a4b5c6",
        ends_ms=T0 + 900 * DAY,
        demo=True,
        unfit=None,
        tasks=(mine, done, refused),
        pager=common.Pager(),
        plans=(
            seals.PlanLine(
                type_code="person.driving_licence",
                type_name=t("机动车驾驶证", "Driving licence"),
                cosigners=((civil, "active"), (land, "suspended")),
                needed=1,
                created_at_ms=T0 - 30 * DAY,
            ),
        ),
        types=(common.Choice(value="person.driving_licence", label=t("机动车驾驶证", "Driving licence")),),
        departments=(common.Choice(value="a", label=civil), common.Choice(value="b", label=land)),
        places=(1, 2, 3, 4),
        error=None,
    )
    yield "seals", "department/seals.html", "seals", "/department/seals", view
    empty = replace(view, tasks=(), plans=(), demo=False)
    yield "seals-none", "department/seals.html", "seals", "/department/seals", empty
