"""Sample views: public."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang
from api.portals.views import common, public
from api.portals.views.common import FormError
from api.portals.views.erasure import ErasureStatus
from tests.portals.sample_views.shared import HEX, T0, Words, delay


def public_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    erased = ErasureStatus(id="eras_h2k6mzq4vw7x", state="done", due_at_ms=T0, erased_at_ms=T0, receipt_number=481)
    yield "erasure-done", "public/erasure.html", "", "/erasures/eras_1", erased
    for state in ("asked", "cooling", "running", "cancelled"):
        due = None if state == "asked" else T0
        shown = replace(erased, state=state, due_at_ms=due, erased_at_ms=None, receipt_number=None)
        yield f"erasure-{state}", "public/erasure.html", "", "/erasures/eras_1", shown
    yield "landing", "public/landing.html", "", "/", public.Landing(development=True)
    people = (
        public.Identity(
            subject="dev:1", name=t("王淑芬", "Wang Shufen"), detail=t("75 岁 · 环翠区", "75, Huancui district")
        ),
        public.Identity(
            subject="dev:2", name=t("李建国", "Li Jianguo"), detail=t("34 岁 · 文登区", "34, Wendeng district")
        ),
        public.Identity(
            subject="dev:3", name=t("演示海洋食品有限公司", "Demo Ocean Food Co., Ltd."), detail=t("企业", "Enterprise")
        ),
    )
    yield (
        "signin",
        "public/signin.html",
        "",
        "/signin/citizen",
        public.SignIn(role="citizen", identities=people, next_url="/citizen", by_number=True, error=None),
    )
    yield (
        "signin-service",
        "public/signin.html",
        "",
        "/signin/citizen",
        public.SignIn(
            role="citizen",
            identities=(),
            next_url="/citizen",
            by_number=False,
            error=FormError(
                code="auth.oidc_declined",
                text=t("身份认证未完成或被取消，未登录。", "The confirmation was cancelled; you were not signed in."),
            ),
            start_url="/oidc/start?role=citizen",
            passkey=("127.0.0.1", "http://127.0.0.1"),
        ),
    )
    yield "signed-in", "public/signed_in.html", "", "/oidc/callback", public.SignedIn(next_url="#here")
    yield (
        "signin-empty",
        "public/signin.html",
        "",
        "/signin/department",
        public.SignIn(role="department", identities=(), next_url="/department", by_number=False, error=None),
    )
    empty = public.Verify(
        overall=None,
        aspects=(),
        checks=(),
        disclosed=(),
        trust_sha256=HEX[2:],
        max_bytes=1048576,
        record_id=None,
        notes=(),
        error=None,
    )
    yield "verify", "public/verify.html", "verify", "/verify", empty
    yield (
        "verify-record",
        "public/verify.html",
        "verify",
        "/v/rec_1",
        replace(empty, record_id="rec_7Q2M4T8ZK1VX9R3B"),
    )
    names = ("integrity", "issuer", "grant", "status", "time")
    checks = tuple(
        public.Check(number=i, name=t("字段与指纹相符", "The values match the fingerprint"), state=state, detail="")
        for i, state in enumerate(("VALID", "INVALID", "REVOKED", "PENDING", "UNKNOWN", "NOT_CLAIMED"), 1)
    )
    for overall in ("VALID", "INVALID", "REVOKED", "PENDING", "UNKNOWN"):
        aspects = tuple(
            public.Aspect(name=name, verdict=overall if name == "status" else "VALID", text="") for name in names
        )
        values = (public.Disclosed(label=t("准驾车型", "Licence class"), value="C1"),)
        yield (
            f"verify-{overall.lower()}",
            "public/verify.html",
            "verify",
            "/verify",
            replace(
                empty,
                overall=overall,
                aspects=aspects,
                checks=checks,
                disclosed=values,
                notes=(t("密钥由运营方保管。", "The operator keeps the key."),),
            ),
        )
    head = public.CheckpointLine(size=48290, root=HEX, at_ms=T0, state="anchored")
    log = public.Log(
        log_id="mydata/log/9f3a07c1d2e4b586",
        size=48301,
        checkpoints=(
            replace(head, size=48310, state="delayed", delay=delay(t)),
            replace(head, size=48301, state="pending"),
            head,
        ),
        witnesses=(
            common.WitnessLine(name="witness.university.example/w1", size=48290, at_ms=T0),
            common.WitnessLine(name="witness.bar.example/w2", size=None, at_ms=None),
        ),
        trust_url="/trust.json",
        trust_sha256=HEX[2:],
    )
    yield "log", "public/log.html", "log", "/log", log
    yield "log-empty", "public/log.html", "log", "/log", replace(log, size=0, checkpoints=(), witnesses=())
    yield "help", "public/help.html", "help", "/help", None
    for status in (401, 403, 404, 422, 500, 503):
        text = t("没有这一页，或者它不对您开放。", "There is no such page, or it is not open to you.")
        yield (
            f"error-{status}",
            "public/error.html",
            "",
            "/nowhere",
            public.Error(status=status, code="http.not_found", text=text),
        )
