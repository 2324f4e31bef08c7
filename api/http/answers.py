"""What each operation of /v1 answers with where it answers with JSON, as schemas for the interface's description.

The routes build their answers by hand; here stands what callers may rely on. Every member that is named is always
there; members may be added. Tests generate calls of every role and hold each answer against this.
"""

from collections.abc import Mapping

from api.http.schema import (
    BOTH,
    COUNTS,
    FLAG,
    FREE,
    HASH,
    NUMBER,
    TEXT,
    TIME,
    TOPICS,
    Schema,
    listed,
    many,
    maybe,
    of,
    page,
    ref,
)

ANSWERS: Mapping[str, Schema] = {
    "GET /v1/grants": page("Grant"),
    "GET /v1/grants/{grant_id}": ref("Grant"),
    "GET /v1/grants/{grant_id}/copies": listed("GrantCopy"),
    "GET /v1/grants/{grant_id}/events": listed("GrantEvent"),
    **{
        f"POST /v1/grants/{{grant_id}}/{move}": ref("GrantChange")
        for move in ("revoke", "pause", "resume", "terminate", "invalidate", "freeze", "unfreeze", "changes")
    },
    "POST /v1/grants/{grant_id}/extension": ref("GrantBegun"),
    "GET /v1/supervision/grants": page("HeldGrant"),
    "GET /v1/supervision/grants/{grant_id}": ref("HeldGrant"),
    "POST /v1/requests": ref("Request"),
    "GET /v1/requests": page("Request"),
    "GET /v1/requests/{request_id}": ref("Request"),
    "POST /v1/requests/{request_id}/decision": ref("Decided"),
    "POST /v1/requests/{request_id}/drafts": ref("Draft"),
    "POST /v1/grants/{grant_id}/extension/drafts": ref("Draft"),
    "GET /v1/drafts/{draft_id}": ref("Draft"),
    "POST /v1/drafts/{draft_id}/binding": ref("Draft"),
    "POST /v1/drafts/{draft_id}/round": of(url=TEXT),
    "POST /v1/seals/check": ref("SealVerdict"),
    "GET /v1/seals/own": ref("OwnSeal"),
    "POST /v1/seals/own/renewal": ref("OwnSeal"),
    "GET /v1/seals/plans": listed("SealPlan"),
    "POST /v1/seals/plans": ref("SealPlan"),
    "POST /v1/seals/plans/end": listed("SealPlan"),
    "GET /v1/seals/tasks": page("SealTask"),
    "POST /v1/seals/tasks/{number}/seal": ref("SealTask"),
    "POST /v1/seals/tasks/{number}/decline": ref("SealTask"),
    "GET /v1/certificates": page("Certificate"),
    "GET /v1/certificates/{record_id}": ref("Certificate"),
    "GET /v1/certificates/{record_id}/history": ref("History"),
    "GET /v1/footprints": page("Footprint", total=NUMBER, masked=NUMBER),
    "POST /v1/cases": ref("CaseRow"),
    "GET /v1/cases": page("Case"),
    "GET /v1/cases/{case_id}": ref("Case"),
    "POST /v1/cases/{case_id}/withdraw": ref("CaseRow"),
    "POST /v1/cases/{case_id}/review": ref("CaseRow"),
    "POST /v1/cases/{case_id}/decision": ref("CaseRow"),
    "POST /v1/disputes": ref("DisputeRow"),
    "GET /v1/disputes": page("Dispute"),
    "GET /v1/disputes/{dispute_id}": ref("Dispute"),
    **{
        f"POST /v1/disputes/{{dispute_id}}/{move}": ref("DisputeRow")
        for move in ("withdraw", "answer", "correction", "contest", "decision")
    },
    "GET /v1/corrections": listed("CorrectionPart"),
    "GET /v1/corrections/{correction_id}": ref("Correction"),
    "POST /v1/corrections/{correction_id}/confirmation": of(correction=TEXT, state=TEXT, receipt=TEXT, number=NUMBER),
    "GET /v1/masks": listed("Mask"),
    "POST /v1/masks/{access_id}/release": of(access=TEXT, masked_until=maybe(TIME)),
    "GET /v1/notifications": page("Notification", unread=NUMBER),
    "POST /v1/notifications/read": of(marked=NUMBER),
    "GET /v1/notifications/settings": of(topics=TOPICS, address=maybe(TEXT), language=TEXT),
    "POST /v1/notifications/settings": of(topics=TOPICS, language=TEXT),
    "POST /v1/returns": ref("Return"),
    "GET /v1/returns": page("Return"),
    "GET /v1/returns/{return_id}": ref("Return"),
    "GET /v1/returns/{return_id}/rows": listed("ReturnRow"),
    "GET /v1/returns/{return_id}/columns": ref("ReturnColumns"),
    "GET /v1/returns/{return_id}/quality": ref("Quality"),
    "GET /v1/quality": ref("Quality"),
    "POST /v1/returns/agent": ref("Return"),
    "GET /v1/returns/{return_id}/commitments": of(
        rules=TEXT,
        day=TEXT,
        batches=NUMBER,
        root=HASH,
        size=NUMBER,
        seeds=many(HASH),
        sheet=maybe(NUMBER),
        columns=maybe({"type": "object", "additionalProperties": maybe(TEXT)}),
    ),
    "POST /v1/returns/{return_id}/signatures": ref("Return"),
    "POST /v1/returns/{return_id}/review": ref("Return"),
    "POST /v1/returns/{return_id}/columns": ref("Return"),
    "POST /v1/returns/{return_id}/seal": ref("Return"),
    "GET /v1/copies": page("Copy"),
    "GET /v1/copies/{copy_id}": ref("Copy"),
    "POST /v1/copies/{copy_id}/deletion": ref("CopyStated"),
    "POST /v1/copies/{copy_id}/retention": ref("CopyStated"),
    "GET /v1/catalogue/retention": of(
        deletion_days=NUMBER,
        escalation_days=NUMBER,
        bases=many(of(code=TEXT, zh=TEXT, en=TEXT, max_years=NUMBER, purposes=many(TEXT))),
        methods=many(of(code=TEXT, zh=TEXT, en=TEXT)),
    ),
    "POST /v1/webhooks": ref("Webhook"),
    "GET /v1/webhooks": listed("Webhook"),
    "POST /v1/webhooks/{webhook_id}/remove": ref("Webhook"),
    "GET /v1/webhooks/{webhook_id}/messages": of(items=many(ref("WebhookMessage")), next_before=maybe(NUMBER)),
    "POST /v1/webhooks/messages/{number}/resend": of(number=NUMBER, state=TEXT),
    "POST /v1/pull-jobs": ref("PullJob"),
    "GET /v1/pull-jobs": page("PullJob"),
    "GET /v1/pull-jobs/{job_id}": ref("PullJob"),
    "GET /v1/pull-jobs/{job_id}/items": of(items=many(ref("PullJobItem")), next_after=maybe(NUMBER)),
    "POST /v1/pull-jobs/{job_id}/cancel": ref("PullJob"),
    "POST /v1/pull-jobs/{job_id}/resume": ref("PullJob"),
    "GET /v1/mandates": of(held=many(ref("Mandate")), given=many(ref("Mandate")), acting=maybe(TEXT)),
    "POST /v1/mandates": ref("MandateRow"),
    "GET /v1/mandates/registered": page("Mandate"),
    "POST /v1/mandates/registered": ref("MandateRow"),
    "POST /v1/mandates/{mandate_id}/answer": ref("MandateRow"),
    "POST /v1/mandates/{mandate_id}/end": ref("MandateRow"),
    "POST /v1/counter/visits": of(id=TEXT),
    "GET /v1/counter/visits/{visit_id}": ref("Visit"),
    "POST /v1/counter/visits/{visit_id}/requests/{request_id}/decision": ref("Decided"),
    "POST /v1/counter/visits/{visit_id}/grants/{grant_id}/revoke": ref("GrantChange"),
    "POST /v1/counter/visits/{visit_id}/close": of(id=TEXT, open=FLAG),
    "GET /v1/passkeys": listed("Passkey"),
    "POST /v1/passkeys": ref("Passkey"),
    "GET /v1/receipts/{receipt_id}": ref("Receipt"),
    "GET /v1/receipts/{receipt_id}/decision": ref("Replayed"),
    "GET /v1/log": of(log=TEXT, size=NUMBER, anchored=NUMBER, prepared=NUMBER, chain=maybe(FREE)),
    "POST /v1/log/cosignatures": of(size=NUMBER, witnesses=many(TEXT)),
    "GET /v1/log/consistency": of(old=NUMBER, new=NUMBER, proof=many(HASH)),
    **{
        f"POST /v1/traces/jobs{path}": ref("TraceJob")
        for path in ("", "/{job_id}/files", "/{job_id}/start", "/{job_id}/cancel")
    },
    "GET /v1/traces/jobs": page("TraceJob"),
    "GET /v1/traces/jobs/{job_id}": ref("TraceJob"),
    "GET /v1/traces/jobs/{job_id}/files": of(items=many(ref("TraceJobFile")), next_after=maybe(NUMBER)),
    "POST /v1/traces": listed("Trace"),
    "GET /v1/traces": page("Trace"),
    "GET /v1/traces/{trace_id}": ref("Trace"),
    "GET /v1/statutory-accesses": page("StatutoryAccess"),
    "GET /v1/statutory-accesses/{access_id}": ref("StatutoryAccess"),
    "GET /v1/statutory-bases": of(
        blocked=FLAG,
        items=many(
            of(
                code=TEXT,
                version=NUMBER,
                zh=TEXT,
                en=TEXT,
                law=BOTH,
                case_example=TEXT,
                holder_kinds=many(TEXT),
                allowed=many(TEXT),
                max_delay_days=NUMBER,
                quota_per_day=NUMBER,
                quota_per_case=NUMBER,
                used_today=NUMBER,
            )
        ),
        alarms=many(of(basis=maybe(TEXT), kind=TEXT, blocks=FLAG, seen=NUMBER, limit=NUMBER, raised_at=TIME)),
    ),
    "GET /v1/case-register": of(
        first_at=maybe(TIME),
        last_at=maybe(TIME),
        open=NUMBER,
        closed=NUMBER,
        late=FLAG,
        late_days=NUMBER,
        may_bring=FLAG,
    ),
    "POST /v1/case-register": of(added=NUMBER, changed=NUMBER, unchanged=NUMBER, came=NUMBER),
    "GET /v1/case-registers": of(
        items=many(of(party=TEXT, name=BOTH, since=TIME, first_at=maybe(TIME), last_at=maybe(TIME), late=FLAG))
    ),
    "GET /v1/statutory-alarms": page("StatutoryAlarm"),
    "POST /v1/statutory-alarms/{alarm_id}/close": ref("StatutoryAlarm"),
    "GET /v1/parties": listed("Party"),
    "GET /v1/catalogue/types": of(version=TEXT, items=many(ref("CertificateType"))),
    "GET /v1/catalogue/offers": listed("Offer"),
    "POST /v1/data-asks": ref("DataAskRow"),
    "GET /v1/data-asks": page("DataAsk", counts=COUNTS),
    "GET /v1/data-asks/departments": listed("Named"),
    "GET /v1/data-asks/{ask_id}": ref("DataAsk"),
    **{
        f"POST /v1/data-asks/{{ask_id}}/{move}": ref("DataAskRow")
        for move in ("withdraw", "answer", "department", "order")
    },
    "GET /v1/catalogue/items": of(
        total=NUMBER,
        next_after=maybe(NUMBER),
        items=many(
            of(
                number=NUMBER,
                name=TEXT,
                departments=many(TEXT),
                scenario=maybe(TEXT),
                purpose=maybe(TEXT),
                needed=many(of(type=TEXT, field=TEXT)),
            )
        ),
    ),
    "GET /v1/catalogue/purposes": listed("Purpose"),
    "GET /v1/log/entries": of(items=many(FREE)),
    "GET /readyz": of(ready=FLAG, parts={"type": "object", "additionalProperties": {"type": "string"}}),
    "GET /v1/erasures": ref("ErasurePlan"),
    "POST /v1/erasures": ref("Erasure"),
    "POST /v1/erasures/{erasure_id}/confirm": ref("Erasure"),
    "POST /v1/erasures/{erasure_id}/cancel": ref("Erasure"),
    "GET /v1/erasures/{erasure_id}": of(
        id=TEXT, state=TEXT, due_at=maybe(TIME), erased_at=maybe(TIME), receipt_number=maybe(NUMBER)
    ),
}
"""Operations whose answer has a form of our own, by method and path."""

ASKED_INSTEAD: Mapping[str, tuple[int, Schema]] = {
    # An entity asks for an extension, which its holder then answers; its holder simply extends.
    "POST /v1/grants/{grant_id}/extension": (202, ref("Request")),
}
"""Operations that answer with another status, and another thing, where somebody else has to agree first."""
