"""Composition root of the service process: wires ports, starts the log writer, serves HTTP and portals."""

import contextlib
import logging
import threading
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI

from api.errors import ApiError
from api.http.app import build
from api.portals.mount import error_page, mount
from api.services import epochs, erasure_run, pull_jobs, refusals
from api.services.context import Context
from api.settings import Settings
from api.wiring import calm_collector, guard, wire
from chain import points

FOLD_INTERVAL_S = 5.0
# Idle connections that a browser or a machine keeps open count, too; each is cheap, and closed after five seconds.
CONCURRENCY = 800
log = logging.getLogger("mydata.service")


def create(settings: Settings) -> FastAPI:
    """The whole application; its life cycle starts and stops the log writer."""
    ctx = wire(settings).ctx
    app = build(ctx, page=error_page)
    mount(app)
    app.router.lifespan_context = lambda _app: _life(ctx)
    return app


@contextlib.asynccontextmanager
async def _life(ctx: Context) -> AsyncIterator[None]:
    stop = threading.Event()
    # A database that was restored knows nothing of erasures since: before anybody is served, they are done again.
    erasure_run.reapply(ctx)
    ctx.log.start()
    epochs.ensure_first(ctx)
    folder = threading.Thread(target=_fold, args=(ctx, stop), name="refusals", daemon=True)
    folder.start()
    jobs = threading.Thread(target=pull_jobs.run, args=(ctx, stop), name="pull-jobs", daemon=True)
    jobs.start()
    try:
        yield
    finally:
        stop.set()
        folder.join()
        jobs.join()
        with contextlib.suppress(ApiError):
            refusals.write_ended(ctx, everything=True)
        ctx.log.stop()
        ctx.db.close()


def _fold(ctx: Context, stop: threading.Event) -> None:
    while not stop.wait(FOLD_INTERVAL_S):
        # Does nothing while the writer's thread lives; one that something unexpected has ended is started anew.
        ctx.log.start()
        try:
            refusals.write_ended(ctx)
        except ApiError as error:
            log.warning("counts of refusals wait: %s", error.code)


def main() -> None:
    """`python -m api.main`: settings come from the environment."""
    settings = Settings()
    if settings.crash_point:
        points.arm(points.kill_at(settings.crash_point))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    guard(settings)
    app = create(settings)
    calm_collector()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        # Access lines would carry paths with identifiers; receipts tell who did what.
        access_log=False,
        server_header=False,
        limit_concurrency=CONCURRENCY,
        log_level="info",
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
