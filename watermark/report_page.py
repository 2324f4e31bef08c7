"""A report as a page that can be opened by itself: HTML without scripts, Chinese first, then English."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from watermark.control_plot import control_plot
from watermark.words import Lang, text

if TYPE_CHECKING:  # the picture libraries are loaded where pictures are compared
    from watermark.aligned import Aligned

_SHOWN = 20
_FIGURE_PARTS = ("page.picture_original", "page.picture_suspect", "page.picture_difference")
_STYLE = (
    "body{font:15px/1.6 'Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem;color:#1c2430}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:"
    "collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #dde2e8;overflow-wrap:"
    "anywhere}td.n,th.n{text-align:right}td.n{font-variant-numeric:tabular-nums;white-space:nowrap}code{overflow-wrap:"
    "anywhere}.said{border-left:4px solid #1a4f8b;padding:"
    ".3rem 1rem;background:#f3f6fa}.en{color:#54606e}svg{width:100%;min-width:34rem;height:auto}"
    ".wide{overflow-x:auto}.three{display:grid;grid-template-columns:repeat(3,1fr);gap:.5rem}.three img{width:100%;"
    "border:1px solid #dde2e8}figure{margin:1rem 0}figcaption{color:#54606e}@media(max-width:40rem){.three{"
    "grid-template-columns:1fr}}"
    "@media print{body{margin:0}}"
)


@dataclass(frozen=True)
class CopyLinks:
    """Where the proofs of one copy are: number of its receipt, and addresses of receipt and proof on the chain."""

    copy_id: str
    receipt: str
    receipt_url: str
    proof_url: str


@dataclass(frozen=True)
class Figure:
    """Where suspect and original were laid over one another: what is shown, as a code with facts, and three pictures.

    `pictures`: addresses (such as `data:`) of the original, the suspect, and their difference.
    """

    caption: str
    facts: Mapping[str, int]
    pictures: tuple[str, str, str]


def figure_of(one: "Aligned") -> Figure:
    """A place that `watermark.aligned` found, with its pictures inside the page."""
    where: tuple[str, dict[str, int]] = ("page.picture_whole", {})
    if one.page is not None:
        where = ("page.picture_on_page", {"page": one.page})
    elif one.picture is not None:
        where = ("page.picture_inside", {"picture": one.picture})
    inside = (f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" for data in one.pictures)
    original, suspect, beyond = inside
    return Figure(where[0], {**where[1], "features": one.features}, (original, suspect, beyond))


def report_page(
    document: Mapping[str, Any],
    name: str,
    *,
    links: Sequence[CopyLinks] = (),
    figures: Sequence[Figure] | None = None,
) -> str:
    """The page of a report (`watermark.report.report_document`) on the suspect called `name`.

    `links`: proofs of the accused copies, where a service holds them. `figures`: suspect and original, laid over one
    another; None where nobody looked for any.
    """
    title = _both("page.title", {"file": name})
    body = [
        f"<h1>{title}</h1>",
        _outcome(document),
        _section("page.accused", _accused(document, links)),
        _section("page.numbers", _numbers(document)),
        _section("page.layers", _layers(document)),
        _control(document),
        _section("page.ranked", _ranked(document)),
        _figures(figures),
        _parts(document),
        _section(
            "page.check", f"<p>{_both('page.rescore', {})}</p><p><code>{escape(str(document['seal']))}</code></p>"
        ),
    ]
    return (
        f'<!doctype html><html lang="zh-Hans"><head><meta charset="utf-8"><title>{escape(name)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{"".join(body)}'
        "</body></html>\n"
    )


def _both(code: str, facts: Mapping[str, str | int | float]) -> str:
    zh, en = (escape(text(code, lang, facts)) for lang in _LANGS)
    return zh if zh == en else f'{zh} <span class="en" lang="en">{en}</span>'


_LANGS: tuple[Lang, Lang] = ("zh", "en")


def _section(code: str, inner: str) -> str:
    return f"<h2>{_both(code, {})}</h2>{inner}" if inner else ""


def _outcome(document: Mapping[str, Any]) -> str:
    said = "".join(f"<p>{_both(code, {})}</p>" for code in document["codes"])
    return f'<div class="said"><p><strong>{_both("page.outcome." + document["outcome"], {})}</strong></p>{said}</div>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    numeric = [bool(rows) and isinstance(value, int | float) for value in (rows[0] if rows else heads)]
    head = "".join(
        f'<th class="n">{_both(code, {})}</th>' if right else f"<th>{_both(code, {})}</th>"
        for code, right in zip(heads, numeric, strict=True)
    )
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>" if rows else ""


class _Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _cell(value: object) -> str:
    if isinstance(value, _Markup):
        return f"<td>{value}</td>"
    if isinstance(value, int | float):
        return f'<td class="n">{value}</td>'
    return f"<td>{escape(str(value or '—'))}</td>"


def _accused(document: Mapping[str, Any], links: Sequence[CopyLinks]) -> str:
    known = {link.copy_id: link for link in links}
    ranks = {one["copy"]: number for number, one in enumerate(document["ranked"], 1)}
    rows = []
    for one in document["accused"]:
        link = known.get(one["copy"])
        proof: object = "—"
        if link is not None:
            proof = _Markup(
                f'<a href="{escape(link.receipt_url)}">{escape(link.receipt)}</a> '
                f'<a href="{escape(link.proof_url)}">{_both("page.proof", {})}</a>'
            )
        bounds = [bound_text(one.get(name)) for name in ("bound", "copy_bound")]
        rows.append([one["entity"], one["copy"], one["log10_e"], *bounds, ranks.get(one["copy"], "—"), proof])
    heads = ["page.entity", "page.copy", "page.log10_e", "page.entity_bound", "page.copy_bound", "page.rank"]
    return _table([*heads, "page.receipt"], rows)


def bound_text(bound: float | None) -> str:
    """A bound as pages show it."""
    return "—" if bound is None else f"{bound:.2e}"


def _numbers(document: Mapping[str, Any]) -> str:
    rows: list[Sequence[object]] = [
        (_Markup(_both("page.n", {})), str(document["n"])),
        (_Markup(_both("page.bound", {})), bound_text(document["bound"])),
        (_Markup(_both("page.level", {})), str(document["level"] or "—")),
        (_Markup(_both("page.kind", {})), document["kind"]),
        (_Markup(_both("page.sha256", {})), document["file_sha256"]),
        (_Markup(_both("page.contents", {})), ", ".join(document["contents"])),
        (_Markup(_both("page.fits", {})), str(len(document["fits"]))),
        (_Markup(_both("page.marker", {})), document["marker"]),
    ]
    return "<table><tbody>" + "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows) + "</tbody></table>"


def _layers(document: Mapping[str, Any]) -> str:
    layers: Mapping[str, float] = document["layers"]
    return _table(["page.layer", "page.log10_e"], [(name, layers[name]) for name in sorted(layers)])


def _ranked(document: Mapping[str, Any]) -> str:
    rows = [
        (number, one["entity"], one["copy"], one["log10_e"])
        for number, one in enumerate(document["ranked"][:_SHOWN], 1)
    ]
    return _table(["page.rank", "page.entity", "page.copy", "page.log10_e"], rows)


def _control(document: Mapping[str, Any]) -> str:
    control = document.get("control")
    if not control:
        return ""
    accused = [(str(one["copy"] or one["entity"]), float(one["log10_e"])) for one in document["accused"]]
    facts = {"decoys": control["decoys"], "highest": control["highest"]}
    plot = control_plot(control, accused, text("page.control_says", "zh", facts))
    return _section("page.control", f"<p>{_both('page.control_says', facts)}</p><div class='wide'>{plot}</div>")


def _figures(figures: Sequence[Figure] | None) -> str:
    if figures is None:
        return ""
    if not figures:
        return _section("page.pictures", f"<p>{_both('page.no_pictures', {})}</p>")
    shown = []
    for figure in figures:
        images = "".join(
            f'<img src="{escape(address)}" alt="{escape(text(code, "zh"))}">'
            for code, address in zip(_FIGURE_PARTS, figure.pictures, strict=True)
        )
        caption = _both(figure.caption, figure.facts)
        shown.append(f'<figure><div class="three">{images}</div><figcaption>{caption}</figcaption></figure>')
    return _section("page.pictures", f"<p>{_both('page.pictures_say', {})}</p>{''.join(shown)}")


def _parts(document: Mapping[str, Any]) -> str:
    rows = [
        (part["file"], part["outcome"], ", ".join(str(one["copy"] or one["entity"]) for one in part["accused"]))
        for part in document.get("parts", ())
    ]
    rows += [(one["file"], one["error"], "") for one in document.get("unread", ())]
    return _section("page.parts", _table(["page.file", "page.says", "page.accused"], rows))
