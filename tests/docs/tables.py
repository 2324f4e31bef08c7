"""Tables of the documents that are made from the code: `python -m tests.docs.tables` writes them anew.

A table stands between two comments, `<!-- table: NAME -->` and `<!-- end -->`; the tests compare, the command writes.
"""

import inspect
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType, SimpleNamespace

from fastapi import FastAPI
from packaging.requirements import Requirement

from api.http.app import V1
from api.http.v1 import reference
from api.portals.mount import mount
from chain import errors, rpcerrors
from tests.api.routes import Policed, routes

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PLACES = {
    "routes": DOCS / "api.md",
    "pages": DOCS / "api.md",
    "licences": DOCS / "licences.md",
    "reactions": DOCS / "engines.md",
}


def application() -> FastAPI:
    """The application's routes without anything behind them."""
    app = FastAPI(openapi_url="/v1/openapi.json", docs_url=None, redoc_url=None)
    for module in V1:
        app.include_router(module.router, prefix="/v1")
    app.include_router(reference.operations)
    app.state.ctx = SimpleNamespace(settings=SimpleNamespace(rpc_url=""))
    mount(app)
    return app


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def first_sentence(route: Policed) -> str:
    """What the route's own docstring says first; `|` would end the cell."""
    text = " ".join((route.original.endpoint.__doc__ or "").split("\n\n")[0].split())
    return text.replace("|", "\\|")


def who(route: Policed) -> str:
    if route.roles is None:
        return "anybody"
    return ", ".join(sorted(role.value for role in route.roles))


def of_routes(*, pages: bool) -> str:
    found = []
    for route in routes(application()):
        people = not route.path.startswith(("/v1/", "/livez", "/readyz"))
        if people is pages and route.path != "/v1/openapi.json":
            found.append((route.method, f"`{route.path}`", who(route), first_sentence(route)))
    found.sort(key=lambda row: (row[1], row[0]))
    return table(("method", "path", "who", "what"), found)


def runtime_packages(root: str = "mydata") -> dict[str, Distribution]:
    """Every installed package that the product needs at run time, by normalised name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(root, "")]
    while waiting:
        name, extra = waiting.pop()
        name = normal(name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # meant for another platform or version of Python
        for line in found[name].requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(requirement.name, wanted) for wanted in ("", *requirement.extras)]
    del found[root]
    return found


def normal(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(package: Distribution) -> str:
    """What the package says of itself: the expression, else the classifiers, else the first line of the old field."""
    stated = package.metadata.get("License-Expression")
    if stated:
        return str(stated)
    names = [line.split(" :: ")[-1] for line in package.metadata.get_all("Classifier") or [] if "License ::" in line]
    if names:
        return ", ".join(names)
    return str(package.metadata.get("License") or "").strip().split("\n")[0]


def of_licences() -> str:
    return table(("package", "licence"), [(name, licence(found)) for name, found in sorted(runtime_packages().items())])


def remarks(module: ModuleType) -> dict[str, str]:
    """What stands beside each value of a module's enumerations."""
    found = re.findall(r'^    [A-Z_]+ = "([a-z_]+)"  # (.+)$', inspect.getsource(module), re.MULTILINE)
    return dict(found)


def of_reactions() -> str:
    """Why a node refused, and what the relay does about it."""
    meanings, deeds = remarks(errors), remarks(rpcerrors)
    rows = [
        (f"`{reason.value}`", meanings[reason.value], f"*{reaction.value.replace('_', ' ')}*", deeds[reaction.value])
        for reason, reaction in rpcerrors.REACTIONS.items()
    ]
    return table(("reason", "what it says", "reaction", "what is done"), rows)


def made() -> dict[str, str]:
    return {
        "routes": of_routes(pages=False),
        "pages": of_routes(pages=True),
        "licences": of_licences(),
        "reactions": of_reactions(),
    }


def place(name: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- table: {name} -->\n(?P<table>.*?)<!-- end -->", re.DOTALL)


def standing(name: str) -> str:
    """The table as it stands in its document."""
    found = place(name).search(PLACES[name].read_text(encoding="utf-8"))
    assert found is not None, f"{PLACES[name].name} has no place for the table {name}"
    return found["table"].strip()


def main() -> None:
    """Write all tables."""
    for name, text in made().items():
        path = PLACES[name]
        old = path.read_text(encoding="utf-8")
        whole = f"<!-- table: {name} -->\n\n{text}\n\n<!-- end -->"
        path.write_text(place(name).sub(lambda _, whole=whole: whole, old), encoding="utf-8")


if __name__ == "__main__":
    main()
