"""Which of the two languages a caller wants: cookie, then Accept-Language, Chinese by default."""

from typing import Literal

from babel import negotiate_locale
from starlette.requests import HTTPConnection

Language = Literal["zh-Hans", "en"]
COOKIE = "mydata_lang"


def preferred_language(connection: HTTPConnection) -> Language:
    """`lang` query parameter, remembered choice, browser's preference, else Chinese."""
    asked = connection.query_params.get("lang") or connection.cookies.get(COOKIE)
    if asked in {"zh-Hans", "en"}:
        return "en" if asked == "en" else "zh-Hans"
    wanted = [part.split(";")[0].strip() for part in connection.headers.get("accept-language", "").split(",")]
    return "en" if negotiate_locale(wanted, ["zh", "en"], sep="-") == "en" else "zh-Hans"
