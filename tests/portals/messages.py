"""Which message ids the code and the templates use."""

from pathlib import Path

from babel.messages.extract import extract_from_dir, extract_from_file

ROOT = Path(__file__).parents[2] / "api"
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
METHODS = [("locale/**", "ignore"), ("**/templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"**/templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}


def used_messages() -> set[str | tuple[str, str]]:
    """Message ids in use; plurals as (singular, plural)."""
    found: set[str | tuple[str, str]] = set()
    for _, _, message, _, _ in extract_from_dir(ROOT, METHODS, OPTIONS, keywords=KEYWORDS):
        found.add(tuple(message) if isinstance(message, tuple) else message)
    # api/locale itself holds one marked text.
    found |= _marked_in(ROOT / "locale" / "__init__.py")
    return found


def _marked_in(path: Path) -> set[str]:
    return {
        message
        for _, message, _, _ in extract_from_file("python", path, keywords={"N_": None})
        if isinstance(message, str)
    }
