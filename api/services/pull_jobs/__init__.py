"""Bulk pulls: many grants in one job.

A job lists grants. Each is looked at in the background, a few at a time, so that the entity learns which would serve
and why the others would not. Nothing leaves by that. The result is an archive that is made while it is fetched: every
grant's data are delivered then and there, through `pulls.pull`, with a decision, a mark and a receipt of their own.
Each item has its own idempotency key, so that fetching again (a line broke, a service was killed) counts no use twice;
it is a delivery all the same, with a receipt, and grants that serve no longer drop out.
"""

from api.services.pull_jobs.checking import run, turn
from api.services.pull_jobs.jobs import (
    MAX_GRANTS,
    Choice,
    JobRequest,
    JobView,
    cancel,
    create,
    get,
    items,
    list_own,
    resume,
)
from api.services.pull_jobs.result import Fetch, fetch

__all__ = [
    "MAX_GRANTS",
    "Choice",
    "Fetch",
    "JobRequest",
    "JobView",
    "cancel",
    "create",
    "fetch",
    "get",
    "items",
    "list_own",
    "resume",
    "run",
    "turn",
]
