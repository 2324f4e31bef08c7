"""A trace's report in words of a language: layers, entities, and what there is to say beside the tracer."""

from collections.abc import Mapping

from api.locale import N_, Lang, format_number, translator
from api.services import parties, traces
from api.services.context import Context
from api.services.trace_reports import Wording

LAYERS: Mapping[str, str] = {
    "rows": N_("Order of rows"),
    "names": N_("Order of fields"),
    "spelling": N_("Spelling of values"),
    "layout": N_("Fine layout"),
    "pixels": N_("Fine pattern in the picture"),
    "picture": N_("Picture in the file"),
    "label": N_("Hidden number"),
}


def wording_of(ctx: Context, told: Mapping[str, object], lang: Lang) -> Wording:
    """What the report `told` needs in words to become a PDF."""
    listed = parties.list_public(ctx)
    names = {party.id: party.name_en if lang == "en" else party.name_zh for party in listed}
    return Wording(lang, names, layers_in_words(told, lang), looked_in_words(told, lang))


def layers_in_words(told: Mapping[str, object], lang: Lang) -> list[tuple[str, float]]:
    """The layers of a report, each with its weight."""
    layers = told.get("layers", {})
    assert isinstance(layers, Mapping)
    return [(_layer(str(name), lang), float(weight)) for name, weight in layers.items()]


def looked_in_words(told: Mapping[str, object], lang: Lang) -> tuple[str, ...]:
    """How many originals were looked through, where a picture alone had to find its content."""
    looked = told.get(traces.LOOKED)
    if not isinstance(looked, Mapping):
        return ()
    labels = translator(lang)
    told_so = labels.gettext(
        "No number led to a content: the %(tried)s newest of %(there)s originals of that time were compared with "
        "the picture."
    )
    return (told_so % {name: format_number(looked[name], lang) for name in ("tried", "there")},)


def _layer(name: str, lang: Lang) -> str:
    """A layer's name in words; its ending tells whose code it carried."""
    base, _, level = name.rpartition(".") if "." in name else (name, "", "")
    base, _, number = base.partition(".")
    labels = translator(lang)
    word = labels.gettext(LAYERS[base]) if base in LAYERS else base
    word = f"{word} {int(number) + 1}" if number.isdecimal() else word
    if level == "entity":
        return labels.gettext("%(layer)s (recipient)") % {"layer": word}
    return labels.gettext("%(layer)s (copy)") % {"layer": word} if level == "copy" else word
