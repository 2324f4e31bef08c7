"""Values and parts that sample views of several portals share."""

from dataclasses import replace

from api.locale import Lang, error_text, translator
from api.portals.views import citizen, common, consents
from api.portals.wording import DELAYS

T0 = 1795327500000  # 2026-11-22 14:05 China Standard Time
MINUTE = 60_000
DAY = 86_400_000
HEX = "0x" + "9f3a07c1d2e4b586" * 4


class Words:
    """Picks the text of a language."""

    def __init__(self, lang: Lang) -> None:
        self.zh = lang == "zh-Hans"

    def __call__(self, zh: str, en: str) -> str:
        return zh if self.zh else en


def delay(t: Words, reason: str = "anchoring.unreachable") -> common.Delay:
    """Something that waits since a quarter of an hour."""
    lang: Lang = "zh-Hans" if t.zh else "en"
    return common.Delay(T0 - 15 * MINUTE, translator(lang).gettext(DELAYS[reason]), error_text(reason, lang))


def proof(subject: str, state: str = "anchored", number: int | None = 48213) -> common.Proof:
    facts = [
        ("fingerprint", HEX),
        ("root", HEX[::-1].replace("x0", "0x")),
        ("place", "412 / 1024"),
        ("issuer", HEX[:42]),
    ]
    return common.Proof(
        state=state,
        subject=subject,
        at_ms=T0 if state == "anchored" else None,
        receipt_number=number,
        facts=tuple(common.ProofFact(name=name, value=value) for name, value in facts),
        bundle_url="/citizen/certificates/rec_1/bundle" if state == "anchored" else None,
    )


def items(t: Words) -> tuple[common.Item, ...]:
    licence = t("机动车驾驶证", "Driving licence")
    return (
        common.Item(
            key="person.driving_licence/licence_class",
            label=t("准驾车型", "Licence class"),
            type_name=licence,
            necessary=True,
        ),
        common.Item(
            key="person.driving_licence/valid_until",
            label=t("有效期至", "Valid until"),
            type_name=licence,
            necessary=True,
        ),
        common.Item(
            key="person.driving_licence/first_issued_on", label=t("初次领证日期", "First issued on"), type_name=licence
        ),
        common.Item(
            key="person.driving_licence/address", label=t("住址", "Address"), type_name=licence, sensitive=True
        ),
    )


def steps(t: Words) -> tuple[citizen.Footprint, ...]:
    insurer = t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd.")
    claim = t("机动车保险理赔", "Motor insurance claims")
    fields = (t("准驾车型", "Licence class"), t("有效期至", "Valid until"))
    make = citizen.Footprint
    return (
        make(
            at_ms=T0,
            kind="delivery",
            who=insurer,
            what=fields,
            purpose=claim,
            reason=None,
            repeats=1,
            receipt_number=48213,
            anchored=True,
            evidence_url="/x",
        ),
        make(
            at_ms=T0 - 20 * MINUTE,
            kind="refusal",
            who=t("演示蓝湾银行", "Demo Blue Bay Bank"),
            what=(),
            purpose=None,
            reason=t("超出您同意的范围", "Beyond what you agreed to"),
            repeats=3,
            receipt_number=48190,
            anchored=True,
            evidence_url=None,
        ),
        make(
            at_ms=T0 - 30 * MINUTE,
            kind="grant",
            who=insurer,
            what=fields,
            purpose=claim,
            reason=None,
            repeats=1,
            receipt_number=None,
            anchored=False,
            evidence_url=None,
        ),
        make(
            at_ms=T0 - DAY,
            kind="original",
            who=t("您本人", "You"),
            what=(t("机动车驾驶证", "Driving licence"),),
            purpose=None,
            reason=None,
            repeats=1,
            receipt_number=47001,
            anchored=True,
            evidence_url=None,
        ),
        make(
            at_ms=T0 - DAY - MINUTE,
            kind="return",
            who=t("演示市公安局", "Demo City Public Security Bureau"),
            what=(t("机动车驾驶证", "Driving licence"),),
            purpose=None,
            reason=None,
            repeats=1,
            receipt_number=46990,
            anchored=True,
            evidence_url=None,
        ),
    )


def deliveries() -> tuple[common.Delivery, ...]:
    make = common.Delivery
    return (
        make(
            at_ms=T0,
            media_type="application/pdf",
            copy_id="copy_7Q2M4T8ZK1VX9R3B",
            receipt_number=48213,
            anchored=True,
            evidence_url="/x",
        ),
        make(
            at_ms=T0 - DAY, media_type="text/csv", copy_id="copy_5N8C2W7PJ6HD4F1A", receipt_number=None, anchored=False
        ),
    )


