"""Keyed tags of the cells that contents hold: how the tracer goes from a leaked file's cells to candidate contents."""

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.store.inserts import insert_ignore
from api.store.tables import Provenance

_CHUNK = 500


def add_tags(session: Session, content_id: str, tags: Iterable[bytes]) -> None:
    """Note the tags (16 bytes each) of a content's cells; repeats are fine."""
    insert_ignore(session, Provenance, [{"tag": tag, "content_id": content_id} for tag in dict.fromkeys(tags)])


def contents_with(session: Session, tags: Iterable[bytes]) -> Counter[str]:
    """Content id to the count of distinct tags among these that it holds."""
    hits: Counter[str] = Counter()
    wanted = list(dict.fromkeys(tags))
    for start in range(0, len(wanted), _CHUNK):
        rows = session.execute(
            select(Provenance.content_id, func.count())
            .where(Provenance.tag.in_(wanted[start : start + _CHUNK]))
            .group_by(Provenance.content_id)
        )
        for content_id, count in rows:
            hits[content_id] += count
    return hits


def contents_by_tag(session: Session, tags: Iterable[bytes]) -> Mapping[bytes, list[str]]:
    """Tag to the ids of the contents that hold it."""
    found: dict[bytes, list[str]] = {}
    wanted = list(dict.fromkeys(tags))
    for start in range(0, len(wanted), _CHUNK):
        rows = session.execute(
            select(Provenance.tag, Provenance.content_id)
            .where(Provenance.tag.in_(wanted[start : start + _CHUNK]))
            .order_by(Provenance.tag, Provenance.content_id)
        )
        for tag, content_id in rows:
            found.setdefault(tag, []).append(content_id)
    return found
