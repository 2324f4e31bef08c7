"""The tables.

Times are UTC milliseconds (`_ms`), hashes and keys are bytes, identifiers are opaque strings with a type prefix.
Nothing here is SQLite's alone: PostgreSQL runs the same metadata. Personal values stand only in `*_enc` columns
(AES-256-GCM, see `api.store.crypto`); what must be found without being read has a keyed blind index.
"""

from api.store.tables.asking import DataAsk, DataAskEvent
from api.store.tables.base import CODE, HASH, ID, Base
from api.store.tables.case_registers import CaseAccount, CaseFinding, CaseNumber, CaseRegister
from api.store.tables.chained import ChainBlock, ChainSigner, ChainStatus, ChainTx, ChainTxHistory, Outbox
from api.store.tables.copied import Content, Copy, Provenance, Trace
from api.store.tables.credentials import GrantDraft, Passkey, PasskeyChallenge, ProviderSubject, SignIn
from api.store.tables.disputes import Amendment, AmendmentRecipient, Dispute, DisputeEvent
from api.store.tables.epochs import Epoch
from api.store.tables.erasures import Erasure, RetainedContent, RetainedProof, RetentionKey
from api.store.tables.intake import ColumnMapping, QualityCount
from api.store.tables.jobs import PullJob, PullJobItem
from api.store.tables.lifecycle import CopyEvent, Correction, Notice, NoticeDelivery, Webhook
from api.store.tables.logged import (
    Checkpoint,
    Cosignature,
    LogNode,
    LogState,
    PreparedReceipt,
    Receipt,
    RequestEvidence,
)
from api.store.tables.looks import (
    Case,
    CaseEvent,
    LookCount,
    LookMark,
    Notification,
    NotificationSetting,
    Suspension,
)
from api.store.tables.mandates import CounterAct, CounterTally, CounterVisit, GrantAuthority, Mandate
from api.store.tables.overseers import OfficeHolding, PartyAct, WatchAlarm, WatchMark, WatchTally
from api.store.tables.people import Holder, IdempotencyKey, Party, SignatureNonce, UserSession
from api.store.tables.returned import Batch, Record, Return, ReturnChunk, ReturnRow
from api.store.tables.roles import ClockMark, Lease
from api.store.tables.seals import SealCertificate, SealedDocument, SealPlan, SealStep
from api.store.tables.sharing import Grant, GrantEvent, PartyEvent, Request
from api.store.tables.statutory import Registration, StatutoryAccess, StatutoryAlarm
from api.store.tables.trace_jobs import TraceJob, TraceJobFile, TraceJobPiece

__all__ = [
    "CODE",
    "HASH",
    "ID",
    "Amendment",
    "AmendmentRecipient",
    "Base",
    "Batch",
    "Case",
    "CaseAccount",
    "CaseEvent",
    "CaseFinding",
    "CaseNumber",
    "CaseRegister",
    "ChainBlock",
    "ChainSigner",
    "ChainStatus",
    "ChainTx",
    "ChainTxHistory",
    "Checkpoint",
    "ClockMark",
    "ColumnMapping",
    "Content",
    "Copy",
    "CopyEvent",
    "Correction",
    "Cosignature",
    "CounterAct",
    "CounterTally",
    "CounterVisit",
    "DataAsk",
    "DataAskEvent",
    "Dispute",
    "DisputeEvent",
    "Epoch",
    "Erasure",
    "Grant",
    "GrantAuthority",
    "GrantDraft",
    "GrantEvent",
    "Holder",
    "IdempotencyKey",
    "Lease",
    "LogNode",
    "LogState",
    "LookCount",
    "LookMark",
    "Mandate",
    "Notice",
    "NoticeDelivery",
    "Notification",
    "NotificationSetting",
    "OfficeHolding",
    "Outbox",
    "Party",
    "PartyAct",
    "PartyEvent",
    "Passkey",
    "PasskeyChallenge",
    "PreparedReceipt",
    "Provenance",
    "ProviderSubject",
    "PullJob",
    "PullJobItem",
    "QualityCount",
    "Receipt",
    "Record",
    "Registration",
    "Request",
    "RequestEvidence",
    "RetainedContent",
    "RetainedProof",
    "RetentionKey",
    "Return",
    "ReturnChunk",
    "ReturnRow",
    "SealCertificate",
    "SealPlan",
    "SealStep",
    "SealedDocument",
    "SignIn",
    "SignatureNonce",
    "StatutoryAccess",
    "StatutoryAlarm",
    "Suspension",
    "Trace",
    "TraceJob",
    "TraceJobFile",
    "TraceJobPiece",
    "UserSession",
    "WatchAlarm",
    "WatchMark",
    "WatchTally",
    "Webhook",
]
