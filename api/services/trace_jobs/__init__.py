"""Tracing many files in one run.

A regulator hands files in, in one request or several, and starts. The worker traces them one after another, each by
itself: a file that cannot be read is a line with its reason. A file's bytes are held sealed under a key of their own,
and that key goes in the transaction that stores the file's verdict, its refusal or the job's cancellation, so that a
killed worker finds either a file that is still to be traced or a verdict and nothing else.
"""

from api.services.trace_jobs.filing import (
    FILES_PAGE,
    MAX_FILES,
    Handed,
    JobView,
    Shown,
    add,
    cancel,
    create,
    files,
    get,
    list_own,
    start,
)
from api.services.trace_jobs.work import Rounds, keep_house, turn

__all__ = [
    "FILES_PAGE",
    "MAX_FILES",
    "Handed",
    "JobView",
    "Rounds",
    "Shown",
    "add",
    "cancel",
    "create",
    "files",
    "get",
    "keep_house",
    "list_own",
    "start",
    "turn",
]
