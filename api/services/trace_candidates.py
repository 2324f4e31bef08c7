"""Which contents a suspect file may come from: by what it says, by a number read off it, or by what it looks like.

A picture has no values that could be looked up. If neither a hidden id nor a number that the regulator types leads
to anybody, the newest PDF originals of the window are opened one after another and compared with the picture in memory.
There is no index of what originals look like: one that finds a person's certificate would itself be personal data,
which no erasure reaches. The number of originals that are opened is limited, and every one of them counts in N.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from api.locale import CHINA_STANDARD_TIME
from api.services.context import Context
from api.store import Session, read_only
from api.store.queries import copies, erasures, provenance
from api.store.tables import Content, Copy
from watermark.evidence import Claim
from watermark.examine import Examined
from watermark.keys import EpochKey
from watermark.lookup import candidate_tags, clue_tags
from watermark.seen_tables import MAX_READ, Lettering, is_table, with_lettering
from watermark.trace import ContentCandidates, IssuedCopy

if TYPE_CHECKING:  # the picture libraries are loaded where pictures are compared
    from watermark.picture_index import PictureIndex
from watermark.variants import Spelling

MAX_CONTENTS = 2_000
MAX_LOOKED_AT = 300
"""Originals that are opened to be compared with pictures of one request."""
MAX_CLUE = 200
"""Characters of a clue."""

MAX_PICTURES = 24
"""Pictures of one request that are looked for or read, each time counted; later files are told of it."""
LEFT_OUT = "watermark.trace.pictures_left_out"

PDF = "application/pdf"
"""Of the formats that the service delivers, the only one whose look is ours."""
_one_look_at_a_time = threading.Lock()
_COPY = re.compile(r"copy_[0-9a-f]{32}")
_ENDING = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Clues:
    """What the regulator adds to a file.

    `number`: what it read off it (the number of the visible line, of the certificate, of the person), in free form.
    `from_ms`, `until_ms`: when the consent was given under which the copy was made; the last not included.
    """

    number: str = ""
    from_ms: int | None = None
    until_ms: int | None = None

    @classmethod
    def of_days(cls, number: str, first: date | None, last: date | None) -> "Clues":
        """With days in China Standard Time, the last one included; a year that no calendar here knows is none."""
        following = None if last is None or last == date.max else last + timedelta(days=1)
        return cls(number.strip()[:MAX_CLUE], _begin(first), _begin(following))


@dataclass(frozen=True, slots=True)
class Looked:
    """How far originals were looked through: so many of all that are there in the window."""

    tried: int
    there: int

    def to_dict(self) -> dict[str, object]:
        """As it stands in a stored report."""
        return {"tried": self.tried, "there": self.there}


@dataclass(frozen=True, slots=True)
class Found:
    """The contents to trace against. `erased`: one more would have matched, whose data were destroyed.

    `set_aside`: copies of originals that were looked at and are not among `contents`. `by_lettering`: some of them were
    found by what was read in pictures.
    """

    contents: Sequence[ContentCandidates]
    erased: bool
    set_aside: int = 0
    looked: Looked | None = None
    by_lettering: bool = False


@dataclass(slots=True)
class Search:
    """Looks for contents, for the files of one request: originals are opened once for all of them.

    It reads in short transactions and holds none while it compares. Pictures of a request, of all its files together,
    are looked for and read up to a limit.
    """

    ctx: Context
    clues: Clues = field(default_factory=Clues)
    _index: "PictureIndex | None" = None
    _there: int = 0
    _pictures: int = 0
    _refused: set[bytes] = field(default_factory=set)

    def candidates(self, examined: Examined, keys: Mapping[str, EpochKey]) -> Found:
        """All contents that the file may come from, each with all copies ever made of it."""
        tags = [tag for key in keys.values() for tag in candidate_tags(examined, examined.name, key)]
        with read_only(self.ctx.db) as session:
            exact = copies.copies_by_file(session, examined.sha256)
            named = [copy for copy_id in examined.copy_ids if (copy := copies.get_copy(session, copy_id)) is not None]
            wanted = _with_tags(session, tags)
            # An id may be pasted in: by itself, without its tag, it must not keep anybody from looking at the pictures.
            settled = bool(wanted or exact or self.clues.number.strip() or _proven(examined, named, keys))
            wanted |= dict.fromkeys(copy.content_id for copy in (*exact, *named))
            wanted |= self._by_number(session, keys)
            if not examined.rasters or (wanted and settled):
                return self._opened(session, list(wanted))
        return self._by_look(examined, list(wanted))

    def following(self) -> "Search":
        """For the next file of a long job: the originals that are open already, and a limit of pictures of its own."""
        return Search(self.ctx, self.clues, _index=self._index, _there=self._there)

    def left_out(self, examined: Examined) -> bool:
        """Whether pictures of this file were not looked for, since those before it had used the request's limit up."""
        return examined.sha256 in self._refused

    def may_look(self, examined: Examined, found: Found) -> bool:
        """Whether its pictures were not looked for yet and may be: no number was typed that says where to look."""
        return found.looked is None and bool(examined.rasters) and not self.clues.number.strip()

    def beside_by_look(self, examined: Examined, found: Found) -> Found:
        """What was found, and what the pictures look like beside it: the copies of all of them count."""
        held = [content.content_id for content in found.contents]
        return self._by_look(examined, held, erased=found.erased)

    def by_lettering(
        self, examined: Examined, settled: AbstractSet[str], keys: Mapping[str, EpochKey], found: Found
    ) -> tuple[Lettering, Found]:
        """(the file with what its pictures say, what was found with the tables that hold such values beside it).

        `settled`: files of an archive that need not be read.
        """
        if not self._grant(examined):
            return Lettering(examined), found
        lettering = with_lettering(examined, settled)
        tags = [tag for key in keys.values() for tag in candidate_tags(lettering.examined, examined.name, key)]
        ids = lettering.examined.copy_ids
        with read_only(self.ctx.db) as session:
            wanted = _with_tags(session, tags)
            named = [copy for copy_id in ids if (copy := copies.get_copy(session, copy_id)) is not None]
            wanted |= dict.fromkeys(copy.content_id for copy in named)
            held = {content.content_id for content in found.contents}
            more = self._opened(session, [content_id for content_id in wanted if content_id not in held])
        tables = [content for content in more.contents if is_table(content.media_type)]
        return lettering, replace(
            found,
            contents=[*found.contents, *tables],
            erased=found.erased or more.erased,
            by_lettering=bool(tables),
        )

    def _grant(self, examined: Examined) -> bool:
        """Whether the pictures of a file may be worked on; each time counts those that are."""
        if self._pictures >= MAX_PICTURES:
            self._refused.add(examined.sha256)
            return False
        self._pictures += min(len(examined.rasters), MAX_READ)
        return True

    def _by_number(self, session: Session, keys: Mapping[str, EpochKey]) -> dict[str, None]:
        typed = self.clues.number[:MAX_CLUE]
        if not typed.strip():
            return {}
        wanted = _with_tags(session, [tag for key in keys.values() for tag in clue_tags(typed, key)])
        words = typed.lower().split()
        made = [copies.get_copy(session, word) for word in words if _COPY.fullmatch(word)]
        for word in words:
            if _ENDING.fullmatch(word):
                made += copies.copies_ending(session, word, MAX_CONTENTS)
        return wanted | dict.fromkeys(copy.content_id for copy in made if copy is not None)

    def _by_look(self, examined: Examined, beside: Sequence[str] = (), *, erased: bool = False) -> Found:
        likely: list[str] = []
        looked_at: Sequence[str] = ()
        looked: Looked | None = None
        if self._grant(examined):
            with _one_look_at_a_time:
                index = self._opened_index()
                likely = [one.content_id for one in index.likest(examined.rasters)]
            looked_at = index.looked_at
            looked = Looked(len(looked_at), self._there)
        with read_only(self.ctx.db) as session:
            found = self._opened(session, list(dict.fromkeys([*beside, *likely])))
            tried = copies.count_of_contents(session, list(dict.fromkeys([*looked_at, *beside])))
        kept = sum(len(_issued(content)) for content in found.contents)
        return Found(found.contents, erased or found.erased, tried - kept, looked)

    def _opened_index(self) -> "PictureIndex":
        if self._index is None:
            from watermark.picture_index import PictureIndex

            clues = self.clues
            window = (PDF, clues.from_ms, clues.until_ms)
            self._index = PictureIndex()
            with read_only(self.ctx.db) as session:
                self._there = copies.count_contents_granted(session, *window)
                newest = copies.contents_granted(session, *window, limit=MAX_LOOKED_AT)
            for content_id in newest:
                with read_only(self.ctx.db) as session:
                    content = copies.get_content(session, content_id)
                    assert content is not None
                    original = self._original(session, content) if content.original_enc else b""
                if original:  # what was erased meanwhile is not looked at
                    self._index.add(content_id, original)
        return self._index

    def _opened(self, session: Session, wanted: Sequence[str]) -> Found:
        issued: dict[str, list[IssuedCopy]] = {}
        for content_id, copy_id, entity_id, epoch, file in copies.issued_of_contents(session, wanted):
            issued.setdefault(content_id, []).append(IssuedCopy(copy_id, entity_id, epoch, file))
        found, erased = [], False
        for content_id, made in issued.items():
            content = copies.get_content(session, content_id)
            assert content is not None
            if not content.original_enc:
                erased = True
                continue
            original = self._original(session, content)
            spellings = {name: Spelling(kind) for name, kind in (content.spellings or {}).items()}
            found.append(
                ContentCandidates(
                    content_id,
                    original,
                    content.media_type,
                    tuple(made),
                    spellings,
                    outlived=erasures.is_retained(session, content_id),
                )
            )
        return Found(found, erased)

    def _original(self, session: Session, content: Content) -> bytes:
        return copies.open_original(erasures.content_key(session, self.ctx.vault, content), content)


def _begin(day: date | None) -> int | None:
    if day is None or not 1971 <= day.year <= 9998:
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=CHINA_STANDARD_TIME).timestamp()) * 1000


def _proven(examined: Examined, named: Iterable[Copy], keys: Mapping[str, EpochKey]) -> bool:
    """Whether the file names a copy with the tag that only the epoch's key makes."""
    claimed = {(claim.copy_id, claim.tag) for claim in _claims(examined)}
    return any(
        (copy.id, keys[copy.epoch].copy_tag(copy.content_id, copy.entity_id, copy.id)) in claimed
        for copy in named
        if copy.epoch in keys
    )


def _claims(examined: Examined) -> Iterator[Claim]:
    yield from examined.leak.reading.claims
    for part in examined.parts:
        yield from _claims(part)


def _issued(content: ContentCandidates) -> Sequence[IssuedCopy]:
    assert isinstance(content.copies, Sequence)
    return content.copies


def _with_tags(session: Session, tags: Iterable[bytes]) -> dict[str, None]:
    counted = provenance.contents_with(session, tags).most_common(MAX_CONTENTS)
    return dict.fromkeys(content_id for content_id, _ in counted)
