"""The forms of disputes, corrections, offers and asks for data, as schemas; `api.http.shapes` has them all."""

from collections.abc import Mapping

from api.catalogue.offers import Attribute, Frequency
from api.http.schema import BOTH, COUNTS, FLAG, NAMED, NUMBER, TEXT, TIME, Schema, many, maybe, of, word
from api.policy.data_asks import AskMover, AskState, Route, Wanted
from api.policy.disputes import AmendmentState, DisputeState, Mover, RecipientState, Subject

_DISPUTE: Mapping[str, Schema] = {
    "id": TEXT,
    "number": TEXT,
    "subject": word(Subject),
    "state": word(DisputeState),
    "opened_at": TIME,
    "due_at": maybe(TIME),
    "plain_weekdays": FLAG,
    "overdue_since": maybe(TIME),
    "contest_until": maybe(TIME),
    "closed_at": maybe(TIME),
}
_RECIPIENT: Mapping[str, Schema] = {
    "state": word(RecipientState),
    "copies": many(TEXT),
    "told": NUMBER,
    "told_at": maybe(TIME),
    "confirmed_at": maybe(TIME),
    "by": maybe(TEXT),
    "receipt": maybe(TEXT),
}
_ASK: Mapping[str, Schema] = {
    "id": TEXT,
    "number": TEXT,
    "state": word(AskState),
    "route": maybe(word(Route)),
    "type": maybe(TEXT),
    "fields": many(TEXT),
    "words": maybe(TEXT),
    "purpose": TEXT,
    "purpose_code": maybe(TEXT),
    "basis": TEXT,
    "basis_code": maybe(TEXT),
    "frequency": word(Wanted),
    "answer": maybe(TEXT),
    "filed_at": TIME,
    "due_at": maybe(TIME),
    "plain_weekdays": FLAG,
    "restarted": FLAG,
    "overdue_since": maybe(TIME),
    "in_time": maybe(FLAG),
    "closed_at": maybe(TIME),
}

DISPUTE_SHAPES: Mapping[str, Schema] = {
    "DisputeRow": of(**_DISPUTE),
    "Dispute": of(
        **_DISPUTE,
        party=maybe(NAMED),
        type=maybe(TEXT),
        certificate=maybe(TEXT),
        field=maybe(TEXT),
        receipt=maybe(TEXT),
        statement=maybe(TEXT),
        answer=maybe(TEXT),
        contest=maybe(TEXT),
        decision=maybe(TEXT),
        corrections=many(of(id=TEXT, state=word(AmendmentState))),
        events=many(
            of(state=word(DisputeState), actor=word(Mover), note=maybe(TEXT), receipt=TEXT, at=TIME),
        ),
    ),
    "Correction": of(
        id=TEXT,
        type=TEXT,
        fields=many(TEXT),
        state=word(AmendmentState),
        issuer=maybe(NAMED),
        dispute=maybe(TEXT),
        old=maybe(TEXT),
        new=maybe(TEXT),
        withdrawn_on_chain=FLAG,
        due_at=maybe(TIME),
        plain_weekdays=FLAG,
        total=NUMBER,
        confirmed=NUMBER,
        counts=COUNTS,
        recipients=many(of(party=NAMED, **_RECIPIENT)),
        next_after=maybe(TEXT),
        done_at=maybe(TIME),
    ),
    "CorrectionPart": of(
        correction=TEXT,
        type=TEXT,
        fields=many(TEXT),
        issuer=maybe(NAMED),
        party=maybe(NAMED),
        due_at=maybe(TIME),
        **_RECIPIENT,
    ),
    "DataAskRow": of(**_ASK),
    "DataAsk": of(
        **_ASK,
        asker=maybe(NAMED),
        department=maybe(NAMED),
        offer=maybe(of(attribute=word(Attribute), frequency=word(Frequency), basis=BOTH, contact=BOTH)),
        events=many(
            of(
                state=word(AskState),
                mover=word(AskMover),
                by=maybe(TEXT),
                department=maybe(NAMED),
                note=maybe(TEXT),
                text=maybe(TEXT),
                due_at=maybe(TIME),
                at=TIME,
            ),
        ),
    ),
    "Named": NAMED,
    "Offer": of(
        type=TEXT,
        zh=TEXT,
        en=TEXT,
        department=of(code=TEXT, zh=TEXT, en=TEXT),
        attribute=word(Attribute),
        frequency=word(Frequency),
        basis=BOTH,
        contact=BOTH,
        fields=many(of(name=TEXT, zh=TEXT, en=TEXT, attribute=word(Attribute))),
    ),
}
"""By name, like all others."""
