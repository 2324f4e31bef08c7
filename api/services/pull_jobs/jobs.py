"""Jobs as entities handle them: begin, look, cancel, resume."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services.context import Actor, Also, Context, Role
from api.services.pulls import FORMATS, SignedPull
from api.store import Session, clock, ids, read_only, unit_of_work
from api.store.queries import pull_jobs
from api.store.queries.paging import Page
from api.store.queries.pull_jobs import Counts, ItemState, JobState, Line
from api.store.tables import PullJob
from chain.canonical import Json

MAX_GRANTS = 10_000
MAX_OPEN = 50
ITEMS_PAGE = 200
DAY_MS = 86_400_000
EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of its active grants an entity means: all that match everything given."""

    purpose: str | None = None
    scenario: str | None = None
    case_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a job is to take: grants by id, or those that match a choice; `fields` (type/field) narrows each pull."""

    media_type: str
    grants: Sequence[str] | None = None
    choice: Choice | None = None
    fields: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with its counts. `state` is the job's own, or `expired`."""

    job: PullJob
    state: str
    counts: Counts


def create(
    ctx: Context,
    actor: Actor,
    asked: JobRequest,
    signed: SignedPull | None = None,
    body: bytes = b"",
    *,
    also: Also[JobView] | None = None,
) -> JobView:
    """Take a job in; `signed` and `body` are the machine's request, on which every delivery of the job will rest.

    A grant that is nobody's, or another's, is an item like any other and will be refused: the answer tells nothing.
    Raises `pull.unsupported_format`, `pull_jobs.nothing_asked`, `pull_jobs.nothing_matches`,
    `pull_jobs.too_many_grants`, `pull_jobs.too_many`.
    """
    party_id = actor.party(Role.ENTITY)
    if asked.media_type not in FORMATS:
        raise ApiError("pull.unsupported_format")
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        if pull_jobs.count_open(session, party_id, now) >= MAX_OPEN:
            raise ApiError("pull_jobs.too_many", Kind.LIMITED, limit=MAX_OPEN)
        grants = _grants(session, party_id, asked, now)
        job = PullJob(
            id=ids.new_job_id(),
            party_id=party_id,
            media_type=asked.media_type,
            fields=None if asked.fields is None else list(asked.fields),
            chosen=None if asked.choice is None else _chosen(asked.choice),
            state=JobState.CHECKING.value,
            request_enc=None,
            total=len(grants),
            fetching_until_ms=0,
            created_at_ms=now,
            # As long as the keys of its items are kept: after that, fetching again would count uses again.
            expires_at_ms=now + ctx.settings.idempotency_days * DAY_MS,
        )
        if signed is not None:
            request: dict[str, Json] = {
                "base": signed.base,
                "signature": signed.signature.hex(),
                "key": dict(signed.key),
            }
            pull_jobs.seal_request(ctx.vault, job, {**request, "body": body.decode()})
        pull_jobs.add_job(session, job, grants)
        view = _view(session, job, now)
        if also is not None:
            also(session, view)
    return view


def get(ctx: Context, actor: Actor, job_id: str) -> JobView:
    """One job. Raises `pull_jobs.not_found`."""
    with read_only(ctx.db) as session:
        job = own(session, actor, job_id)
        return _view(session, job, clock.now_ms(session))


def list_own(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[JobView]:
    """An entity's jobs, newest first."""
    with read_only(ctx.db) as session:
        page = pull_jobs.jobs_of(session, actor.party(Role.ENTITY), cursor=cursor)
        counts = pull_jobs.counts_of(session, [job.id for job in page.items])
        now = clock.now_ms(session)
        return Page([JobView(job, shown_state(job, now), counts[job.id]) for job in page.items], page.next_cursor)


def items(
    ctx: Context, actor: Actor, job_id: str, *, after: int = 0, state: ItemState | None = None
) -> tuple[Sequence[Line], int | None]:
    """Items in order after `after`, and where the next page begins (None on the last)."""
    states = None if state is None else [state]
    with read_only(ctx.db) as session:
        job = own(session, actor, job_id)
        found = pull_jobs.lines_of(session, job, after=after, states=states, limit=ITEMS_PAGE + 1)
    page = found[:ITEMS_PAGE]
    return page, page[-1].item.seq if len(found) > ITEMS_PAGE else None


def cancel(ctx: Context, actor: Actor, job_id: str, *, also: Also[JobView] | None = None) -> JobView:
    """Stop a job: nothing more is looked at or delivered, a fetch under way ends with what it has."""
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        job = own(session, actor, job_id, lock=True)
        job.state = JobState.CANCELLED.value
        session.flush()
        view = _view(session, job, now)
        if also is not None:
            also(session, view)
    return view


def resume(ctx: Context, actor: Actor, job_id: str, *, also: Also[JobView] | None = None) -> JobView:
    """Go on with a job that was cancelled, and look again at what was refused. Raises `pull_jobs.expired`."""
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        job = own(session, actor, job_id, lock=True)
        require_open(job, now)
        pull_jobs.look_again(session, job.id)
        job.state = JobState.CHECKING.value
        session.flush()
        view = _view(session, job, now)
        if also is not None:
            also(session, view)
    return view


def own(session: Session, actor: Actor, job_id: str, *, lock: bool = False) -> PullJob:
    """An entity's own job. Raises `pull_jobs.not_found`, for another's as well."""
    job = pull_jobs.job_of(session, actor.party(Role.ENTITY), job_id, lock=lock)
    if job is None:
        raise ApiError("pull_jobs.not_found", Kind.NOT_FOUND)
    return job


def require_open(job: PullJob, now_ms: int) -> None:
    """Raise `pull_jobs.expired` where a job's time is over."""
    if job.expires_at_ms <= now_ms:
        raise ApiError("pull_jobs.expired", Kind.CONFLICT)


def shown_state(job: PullJob, now_ms: int) -> str:
    """A job's state as it is told."""
    return EXPIRED if job.expires_at_ms <= now_ms else job.state


def _view(session: Session, job: PullJob, now_ms: int) -> JobView:
    return JobView(job, shown_state(job, now_ms), pull_jobs.counts_of(session, [job.id])[job.id])


def _chosen(choice: Choice) -> dict[str, str]:
    given = {"purpose": choice.purpose, "scenario": choice.scenario, "case_prefix": choice.case_prefix}
    return {name: value for name, value in given.items() if value is not None}


def _grants(session: Session, party_id: str, asked: JobRequest, now_ms: int) -> list[str]:
    if asked.grants is not None:
        # Named twice is meant once: one item, one key, one use.
        found = list(dict.fromkeys(asked.grants))
    elif asked.choice is not None and _chosen(asked.choice):
        choice = asked.choice
        found = pull_jobs.matching_grants(
            session,
            party_id,
            now_ms,
            purpose=choice.purpose,
            scenario=choice.scenario,
            case_prefix=choice.case_prefix,
            limit=MAX_GRANTS + 1,
        )
        if not found:
            raise ApiError("pull_jobs.nothing_matches", Kind.CONFLICT)
    else:
        found = []
    if not found:
        raise ApiError("pull_jobs.nothing_asked")
    if len(found) > MAX_GRANTS:
        raise ApiError("pull_jobs.too_many_grants", limit=MAX_GRANTS)
    return found
