"""The flow map as SVG: columns, bands between them as wide as data went often, days below. Made here, without a script.

Every box is a link that a keyboard reaches; title and description say what the picture shows, and the table beside it
says it all again. Colours and fonts are the style sheet's; nothing is inline but geometry.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH = 1120
BOX_WIDTH = 214
ROW = 44
BOX = 34
TOP = 44
BAND_MAX = 22.0
LABEL_WIDTH = 22
"""In halves of a Chinese character; a Latin letter is taken for little more than one half."""
STRIP = 130
BAR = 70
BAR_MAX = 46.0
NAMED_DAYS = 16
"""So many days have their own names below; of more every second, third, … one has."""


@dataclass(frozen=True, slots=True)
class Node:
    """A box: what it is called, where it leads (None: nowhere) and how often data went through it."""

    key: str
    label: str
    url: str | None
    times: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the strip: its short name, what it says when pointed at, where it leads, how often data went."""

    label: str
    title: str
    url: str
    times: int


def picture(
    heads: Sequence[str],
    columns: Sequence[Sequence[Node]],
    links: Sequence[Counter[tuple[str, str]]],
    title: str,
    description: str,
    days: tuple[str, Sequence[Day]] = ("", ()),
) -> Markup:
    """The picture. `links[n]` leads from column n to the next one. `days`: what stands over the strip, and its days."""
    height = TOP + ROW * max(len(column) for column in columns)
    lefts = [round((WIDTH - BOX_WIDTH) * at / (len(columns) - 1)) for at in range(len(columns))]
    places = [
        {node.key: TOP + ROW * at + BOX / 2 + (height - TOP - ROW * len(column)) / 2 for at, node in enumerate(column)}
        for column in columns
    ]
    most = max((times for link in links for times in link.values()), default=1)
    bands = Markup().join(
        _band(lefts[at] + BOX_WIDTH, places[at][left], lefts[at + 1], places[at + 1][right], times / most, at)
        for at, link in enumerate(links)
        for (left, right), times in sorted(link.items())
    )
    boxes = Markup().join(
        _box(lefts[at], places[at][node.key] - BOX / 2, node, at)
        for at, column in enumerate(columns)
        for node in column
    )
    words = Markup().join(
        Markup('<text class="flow-head" x="{}" y="24">{}</text>').format(lefts[at], head)
        for at, head in enumerate(heads)
    )
    return Markup(
        '<svg class="flow" viewBox="0 0 {} {}" role="group" aria-labelledby="flow-title"'
        ' aria-describedby="flow-desc">'
        '<title id="flow-title">{}</title><desc id="flow-desc">{}</desc>{}{}{}{}</svg>'
    ).format(
        WIDTH,
        round(height) + (STRIP if days[1] else 0),
        title,
        description,
        words,
        bands,
        boxes,
        _strip(days[0], days[1], height) if days[1] else "",
    )


def nodes(counted: Counter[str], labels: Mapping[str, str], urls: Mapping[str, str | None]) -> list[Node]:
    """Boxes, busiest first; the one for all that are not shown ("") comes last."""
    order = sorted(counted.items(), key=lambda item: (item[0] == "", -item[1], item[0]))
    return [Node(key, labels.get(key, key), urls.get(key), times) for key, times in order]


def _strip(head: str, days: Sequence[Day], top: float) -> Markup:
    """The days as bars on one line, each a link to that day alone."""
    most = max((day.times for day in days), default=0) or 1
    step = WIDTH / len(days)
    every = -(-len(days) // NAMED_DAYS)
    foot = top + 24 + BAR
    bars = Markup().join(
        Markup(
            '<a href="{}"><title>{}</title><rect class="flow-day" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:g}"/>'
            '<rect class="flow-bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>{}{}</a>'
        ).format(
            day.url,
            day.title,
            step * at + 1,
            foot - BAR,
            step - 2,
            BAR,
            step * at + step * 0.15,
            foot - BAR_MAX * day.times / most,
            step * 0.7,
            BAR_MAX * day.times / most,
            _under(step * (at + 0.5), foot + 20, day.label) if at % every == 0 else "",
            _under(step * (at + 0.5), foot - BAR_MAX * day.times / most - 6, str(day.times))
            if day.times and len(days) <= 2 * NAMED_DAYS
            else "",
        )
        for at, day in enumerate(days)
    )
    return Markup('<text class="flow-head" x="0" y="{:g}">{}</text>{}<path class="flow-foot" d="M0 {:g}H{}"/>').format(
        top + 16, head, bars, foot, WIDTH
    )


def _under(x: float, y: float, label: str) -> Markup:
    return Markup('<text class="flow-name" x="{:.1f}" y="{:.1f}">{}</text>').format(x, y, label)


def _short(label: str) -> str:
    """What of a label a box has room for."""
    room = float(LABEL_WIDTH)
    for at, letter in enumerate(label):
        room -= 2 if ord(letter) >= 0x2E80 else 1.1
        if room < 0:
            return label[: max(at - 1, 1)].rstrip() + "…"
    return label


def _band(x1: float, y1: float, x2: float, y2: float, part: float, column: int) -> Markup:
    middle = (x1 + x2) / 2
    return Markup(
        '<path class="flow-band flow-band-{}" d="M{:g} {:.1f}C{:g} {:.1f} {:g} {:.1f} {:g} {:.1f}"'
        ' stroke-width="{:.1f}"/>'
    ).format(column, x1, y1, middle, y1, middle, y2, x2, y2, max(1.5, BAND_MAX * part))


def _box(x: float, y: float, node: Node, column: int) -> Markup:
    shape = Markup(
        '<rect class="flow-box flow-box-{}" x="{:g}" y="{:.1f}" width="{}" height="{}" rx="8"/>'
        '<text class="flow-text" x="{:g}" y="{:.1f}">{}</text>'
        '<text class="flow-times" x="{:g}" y="{:.1f}">{}</text>'
    ).format(column, x, y, BOX_WIDTH, BOX, x + 10, y + 22, _short(node.label), x + BOX_WIDTH - 10, y + 22, node.times)
    if node.url is None:
        return Markup("<g><title>{}: {}</title>{}</g>").format(node.label, node.times, shape)
    return Markup('<a href="{}"><title>{}: {}</title>{}</a>').format(node.url, node.label, node.times, shape)
