"""What is run, cut into units for several processes; each leaves a file, so that a run can go on later."""

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
from rich.console import Console

from api.demo.bench import machine
from api.demo.watermark_bench import (
    attacks,
    cases,
    decoys,
    file_decoys,
    pdfs,
    peers,
    pictures,
    provenance,
    screens,
    speed,
    tables,
)
from api.demo.watermark_bench.attacks import Attack
from api.demo.watermark_bench.geometry import resize
from api.demo.watermark_bench.quality import difference, psnr, ssim
from api.demo.watermark_bench.tone import Picture, decoded
from watermark.lettering import can_read

PARTS = (
    "note",
    "more",
    "chains",
    "resolutions",
    "pdf",
    "tables",
    "table_pictures",
    "speed",
    "provenance",
    "decoys",
    "file_decoys",
    "peers",
    "rivagan",
)
LISTS = {"note": attacks.NOTE, "more": attacks.MORE, "chains": attacks.CHAINS}
RESOLUTION_ATTACKS = ("none", "JPEG 50", "print-scan", "phone photo", "binarise", "average of 5")
SHOWN = ("phone photo", "print-scan", "binarise", "average of 10")
"""Attacks of which a picture is kept."""

Row = dict[str, object]


@dataclass(frozen=True)
class Wanted:
    """What was asked for. Empty `subjects` or `attacks`: all."""

    parts: tuple[str, ...]
    subjects: tuple[str, ...]
    attacks: tuple[str, ...]
    candidates: int
    decoys: int
    out: Path
    peers: Path
    largest_side: int = 0
    """Pictures are made smaller to this (0: they are not)."""


@dataclass(frozen=True)
class Unit:
    """A part for one subject."""

    part: str
    subject: str
    wanted: Wanted

    @property
    def file(self) -> Path:
        """Where its rows lie; there only when it was done."""
        return self.wanted.out / f"{self.part}-{self.subject}.jsonl"


def quick(wanted: Wanted) -> Wanted:
    """A run of seconds that goes through every part but the peers and the times."""
    return dataclasses.replace(
        wanted,
        parts=("note", "pdf", "tables", "decoys", "file_decoys"),
        subjects=("id_card",),
        attacks=("none", "JPEG 50", "average of 2", "saved anew, ids and line stripped"),
        candidates=min(wanted.candidates, 200),
        decoys=min(wanted.decoys, 4096),
        largest_side=600,
    )


def units(wanted: Wanted) -> list[Unit]:
    """Everything to do, in order."""
    found = []
    every = [*pictures.DESIGNS, *pictures.PHOTOGRAPHS]
    for part in wanted.parts:
        subjects: Sequence[str]
        if part in LISTS or part in {"peers", "rivagan", "decoys"}:
            subjects = every
        elif part in {"pdf", "resolutions"}:
            subjects = list(pictures.DESIGNS)
        elif part == "file_decoys":
            subjects = [*pictures.DESIGNS, "all"]
        else:
            subjects = ["all"]
        found += [
            Unit(part, subject, wanted)
            for subject in subjects
            if not wanted.subjects or subject in wanted.subjects or subject == "all"
        ]
    return found


def run(wanted: Wanted, jobs: int, console: Console) -> None:
    """All units that are not done yet, in processes that import everything anew with one thread each."""
    described = machine.describe() | {"commit": _commit()}
    (wanted.out / "machine.json").write_text(json.dumps(described), encoding="utf-8")
    left = [unit for unit in units(wanted) if not unit.file.exists()]
    if any(unit.part in {"peers", "rivagan"} or unit.subject in pictures.PHOTOGRAPHS for unit in left):
        try:
            peers.installed(wanted.peers)
            (wanted.out / "ncorr-fp.txt").write_text(peers.unpublished(wanted.peers), encoding="utf-8")
        except peers.PeerMissingError as missing:
            console.print(f"peers and their photographs are not here: {missing}", markup=False)
            (wanted.out / "peers-missing.txt").write_text(str(missing), encoding="utf-8")
    # Decoys wait for the cases whose scores they are held against.
    last = {"decoys", "file_decoys"}
    for some in ([unit for unit in left if unit.part not in last], [unit for unit in left if unit.part in last]):
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            waiting = {pool.submit(done, unit): unit for unit in some}
            for future in as_completed(waiting):
                unit = waiting[future]
                console.print(f"{unit.part} {unit.subject}: {future.result()} rows", highlight=False, markup=False)


