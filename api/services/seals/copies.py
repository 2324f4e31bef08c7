"""The platform's seal on entities' PDF copies: set last, on the marked file, so that the copy is known as ours.

Without a timestamp: a copy lives for days or weeks, its receipt in the log says when it was made, and no outside
authority is waited for in a pull. So whoever checks one whose seal was revoked or ended later is told so.
"""

from api.documents.copy_sheet import COPY_SEAL_SPOT
from api.documents.ornament import demo_seal, scaled, seal_plate
from api.documents.pdf_writer import Form
from api.documents.seals.sealing import Place, SealOrder, seal
from api.services.context import Context
from api.services.seals import office

REASON = "持有人授权的数据副本 Copy released by its holder"


def seal_copy(ctx: Context, marked: bytes, copy_id: str) -> bytes:
    """A marked PDF with the platform's copy seal on its first page. Raises as `office.kit`."""
    kit = office.kit(ctx, office.PLATFORM, office.PLATFORM_ORGAN, timed=False)
    return seal(marked, kit, SealOrder(copy_id, REASON, Place(_drawing(ctx), *COPY_SEAL_SPOT)))


def _drawing(ctx: Context) -> Form:
    if office.is_demo(ctx.settings):
        return scaled(demo_seal(office.PLATFORM_NAME, "副本专用章"), 0.62)
    return scaled(seal_plate(office.PLATFORM_NAME), 0.7)
