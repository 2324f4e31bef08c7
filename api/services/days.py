"""The city's calendar: on which day something happens, wherever the machine stands."""

from datetime import date, datetime

from api.locale import CHINA_STANDARD_TIME


def city_day(at_ms: int) -> date:
    """The day in the city at a moment in UTC milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, CHINA_STANDARD_TIME).date()