def _commit() -> str:
    """The commit that is measured, as far as git tells."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    said = subprocess.run(  # noqa: S603 - git, without a shell
        [git, "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, capture_output=True, check=False
    )
    return said.stdout.decode().strip() or "unknown"


def done(unit: Unit) -> int:
    """Runs one unit and writes its rows; how many there are."""
    cv2.setNumThreads(1)
    work: dict[str, Callable[[Unit], Iterator[Row]]] = {
        "resolutions": _resolutions,
        "pdf": _pdf,
        "tables": _tables,
        "table_pictures": _table_pictures,
        "decoys": _decoys,
        "file_decoys": _file_decoys,
        "speed": lambda _: speed.figures(),
        "provenance": lambda unit: provenance.figures(unit.wanted.out),
        "peers": lambda unit: _peers(unit, peers.NAMES),
        "rivagan": lambda unit: _peers(unit, (peers.RIVAGAN,)),
    }
    begun = unit.file.with_suffix(".part")
    count = 0
    with begun.open("w", encoding="utf-8") as out:
        for row in work.get(unit.part, _pictures)(unit):
            out.write(json.dumps({"part": unit.part, "subject": unit.subject} | row, ensure_ascii=False) + "\n")
            out.flush()
            count += 1
    begun.rename(unit.file)
    return count


def _chosen(listed: Sequence[Attack], wanted: Wanted) -> list[Attack]:
    return [attack for attack in listed if not wanted.attacks or attack.name in wanted.attacks]


def _subject(unit: Unit) -> pictures.Subject:
    (subject,) = pictures.subjects(unit.wanted.peers, (unit.subject,))
    return dataclasses.replace(subject, picture=_within(subject.picture, unit.wanted))


def _within(picture: Picture, wanted: Wanted) -> Picture:
    side, longest = wanted.largest_side, max(picture.shape[:2])
    return resize(picture, side / longest) if side and longest > side else picture


def _issue(unit: Unit, subject: pictures.Subject, dpi: int | None = None) -> cases.Issue:
    name = unit.subject if dpi is None else f"{unit.subject}_{dpi}"
    if subject.kind != "certificate":
        return cases.issue_picture(name, subject.picture, unit.wanted.candidates)
    resolution = dpi or pictures.DESIGNS[unit.subject][1]

    def drawn(pdf: bytes) -> Picture:
        return _within(pictures.drawn_on(unit.subject, pdf, resolution), unit.wanted)

    return cases.issue_certificate(name, pictures.certificate_pdf(unit.subject), drawn, unit.wanted.candidates)


def _quality(subject: pictures.Subject, issue: cases.Issue) -> Row:
    """PSNR and SSIM of layer P alone (against what it was put on), and of the copy against the original."""
    number = issue.leakers(1)[0]
    copy, under = decoded(issue.file(number)), decoded(issue.unspread(number))
    return {
        "quality": True,
        "kind": subject.kind,
        "source": subject.source,
        "psnr": round(psnr(under, copy), 2),
        "ssim": round(ssim(under, copy), 4),
        "psnr_both": round(psnr(subject.picture, copy), 2),
        "ssim_both": round(ssim(subject.picture, copy), 4),
        "embed_ms": round(min(issue.embed_ms), 1),
        "pixels": list(subject.picture.shape[:2]),
    }


def _pictures(unit: Unit) -> Iterator[Row]:
    subject = _subject(unit)
    issue = _issue(unit, subject)
    chosen = _chosen(LISTS[unit.part], unit.wanted)
    yield from _traced(unit, issue, subject.kind, chosen)
    if unit.part == "note":
        yield _quality(subject, issue)
        for name, told in cases.controls(issue).items():
            yield {"control": name} | told
        _keep(unit, subject, issue)


def _traced(unit: Unit, issue: cases.Issue, kind: str, chosen: Sequence[Attack]) -> Iterator[Row]:
    """A row for each attack; what the leaks showed is kept for the decoys."""
    vectors = []
    for attack in chosen:
        told, shown = cases.picture_case(issue, attack)
        vectors.append([[layer.scores for layer in layers] for layers in shown.values()])
        yield {"kind": kind} | told
    decoys.kept(unit.file.with_suffix(".npz"), [attack.name for attack in chosen], vectors)


def _decoys(unit: Unit) -> Iterator[Row]:
    """The tails of a million codes, for every case of the subject whose scores were kept."""
    for part in (*LISTS, "resolutions"):
        kept = unit.wanted.out / f"{part}-{unit.subject}.npz"
        if not kept.exists():
            continue
        names, vectors = decoys.kept_in(kept)
        found = decoys.tails(vectors, unit.wanted.decoys, unit.subject.encode())
        for name, tail in zip(names, found, strict=True):
            yield {"of": part, "decoys": tail.decoys, "attack": name, "reached": list(tail.reached),
                   "highest": round(tail.highest, 3)}  # fmt: skip


def _file_decoys(unit: Unit) -> Iterator[Row]:
    """The tails of a million codes, for every PDF or table whose evidence was kept."""
    for part in ("pdf", "tables", "table_pictures"):
        kept = unit.wanted.out / f"{part}-{unit.subject}.zip"
        if not kept.exists():
            continue
        suspects = file_decoys.kept_in(kept)
        found = file_decoys.tails(suspects, unit.wanted.decoys, unit.subject.encode())
        for suspect, tail in zip(suspects, found, strict=True):
            yield {"of": part, "decoys": tail.decoys, "attack": suspect.attack, "content": suspect.content,
                   "n": suspect.n, "reached": list(tail.reached), "highest": round(tail.highest, 3),
                   "accused": tail.accused}  # fmt: skip


def _keep(unit: Unit, subject: pictures.Subject, issue: cases.Issue) -> None:
    """Before, after, ten times what differs, and some attacks, as files."""
    copy = decoded(issue.file(issue.leakers(1)[0]))
    shown = {"before": subject.picture, "after": copy, "difference-x10": difference(subject.picture, copy)}
    for attack in _chosen(attacks.NOTE, unit.wanted):
        if attack.name in SHOWN:
            shown[attack.name.replace(" ", "-")] = cases.attacked(issue, attack)[0]
    folder = unit.wanted.out / "pictures"
    folder.mkdir(exist_ok=True)
    for name, picture in shown.items():
        (folder / f"{unit.subject}-{name}.png").write_bytes(cases.png(picture))


def _resolutions(unit: Unit) -> Iterator[Row]:
    """The design at 96, 150, 200 and 300 dots per inch, under a few attacks."""
    chosen = _chosen([one for one in attacks.NOTE if one.name in RESOLUTION_ATTACKS], unit.wanted)
    names, vectors = [], []
    for dpi in pictures.DPI:
        subject = pictures.certificate(unit.subject, dpi)
        issue = _issue(unit, subject, dpi)
        for attack in chosen:
            told, shown = cases.picture_case(issue, attack)
            names.append(f"{dpi} dpi: {attack.name}")
            vectors.append([[layer.scores for layer in layers] for layers in shown.values()])
            yield {"dpi": dpi} | told
        yield {"dpi": dpi} | _quality(subject, issue)
    decoys.kept(unit.file.with_suffix(".npz"), names, vectors)


def _pdf(unit: Unit) -> Iterator[Row]:
    told = pdfs.pdf_cases(pdfs.issue_pdf(unit.subject, unit.wanted.candidates), unit.wanted.attacks)
    yield from file_decoys.kept(unit.file.with_suffix(".zip"), told)


def _tables(unit: Unit) -> Iterator[Row]:
    types = (tables.JSON, tables.CSV, tables.XLSX)
    issues = (tables.issue_table(media_type, 40, unit.wanted.candidates) for media_type in types)
    told = (case for issue in issues for case in tables.table_cases(issue))
    yield from file_decoys.kept(unit.file.with_suffix(".zip"), told)
    for media_type in types:
        yield {"altered": tables.altered(media_type), "kind": media_type}
    yield {"needed": tables.rows_needed(tables.JSON, unit.wanted.candidates)}


def _table_pictures(unit: Unit) -> Iterator[Row]:
    if not can_read():
        yield screens.MISSING
        return
    yield from file_decoys.kept(unit.file.with_suffix(".zip"), screens.shot_cases(unit.wanted.candidates))
    yield from screens.figures(unit.wanted.candidates)


def _peers(unit: Unit, names: Sequence[str]) -> Iterator[Row]:
    subject = _subject(unit)
    issue = cases.issue_picture(unit.subject, subject.picture, unit.wanted.candidates)
    given = peers.Subject(issue.content_id, subject.picture, issue.leakers(), unit.wanted.candidates)
    chosen = _chosen(attacks.NOTE, unit.wanted)
    try:
        python = peers.installed(unit.wanted.peers)
        for name in names:
            with peers.Peer(python, unit.wanted.out / f"between-{unit.part}-{unit.subject}") as peer:
                for row in peers.peer_cases(peer, name, given, chosen):
                    yield {"kind": subject.kind} | row
    except peers.PeerMissingError as missing:
        yield {"missing": str(missing)}
