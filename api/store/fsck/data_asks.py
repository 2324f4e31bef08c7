"""Asks for data: every move against its receipt, and no ask or move that is gone."""

from collections import defaultdict

from sqlalchemy import select

from api.store.fsck.report import Check
from api.store.queries import data_asks
from api.store.tables import DataAsk, DataAskEvent
from chain.canonical import Json


def check_data_asks(check: Check) -> None:
    """Each ask says what the receipts of its moves say, and stands where the last of them brought it."""
    receipted: dict[tuple[str, int], dict[str, Json]] = {}
    for said in check.admissions:
        seq = said.details.get("seq")
        if said.details.get("act") == "data_ask" and said.holder_id is None and isinstance(seq, int):
            receipted[str(said.details.get("ask")), seq] = said.details
    moves: dict[str, list[DataAskEvent]] = defaultdict(list)
    order = select(DataAskEvent).order_by(DataAskEvent.ask_id, DataAskEvent.seq)
    for event in check.each("data_ask_events", order):
        moves[event.ask_id].append(event)
    for row in check.each("data_asks", select(DataAsk).order_by(DataAsk.id)):
        mine = moves.get(row.id, [])
        if [event.seq for event in mine] != list(range(len(mine))) or not mine or not _stands(row, mine[-1]):
            check.find("data_asks", row.id, "fsck.ask_edited")
        for event in mine:
            if receipted.pop((row.id, event.seq), None) != data_asks.stated(row, event):
                check.find("data_asks", row.id, "fsck.ask_edited")
    for ask_id, _ in receipted:
        check.find("data_ask_events", ask_id, "fsck.row_missing")


def _stands(row: DataAsk, last: DataAskEvent) -> bool:
    return (row.state, row.party_id) == (last.state, last.party_id)
