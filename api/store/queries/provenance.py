"""Keyed tags of the cells that contents hold: how the tracer goes from a leaked file's cells to candidate contents."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from api.store.database import connected
from api.store.inserts import insert_ignore
from api.store.tables import Provenance

_CHUNK = 2000
_WITH = select(Provenance.tag, Provenance.content_id).where(Provenance.tag.in_(bindparam("tags", expanding=True)))


def add_tags(session: Session, content_id: str, tags: Iterable[bytes]) -> None:
    """Note the tags (16 bytes each) of a content's cells; repeats are fine."""
    insert_ignore(session, Provenance, [{"tag": tag, "content_id": content_id} for tag in dict.fromkeys(tags)])


def contents_with(session: Session, tags: Iterable[bytes]) -> Counter[str]:
    """Content id to the count of distinct tags among these that it holds."""
    return Counter(content_id for _, content_id in _rows(session, tags))


def contents_by_tag(session: Session, tags: Iterable[bytes]) -> Mapping[bytes, list[str]]:
    """Tag to the ids of the contents that hold it."""
    found: dict[bytes, list[str]] = {}
    for tag, content_id in sorted(_rows(session, tags)):
        found.setdefault(tag, []).append(content_id)
    return found


def _rows(session: Session, tags: Iterable[bytes]) -> Iterator[tuple[bytes, str]]:
    """Every (tag, content) of these tags, asked for in the order in which they lie."""
    wanted = sorted(set(tags))
    for start in range(0, len(wanted), _CHUNK):
        rows = connected(session).execute(_WITH, {"tags": wanted[start : start + _CHUNK]})
        for tag, content_id in rows:
            yield bytes(tag), content_id
