"""What anybody may read: parties, the catalogue, and the receipt log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.client import operations as op
from api.client.reading import Document
from api.client.transport import Transport


@dataclass(frozen=True, slots=True)
class Party:
    """A department, entity, regulator or operator."""

    id: str
    role: str
    zh: str
    en: str
    uscc: str | None
    key_thumbprint: str | None
    status: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """A registered purpose: what it allows, as (type, field, necessary), and its limits."""

    code: str
    version: int
    zh: str
    en: str
    case_required: bool
    max_days: int
    max_uses: int
    data_life_days: int
    allowed: tuple[tuple[str, str, bool], ...]
    packs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CertificateType:
    """A certificate type; `fields` by name, each as the catalogue describes it."""

    code: str
    zh: str
    en: str
    holder_kind: str
    department: str
    ready: bool
    fields: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Log:
    """The receipt log: its id, how many leaves it has, how many of them stand under a checkpoint on the chain."""

    id: str
    size: int
    anchored: int
    prepared: int
    chain_state: str | None


def _party(document: Document) -> Party:
    return Party(
        id=document.text("id"),
        role=document.text("role"),
        zh=document.text("zh"),
        en=document.text("en"),
        uscc=document.maybe_text("uscc"),
        key_thumbprint=document.maybe_text("key_thumbprint"),
        status=document.text("status"),
    )


def _purpose(document: Document) -> Purpose:
    allowed = tuple((one.text("type"), one.text("field"), one.flag("necessary")) for one in document.list("allowed"))
    return Purpose(
        code=document.text("code"),
        version=document.whole("version"),
        zh=document.text("zh"),
        en=document.text("en"),
        case_required=document.flag("case_required"),
        max_days=document.whole("max_days"),
        max_uses=document.whole("max_uses"),
        data_life_days=document.whole("data_life_days"),
        allowed=allowed,
        packs=document.texts("packs"),
    )


def _type(document: Document) -> CertificateType:
    return CertificateType(
        code=document.text("code"),
        zh=document.text("zh"),
        en=document.text("en"),
        holder_kind=document.text("holder_kind"),
        department=document.text("department"),
        ready=document.flag("ready"),
        fields={one.text("name"): one.members for one in document.list("fields")},
    )


class Reference:
    """Public facts of the service."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def parties(self, role: str | None = None) -> list[Party]:
        """The parties, or those of one role."""
        return [_party(one) for one in self._transport.json(op.LIST_PARTIES, role=role).list("items")]

    def types(self) -> list[CertificateType]:
        """The certificate types with their fields."""
        return [_type(one) for one in self._transport.json(op.LIST_TYPES).list("items")]

    def purposes(self) -> list[Purpose]:
        """The registered purposes."""
        return [_purpose(one) for one in self._transport.json(op.LIST_PURPOSES).list("items")]

    def retention(self) -> Mapping[str, Any]:
        """Laws that can be named for keeping a copy, ways of destroying one, and the days given for it."""
        return self._transport.json(op.LIST_RETENTION).members

    def log(self) -> Log:
        """Size and state of the log."""
        document = self._transport.json(op.GET_LOG)
        chain = None if document.raw("chain") is None else document.inner("chain").text("state")
        return Log(
            id=document.text("log"),
            size=document.whole("size"),
            anchored=document.whole("anchored"),
            prepared=document.whole("prepared"),
            chain_state=chain,
        )

    def checkpoint(self) -> str:
        """The newest checkpoint on the chain: a C2SP signed note, opened with `chain.note.open_checkpoint`."""
        return self._transport.call(op.GET_CHECKPOINT, accept="text/plain").text

    def entries(self, start: int, count: int) -> list[Mapping[str, Any]]:
        """Public leaves of the log."""
        document = self._transport.json(op.GET_ENTRIES, start=start, count=count)
        return [one.members for one in document.list("items")]

    def consistency(self, old: int, new: int) -> tuple[str, ...]:
        """RFC 6962 consistency proof between two sizes: hashes as 0x hexadecimal."""
        return self._transport.json(op.GET_CONSISTENCY, old=old, new=new).texts("proof")
