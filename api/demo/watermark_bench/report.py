"""The report: every figure of a run beside what it was to reach, as Markdown."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from api.demo.watermark_bench import attacks, pictures, provenance, report_innocents
from api.demo.watermark_bench.markdown import table

Row = dict[str, Any]
COMMAND = "scripts/bench_watermark --jobs 2 --docs docs/watermark-bench.md"
NAMED_TARGET, NOTE_CASES = 269, 272
PEERS = {"peers", "rivagan"}

ABOUT_NOTE = (
    "Five certificates of the fictitious city (the product's own PDFs, rendered at 150 and 200 dpi, two of them on "
    "tinted paper, with a drawn portrait or house, and seals) and three photographs. A certificate's text is moved "
    "first, in its PDF (layer G), then the page is drawn and its pixels are marked (layer P); the tracer holds both "
    "originals and counts the copies of both. 10^4 issued copies of each, every one another entity's; a leak is a "
    "plain PNG without metadata. *Named*: the tracer accuses the leaker (of several, at least one) and nobody else "
    "with a stated bound of at most 1e-6. z is v.b/|v| of the strongest layer's whole code. The note names 26 attacks; "
    "the last eight were chosen before anything was measured."
)
ABOUT_RIVAGAN = (
    "rivaGan (the learned mark of invisible-watermark) was run on {count} of them ({names}), likewise. It carries 32 "
    "bits and no others: even all of them right name nobody among 10^4 at 1e-6, since an innocent's would be the same "
    "with 2.3e-6; so only *read* is shown. Its network runs in onnxruntime as it is shipped; of torch it "
    "uses arrays of floats alone, which numpy's stand in for. It refused {wrong} readings; up to {longest:.0f} s of "
    "processor to mark or read a picture of the original's size. Registration fills what a leak no longer shows with "
    "the unmarked original, which costs peers something under crops and redaction: in one way or the other rivaGan "
    "was read in {either} of {cases}."
)
ABOUT_PDF = (
    "The certificates' PDFs, hidden ids and visible line taken out first. Pages were rendered at 150 dpi before they "
    "were attacked as pictures. Extracted text holds no mark: there nobody is to be named with a bound."
)
ABOUT_TABLES = (
    "40 licences, 10^4 entities with one copy each; header and id column are off. Outcome and log10 E of the leaker."
)
ABOUT_TABLE_PICTURES = (
    "20 licences as CSV, 10^4 entities with one copy each, drawn as a spreadsheet program shows them (letters of 14 "
    "pixels, all seven columns, no id column), changed, and handed in as PNG. The text is read by the optional part "
    "`mydata[ocr]` (rapidocr, PP-OCRv6)."
)


def rows_of(out: Path) -> list[Row]:
    """All rows that a run left, those of units that it has not finished included."""
    files = sorted([*out.glob("*.jsonl"), *out.glob("*.part")])
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def _cases(rows: Iterable[Row], part: str) -> list[Row]:
    return [row for row in rows if row["part"] == part and "named" in row and "control" not in row]


def _least(rows: Iterable[Row], name: str) -> object:
    found = [row[name] for row in rows if row.get(name) is not None]
    return f"{min(found):.1f}" if found else None


def _of(rows: Sequence[Row], holds: Callable[[Row], object]) -> str:
    return f"{sum(bool(holds(row)) for row in rows)} of {len(rows)}" if rows else ""


def _by_attack(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["attack"]].append(row)
    return found


def _peer_rows(rows: Sequence[Row], name: str) -> dict[str, list[Row]]:
    return _by_attack([row for row in rows if row["part"] in PEERS and row.get("peer") == name and "attack" in row])


def _note_table(rows: Sequence[Row]) -> str:
    ours = _by_attack(_cases(rows, "note"))
    blind, svd, riva = (_peer_rows(rows, name) for name in ("blind-watermark", "dwtDctSvd", "rivaGan"))

    def peer(found: list[Row], way: str, what: str) -> str:
        return _of(found, lambda row: row[way][what])

    lines = []
    for attack in attacks.NOTE:
        mine, b, s = ours.get(attack.name, []), blind.get(attack.name, []), svd.get(attack.name, [])
        g = riva.get(attack.name, [])
        if mine:
            lines.append((
                attack.name, _of(mine, lambda r: r["named"]), _of(mine, lambda r: r["level"] == "copy"),
                _least(mine, "z"), _least(mine, "log10_e"), sum(r["innocents"] for r in mine),
                peer(b, "blind", "whole"), peer(b, "registered", "whole"), peer(b, "registered", "named"),
                peer(s, "registered", "whole"), peer(s, "registered", "named"),
                peer(g, "blind", "whole"), peer(g, "registered", "whole"),
            ))  # fmt: skip
    mine = [row for found in ours.values() for row in found]
    b, s, g = ([r for x in found.values() for r in x] for found in (blind, svd, riva))
    lines.append((
        "**all**", f"**{_of(mine, lambda r: r['named'])}**", _of(mine, lambda r: r["level"] == "copy"), "", "",
        sum(r["innocents"] for r in mine), peer(b, "blind", "whole"), peer(b, "registered", "whole"),
        peer(b, "registered", "named"), peer(s, "registered", "whole"), peer(s, "registered", "named"),
        peer(g, "blind", "whole"), peer(g, "registered", "whole"),
    ))  # fmt: skip
    head = (
        "attack", "entity named", "copy named", "lowest z", "lowest log10 E", "innocents", "blind-watermark: read",
        "registered: read", "registered: named", "dwtDctSvd, registered: read", "named", "rivaGan: read",
        "registered: read",
    )  # fmt: skip
    return table(head, lines)


def _simple_table(cases: Sequence[Row]) -> str:
    lines = [
        (name, _of(found, lambda r: r["named"]), _of(found, lambda r: r["level"] == "copy"), _least(found, "z"),
         _least(found, "log10_e"), sum(r["innocents"] for r in found))
        for name, found in _by_attack(cases).items()
    ]  # fmt: skip
    return table(("attack", "entity named", "copy named", "lowest z", "lowest log10 E", "innocents"), lines)


def _resolutions(rows: Sequence[Row]) -> str:
    lines = []
    for dpi in pictures.DPI:
        here = [row for row in rows if row["part"] == "resolutions" and row["dpi"] == dpi]
        quality, cases = [row for row in here if "quality" in row], [row for row in here if "named" in row]
        if cases:
            each = "; ".join(f"{n}: {_of(f, lambda r: r['named'])}" for n, f in _by_attack(cases).items())
            lines.append((dpi, each, _least(quality, "psnr"), f"{min((r['ssim'] for r in quality), default=0):.4f}",
                          f"{max((r['embed_ms'] for r in quality), default=0):.0f} ms"))  # fmt: skip
    return table(("dots per inch", "entity named", "lowest PSNR", "lowest SSIM", "longest embed"), lines)


def _quality(rows: Sequence[Row]) -> str:
    peers: dict[tuple[str, str], Row] = {}
    for row in rows:
        if row["part"] in PEERS and "psnr" in row:
            peers.setdefault((row["subject"], row["peer"]), row)

    def peer(subject: str, name: str) -> str:
        found = peers.get((subject, name))
        return f"{found['psnr']:.1f} dB, {found['ssim']:.3f}, {found['embed_ms'] / 1000:.2f} s" if found else ""

    lines = [
        (r["subject"], r["source"], f"{r['pixels'][1]} x {r['pixels'][0]}",
         f"{r['psnr']:.2f} dB, {r['ssim']:.4f}, {r['embed_ms'] / 1000:.2f} s",
         *(peer(r["subject"], name) for name in ("blind-watermark", "dwtDctSvd", "rivaGan")))
        for r in rows if r["part"] == "note" and "quality" in r
    ]  # fmt: skip
    return table(("picture", "what", "pixels", "PSNR, SSIM, embed", "blind-watermark", "dwtDctSvd", "rivaGan"), lines)


def _missed(rows: Sequence[Row]) -> str:
    lines = [
        (r["part"], r["subject"], r.get("dpi"), r["attack"], r["outcome"], r.get("z"), r["log10_e"], r["needed"])
        for part in ("note", "more", "chains", "resolutions", "pdf", "tables")
        for r in _cases(rows, part)
        if not r["named"] and r.get("nameable", True)
    ]
    return table(("part", "of", "dpi", "attack", "outcome", "z", "log10 E", "needed"), lines)


def _verdict(reached: bool | None) -> str:
    return "not measured" if reached is None else ("reached" if reached else "**not reached**")


def _targets(rows: Sequence[Row]) -> str:
    note = _cases(rows, "note")
    lines: list[tuple[str, str, str, str]] = []

    def add(what: str, wanted: str, measured: str, reached: bool | None) -> None:
        lines.append((what, wanted, measured, _verdict(reached)))

    named = sum(r["named"] for r in note)
    add("leaking entity named at 1e-6 among 10^4, 34 attacks x 8 pictures", f">= {NAMED_TARGET} of {NOTE_CASES}",
        f"{named} of {len(note)}", named >= NAMED_TARGET if len(note) == NOTE_CASES else None)  # fmt: skip
    quality = [r for r in rows if r["part"] == "note" and "quality" in r]
    if quality:
        worst, similar = min(r["psnr"] for r in quality), min(r["ssim"] for r in quality)
        papers = [r["psnr"] for r in quality if r["kind"] == "certificate"]
        add("PSNR / SSIM of layer P", ">= 46 dB / >= .994",
            f"lowest {worst:.2f} dB / {similar:.4f}; certificates {min(papers, default=0):.2f} dB",
            worst >= 46 and similar >= 0.994)  # fmt: skip
    for attack, what in (("phone photo", "phone photo (simulated)"), ("average of 10", "average of 10 copies")):
        found = [r for r in note if r["attack"] == attack]
        add(what, "8 of 8", _of(found, lambda r: r["named"]) + f", {sum(r['innocents'] for r in found)} innocents",
            all(r["named"] for r in found) if len(found) == 8 else None)  # fmt: skip
    pixels = [r for r in note if r["attack"] == "binarise" and r["kind"] == "certificate"]
    sheets = [r for r in _cases(rows, "pdf") if r["attack"] == "page as picture > binarise"]
    add("binarised certificate", "5 of 5",
        f"issued as PDF: {_of(sheets, lambda r: r['named'])}; as picture: {_of(pixels, lambda r: r['named'])}",
        all(r["named"] for r in sheets) if len(sheets) == 5 else None)  # fmt: skip
    innocent = report_innocents.target(rows)
    if innocent is not None:
        add("innocents accused, 10^6 decoys x every case", "0, tail under the bound", *innocent)
    needed = next((r["needed"] for r in rows if "needed" in r and isinstance(r["needed"], dict)), None)
    if needed:
        order, spelled = needed["order alone: suspect"], needed["spelling intact: suspect"]
        add("rows needed, one leaker, at 1e-6", "14 in order; 20 with variants intact",
            f"{order} in order; {spelled} with spelling intact (JSON, among {needed['candidates']:,}); "
            f"at 1e-9: {needed['order alone: identified']} and {needed['spelling intact: identified']}",
            order is not None and order <= 14 and spelled is not None and spelled <= 20)  # fmt: skip
    altered = [r["altered"] for r in rows if "altered" in r]
    if altered:
        add("normative values altered", "0", f"{sum(altered)} in {len(altered)} tables of 200 rows", not sum(altered))
    lines += _time_targets(rows)
    lines.append(_provenance_target(rows))
    return table(("what", "to reach", "measured", ""), lines)


def _provenance_target(rows: Sequence[Row]) -> tuple[str, str, str, str]:
    name = "provenance look-up, 10^4 rows in 10^7 copies"
    found = [row for row in rows if row["part"] == "provenance"]
    filled = next((row for row in found if row["name"] == "fill"), None)
    asked = [row for row in found if row["name"] != "fill"]
    if filled is None or not asked:
        return name, "<= 2 s", "not in this run", "not measured"
    took = "; ".join(
        f"{row['name']}: {row['wall_ms'] / 1000:.2f} s ({row['cpu_ms'] / 1000:.2f} s of processor)" for row in asked
    )
    size = (
        f"{filled['tags']:,} tags of {filled['copies']:,} contents with one copy each, {filled['bytes'] / 1e9:.1f} GB"
    )
    # A service that is in use has its index in memory; what a first look from disk costs is the disk's figure.
    right = all(row["right"] and (row["wall_ms"] <= 2000 or provenance.COLD in row["name"]) for row in asked)
    return name, "<= 2 s", f"{took}; {size}", _verdict(right and filled["copies"] >= 10_000_000)


def _time_targets(rows: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    limits = {
        "embed, A4 at 200 dpi": ("<= 0.3 s", 300.0),
        "trace, A4 at 200 dpi, among a million": ("<= 15 s", 15_000.0),
        "embed, JSON of 100 records": ("<= 5 ms", 5.0),
    }
    found = []
    for row in rows:
        if row["part"] == "speed" and row["name"] in limits:
            wanted, limit = limits[row["name"]]
            took = f"{row['wall_ms']:,.1f} ms" + (f" ({row['cpu_ms']:,.1f} ms of processor)" if row["cpu_ms"] else "")
            found.append((f"{row['name']}, one core", wanted, took, _verdict(row["wall_ms"] <= limit)))
    return found


def _peers_told(rows: Sequence[Row], out: Path) -> str:
    measured = [row for row in rows if row["part"] in PEERS]
    missing = {row["missing"] for row in measured if "missing" in row}
    if (out / "peers-missing.txt").exists():
        missing.add((out / "peers-missing.txt").read_text(encoding="utf-8"))
    told = [f"Not to be had in this run: {', '.join(sorted(missing))}."] if missing else []
    subjects = sorted({row["subject"] for row in measured if "attack" in row and row["peer"] != "rivaGan"})
    if subjects:
        wrong = sum(row[way]["innocents"] for row in measured if "attack" in row for way in ("blind", "registered"))
        told.append(
            f"The peers were run on {len(subjects)} of the eight pictures ({', '.join(subjects)}), each on exactly the "
            "pictures, leakers and random numbers of the product's own cases. *Read*: all 64 bits right. *Named*: the "
            "nearest of 10^4 codes agrees in so many bits that an innocent's would with at most 1e-6. A peer's code "
            f"that named an innocent: {wrong} times."
        )
    drawn = sorted({row["subject"] for row in measured if "attack" in row and row["peer"] == "rivaGan"})
    if drawn:
        those = [row for row in measured if row.get("peer") == "rivaGan" and "attack" in row]
        wrong = sum(row[way]["agree"] is None for row in those for way in ("blind", "registered"))
        spent = [row[key] / 1000 for row in those for key in ("embed_ms", "registered_ms")]
        either = sum(row["blind"]["whole"] or row["registered"]["whole"] for row in those)
        told.append(ABOUT_RIVAGAN.format(
            count=len(drawn), names=", ".join(drawn), wrong=wrong, longest=max(spent), either=either, cases=len(those)
        ))  # fmt: skip
    ncorr = out / "ncorr-fp.txt"
    if ncorr.exists():
        told.append(f"NCorr-FP: {ncorr.read_text(encoding='utf-8').strip()}")
    return "\n\n".join(told) or "No peers in this run."


def _tables(rows: Sequence[Row]) -> str:
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in _cases(rows, "tables"):
        found[row["attack"]][row["content"].split("_")[1]] = row

    def cell(row: Row | None) -> str:
        if row is None:
            return ""
        return f"{row['outcome']}, {row['log10_e']}" + (
            f", **{row['innocents']} innocents**" if row["innocents"] else ""
        )

    lines = [
        (name + ("" if next(iter(kinds.values())).get("nameable", True) else " (nothing left to name by)"),
         *(cell(kinds.get(kind)) for kind in ("json", "csv", "xlsx")))
        for name, kinds in found.items()
    ]  # fmt: skip
    return table(("what was done", "JSON", "CSV", "XLSX"), lines)


def _table_pictures(rows: Sequence[Row]) -> str:
    lines = [
        (row["attack"], row["outcome"], row["named"], row["log10_e"], row["best_innocent"], row["innocents"],
         f"{row['wall_ms'] / 1000:.1f} s")
        for row in _cases(rows, "table_pictures")
    ]  # fmt: skip
    head = ("what was shown", "outcome", "leaker named", "log10 E", "strongest other", "innocents", "took")
    told = (
        [table(head, lines)]
        if lines
        else [
            f"Not in this run: {row['missing']}."
            for row in rows
            if row["part"] == "table_pictures" and "missing" in row
        ]
    )
    told += [
        f"Rows needed, order alone, scaled to 0.75 and JPEG 70, among {needed['candidates']:,}: "
        f"{needed['suspect']} at 1e-6, {needed['identified']} at 1e-9."
        for row in rows
        if isinstance(needed := row.get("needed_on_screen"), dict)
    ]
    return "\n\n".join(told) or "Not in this run."


def _controls(rows: Sequence[Row]) -> str:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if "control" in row:
            found[row["control"]].append(row)
    lines = [
        (name, _of(those, lambda r: r["named"] or r["innocents"]), f"{max(r['best_innocent'] or 0 for r in those):.2f}")
        for name, those in found.items()
    ]
    return table(("planted fault", "somebody named", "strongest log10 E"), lines)


def _circumstances(told: Row) -> str:
    return (
        f"{told['cores']} cores, {told['machine']}, Python {told['python']}, load average when it began "
        f"{told['load_1_5_15_min']}; commit {told.get('commit', 'unknown')}. "
        "Times are those of a shared machine. Prints, cameras and screens are simulated: "
        "no printer, scanner or phone took part."
    )


def _remarks(out: Path) -> str:
    """What whoever ran the bench has to say about the run, left as `remarks.md` beside its figures."""
    file = out / "remarks.md"
    return file.read_text(encoding="utf-8").strip() if file.exists() else ""


def written(out: Path, pictures_told: str = "") -> str:
    """The whole report; `pictures_told` is what `plates` says of the run's pictures."""
    rows = rows_of(out)
    told = json.loads((out / "machine.json").read_text(encoding="utf-8"))
    parts = [
        "# The watermark's bench",
        "Written by the bench itself; do not edit.",
        f"    {COMMAND}",
        _circumstances(told),
        _remarks(out),
        "## Targets",
        _targets(rows),
        "## The note's table: 34 attacks on 8 pictures",
        ABOUT_NOTE,
        _note_table(rows),
        _peers_told(rows, out),
        "## What the mark costs the picture",
        _quality(rows),
        *(("## Pictures", pictures_told) if pictures_told else ()),
        "## Further attacks and strengths",
        _simple_table(_cases(rows, "more")),
        "## Chains of two and three",
        _simple_table(_cases(rows, "chains")),
        "## Resolutions",
        _resolutions(rows),
        "## PDF",
        ABOUT_PDF,
        _simple_table(_cases(rows, "pdf")),
        "## Tables",
        ABOUT_TABLES,
        _tables(rows),
        "## Pictures of tables",
        ABOUT_TABLE_PICTURES,
        _table_pictures(rows),
        "## Innocents",
        report_innocents.tails(rows),
        "### Issued copies",
        report_innocents.issued(rows),
        "## Planted faults",
        _controls(rows),
        "## Every miss",
        _missed(rows),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
