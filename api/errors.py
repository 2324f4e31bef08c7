"""Errors of the service: one root, a stable code, a kind. The text comes from the catalogue by code."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What sort of failure it is; `api.http.errors` alone maps it to an HTTP status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"
    INTEGRITY = "integrity"
    INTERNAL = "internal"


class ApiError(Exception):
    """Root of every error that the service raises.

    `code` (such as `pull.grant_ended`) names a text in both languages; `facts` fill that text's
    placeholders and must never hold anything personal: names of columns and fields, counts, limits, dates.
    """

    def __init__(self, code: str, kind: Kind = Kind.INVALID, /, **facts: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.kind = kind
        self.facts: Mapping[str, str | int] = facts


def place_of(error: BaseException) -> str:
    """Class, file and line of an unexpected error: all that may be logged of it.

    Its message, or a traceback with it, may carry personal data.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {where}"
