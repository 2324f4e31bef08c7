"""Errors of the watermark package: one root, a stable code with a text in both languages in the catalogue."""

from collections.abc import Mapping


class WatermarkError(Exception):
    """Root of every error that this package raises.

    `code` (such as `watermark.bad_pdf`) names a text; `facts` fill its placeholders and never hold anything
    personal: limits, counts, kinds of file.
    """

    def __init__(self, code: str, **facts: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.facts: Mapping[str, str | int] = facts
