"""Epochs of marking keys as the page of health lists them."""

from api.portals import frame as at
from api.portals.views import public as views
from api.services import epochs
from api.services.context import Context


def epochs_shown(ctx: Context) -> tuple[views.Epoch, ...]:
    """All epochs, newest first, each with its proof once that stands on chain."""
    return tuple(_shown(one) for one in epochs.list_all(ctx))


def _shown(one: epochs.EpochState) -> views.Epoch:
    if one.number is None:
        state = "waits"
    else:
        state = "marks" if one.marks else "traces"
    return views.Epoch(
        id=one.id,
        key_sha256=one.key_sha256.hex(),
        opened_at_ms=one.opened_at_ms,
        closed_at_ms=one.closed_at_ms,
        number=one.number,
        state=state,
        proof_url=f"/v1/log/epochs/{at.segment(one.id)}/evidence" if one.recorded else None,
    )