def copy_lines(t: Words) -> tuple[common.CopyLine, ...]:
    """Copies in every state."""
    line = common.CopyLine(
        id="copy_5f0c2a9be1d34c77a8b2",
        entity=t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd."),
        purpose=t("机动车保险理赔", "Motor insurance claims"),
        case_no="CL-2026-0815",
        media_type="application/pdf",
        state="held",
        due_at_ms=None,
        basis=None,
        deleted_at_ms=None,
        method=None,
        signed=False,
    )
    gone = replace(line, state="deleted", deleted_at_ms=T0, method=t("从系统中删除并覆写", "Deleted and overwritten"))
    law = t("《中华人民共和国保险法》第八十七条", "Insurance Law, article 87")
    return (
        line,
        replace(line, state="delete_due", due_at_ms=T0 + 7 * DAY, media_type="text/csv"),
        replace(gone, signed=True),
        gone,
        replace(line, state="retained", due_at_ms=T0 + 900 * DAY, basis=law),
        replace(line, state="overdue", due_at_ms=T0 - DAY, case_no=None),
        replace(line, state="escalated", due_at_ms=T0 - 9 * DAY),
    )


def late_proof(t: Words, subject: str, reason: str) -> common.Proof:
    """A proof of something that waits."""
    return replace(proof(subject, "delayed", None), delay=delay(t, reason))


def late_deliveries(t: Words) -> tuple[common.Delivery, ...]:
    """Deliveries of which none is recorded yet."""
    return tuple(replace(one, anchored=False, delay=delay(t, "anchoring.slow")) for one in deliveries())


def late_life(t: Words, portal: str) -> consents.Life:
    """A consent's history of which the signed changes wait."""
    known = life(t, portal)
    changes = tuple(
        replace(one, anchored=False, delay=delay(t, "anchoring.standing"))
        if one.what in {"granted", "paused", "resumed"}
        else one
        for one in known.changes
    )
    return replace(known, changes=changes)


def life(t: Words, portal: str, *, paused: bool = False, ended: bool = False) -> consents.Life:
    """A consent's history with a pause, a dispute and an extension of an earlier one."""
    holder = t("您", "You") if portal == "citizen" else t("当事人", "The person concerned")
    lines = [
        ("granted", holder, None, True),
        ("frozen", t("监管部门", "Regulator"), None, True),
        ("unfrozen", t("监管部门", "Regulator"), None, True),
        ("paused", holder, None, False),
    ]
    if ended:
        lines += [("invalidated", t("监管部门", "Regulator"), t("依人民法院的决定", "by order of a court"), False)]
    elif not paused:
        lines += [("resumed", holder, None, False)]
    changes = tuple(
        consents.Change(at_ms=T0 + at * 60_000, what=what, who=who, why=why, anchored=anchored)
        for at, (what, who, why, anchored) in enumerate(lines)
    )
    return consents.Life(
        changes=changes[::-1],
        frozen=False,
        one_off=False,
        per_day=3,
        per_month=5,
        can_pause=not (paused or ended),
        can_resume=paused,
        can_extend=not ended,
        can_terminate=not ended,
        until_min="2026-11-23",
        until_max="2027-02-20",
        uses_max=5,
        asked=paused,
        older_url=f"/{portal}/grants/grant_0",
        newer_url=None,
    )


def decision(t: Words, portal: str, *, allowed: bool) -> consents.Decision:
    """A decision made again; the refused one on a history that somebody changed."""
    facts = (
        consents.Fact(label=t("授权状态", "State of the consent"), value=t("有效", "In force"), holds=True),
        consents.Fact(
            label=t("有效期", "Runs"),
            value=t("2026年11月1日 09:30 – 2026年11月20日 09:30", "1 Nov 2026, 09:30 – 20 Nov 2026, 09:30"),
            holds=allowed,
        ),
        consents.Fact(
            label=t("已用次数", "Used before"), value=t("已用 1 次，最多 3 次", "1 of at most 3 times"), holds=True
        ),
    )
    reason = t("授权已到期，未取出任何数据。", "The grant has ended; nothing was released.")
    return consents.Decision(
        portal=portal,
        allowed=allowed,
        reason=None if allowed else reason,
        again=t("允许", "Allowed") if allowed else reason,
        agrees=allowed,
        at_ms=T0,
        receipt_number=48211,
        back_url=f"/{portal}/grants/grant_1",
        facts=facts,
    )
