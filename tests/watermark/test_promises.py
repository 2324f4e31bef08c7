"""What each carrier promises, held against planted faults: for every kind of file, through the public command.

The suspects are without names, notices and tags (`tests.watermark.media`), so that it is the code that must answer.
"""

import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.watermark.media import MEDIA, Medium
from watermark.carriers import Carrier, carrier_for
from watermark.carriers.media import media_type_of
from watermark.command import marking
from watermark.command.line import main
from watermark.evidence import Evidence
from watermark.keys import EpochKey
from watermark.payload import Mark

KEY, OTHER_KEY = "07" * 32, "08" * 32
LEAKER, INNOCENT, STRANGER = ("copy_7", "party_3"), ("copy_8", "party_4"), ("copy_99", "party_x")
TOGETHER = ("CSV", "TXT", "DOCX")
"""What the archive of several holds."""
PICTURES = ("PNG", "JPEG", "WebP", "TIFF")


@dataclass(frozen=True)
class Broken:
    """A carrier with a planted fault: it writes nothing, or the code of somebody else."""

    inner: Carrier
    writes: tuple[str, str] | None
    name: str = "broken"
    media_types: frozenset[str] = frozenset()

    def embed(self, original: bytes, mark: Mark, key: EpochKey) -> bytes:
        """The original as it is, or a copy marked as that of `writes`."""
        if self.writes is None:
            return original
        copy_id, entity_id = self.writes
        return self.inner.embed(original, replace(mark, copy_id=copy_id, entity_id=entity_id), key)

    def evidence(self, suspect: bytes, original: bytes, content_id: str) -> Evidence:
        """As the carrier that works."""
        return self.inner.evidence(suspect, original, content_id)


@dataclass
class Case:
    """One kind of file on disk: originals, a list of 40 copies of 20 entities, and the copies that were marked."""

    folder: Path
    media: dict[str, Medium]
    archive: bool
    made: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, medium in self.media.items():
            self.original(name).write_bytes(medium.original())
        copies = (json.dumps({"copy": f"copy_{i}", "entity": f"party_{i // 2}"}) + "\n" for i in range(40))
        (self.folder / "copies.jsonl").write_text("".join(copies))

    def original(self, name: str) -> Path:
        """The original's file."""
        return self.folder / f"original.{self.media[name].suffix}"

    def mark(self, whose: tuple[str, str]) -> dict[str, bytes]:
        """Copies as delivered, by kind, made by the command."""
        made = {}
        for name, medium in self.media.items():
            out = self.folder / f"copy.{medium.suffix}"
            ids = ["--copy", whose[0], "--entity", whose[1], "--content", f"content_{name}", "--key", KEY]
            assert main(["mark", str(self.original(name)), str(out), *ids, "--visible", "For A only"]) == 0
            made[name] = out.read_bytes()
        return made

    def marked(self, whose: tuple[str, str]) -> dict[str, bytes]:
        """The same, made once."""
        if whose not in self.made:
            self.made[whose] = self.mark(whose)
        return self.made[whose]

    def bare(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """What a leaker makes of them."""
        return {name: self.media[name].without_label(data) for name, data in files.items()}

    def trace(self, files: dict[str, bytes], key: str = KEY) -> dict[str, Any]:
        """What the command says of the files: of one as it is, of several in an archive."""
        suspects = {f"leak.{self.media[name].suffix}": data for name, data in files.items()}
        if self.archive:
            suspect = self.folder / "leak.zip"
            with zipfile.ZipFile(suspect, "w") as packed:
                for name, data in suspects.items():
                    packed.writestr(name, data)
        else:
            ((name, data),) = suspects.items()
            suspect = self.folder / name
            suspect.write_bytes(data)
        against: list[str] = []
        for name in self.media:
            against += ["--original", str(self.original(name)), "--content", f"content_{name}"]
            against += ["--copies", str(self.folder / "copies.jsonl")]
        assert main(["trace", str(suspect), *against, "--key", key, "--json", str(self.report)]) == 0
        found: dict[str, Any] = json.loads(self.report.read_text("utf-8"))
        return found

    @property
    def report(self) -> Path:
        """What the command wrote last."""
        return self.folder / "report.json"


KINDS = [
    *(pytest.param((name,), id=name, marks=[pytest.mark.slow] if name in PICTURES else []) for name in MEDIA),
    pytest.param(TOGETHER, id="ZIP", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=KINDS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    names: tuple[str, ...] = request.param
    return Case(tmp_path_factory.mktemp("kind"), {name: MEDIA[name] for name in names}, len(names) > 1)


def _accused(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["copy"], one["entity"]) for one in found["accused"]]


def test_the_leaker_is_named_and_nobody_else(case: Case) -> None:
    """The promise, and that the report which says so is computed again; other keys do not bear it out."""
    found = case.trace(case.bare(case.marked(LEAKER)))
    assert (found["outcome"], _accused(found)) == ("identified", [LEAKER]), found["layers"]
    assert found["level"] == "copy"
    assert found["accused"][0]["bound"] < 1e-9
    assert found["accused"][0]["log10_e"] > 9 + 1.6
    assert _accused({"accused": found["ranked"][:1]}) == [LEAKER]
    assert case.archive or len(found["ranked"]) == 40
    assert found["n"] == 40 * len(case.media) ** 2, "each file of an archive, held against every original"
    assert not [layer for layer in found["layers"] if layer.startswith("label")]
    assert main(["rescore", str(case.report), "--key", KEY]) == 0
    assert main(["rescore", str(case.report), "--key", OTHER_KEY]) == 1


def test_as_delivered_it_is_of_the_same_kind_and_says_whose_it_is(case: Case) -> None:
    for name, copy in case.marked(LEAKER).items():
        original = case.original(name)
        assert media_type_of(copy, original.name) == media_type_of(original.read_bytes(), original.name)
    found = case.trace(case.marked(LEAKER))
    assert (found["outcome"], found["level"], _accused(found)) == ("identified", "copy", [LEAKER])


@pytest.mark.parametrize("writes", [None, INNOCENT], ids=["nothing", "anothers code"])
def test_a_broken_carrier_is_found_out(
    case: Case, writes: tuple[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promise's own check, run on a carrier that does not keep it: the leaker is not named.

    With another's code it is an innocent's copy, byte by byte: that one alone is named.
    """
    monkeypatch.setattr(marking, "_carrier", lambda media_type, zero_width: Broken(carrier_for(media_type), writes))
    made = case.mark(LEAKER)
    if writes is None:
        assert made == {name: case.original(name).read_bytes() for name in case.media}
        found = case.trace(made)
    else:
        found = case.trace(case.bare(made))
    assert _accused(found) == ([] if writes is None else [INNOCENT])


def test_a_shifted_key_accuses_nobody(case: Case) -> None:
    """Neither the tags, which stand in the file, nor the code fit it."""
    found = case.trace(case.marked(LEAKER), OTHER_KEY)
    assert (found["outcome"], found["accused"]) == ("inconclusive", []), found["layers"]


def test_a_copy_of_somebody_who_is_not_on_the_list_accuses_nobody_on_it(case: Case) -> None:
    """Tags and code are in order, but not those of anyone of the forty innocents."""
    found = case.trace(case.marked(STRANGER))
    assert (found["outcome"], found["accused"]) == ("inconclusive", []), found["layers"]
