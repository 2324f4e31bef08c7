"""Bulk pulls: looked at, delivered while fetched, repeatable, resumable; every exit a pull with its own receipt."""

import csv
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.client import Archive, RefusedError, UntrustedError, read_archive
from api.client.jobs import Job
from api.demo import flow
from api.demo.client import Person, raise_problem
from api.demo.provision import party_id
from api.errors import ApiError, Kind
from api.services import pull_jobs, pulls
from api.services.context import Actor, Role
from api.store import unit_of_work
from api.store.queries import pull_jobs as rows
from api.store.queries.pull_jobs import JobState
from chain.bundle import parse_bundle
from tests.town import HARBOUR, PINE, Service

pytestmark = pytest.mark.slow

USES = "SELECT use_count FROM grants WHERE id = :id"
DELIVERIES = "SELECT count(*) FROM receipts WHERE grant_id = :id AND kind = 'delivery'"


def granted(service: Service, case: str, count: int = 4) -> list[str]:
    return [service.grant(service.driver(at), case_no=f"{case}-{at}") for at in range(count)]


def jobs(service: Service) -> Any:
    return service.town.client(HARBOUR).jobs


def ready(service: Service, **asked: Any) -> Job:
    job = jobs(service).start(**asked)
    assert job.state in {"checking", "ready"}
    return jobs(service).wait(job.id)


def uses(service: Service, grant: str) -> tuple[int, int]:
    return int(service.rows(USES, id=grant)[0][0]), int(service.rows(DELIVERIES, id=grant)[0][0])


def revoke(service: Service, grant: str, at: int) -> None:
    service.citizen(service.driver(at)).post(f"/v1/grants/{grant}/revoke")


def actor(service: Service) -> Actor:
    party = party_id(HARBOUR)
    return Actor(Role.ENTITY, subject=party, party_id=party)


def refused(code: str, call: Any, *args: Any, **more: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        call(*args, **more)
    assert caught.value.code == code


def delivered(archive: Archive) -> list[str]:
    return [one.grant for one in archive.delivered]


def test_every_copy_comes_with_its_receipt_and_the_manifest_names_all(service: Service, tmp_path: Path) -> None:
    grants = granted(service, "BULK-A")
    revoke(service, grants[3], 3)
    job = ready(service, grants=[*grants, grants[0], "grant_of_nobody"], form="xlsx")
    assert (job.state, job.total) == ("ready", 5)
    assert job.counts == {"waiting": 0, "ready": 3, "delivered": 0, "refused": 2}
    assert job.reasons == {"pull.grant_revoked": 1, "pull.not_found": 1}
    assert [uses(service, grant) for grant in grants] == [(0, 0)] * 4
    archive = jobs(service).fetch(job.id, tmp_path / "a.zip")
    assert delivered(archive) == grants[:3]
    assert dict(archive.refused) == {grants[3]: "pull.grant_revoked", "grant_of_nobody": "pull.not_found"}
    assert [uses(service, grant) for grant in grants] == [(1, 1)] * 3 + [(0, 0)]
    assert len({one.promise.receipt for one in archive.delivered}) == len({one.copy for one in archive.delivered}) == 3
    single = service.town.client(HARBOUR).grants.pull(grants[0], "xlsx")
    assert single.file == archive.read(archive.delivered[0])
    with zipfile.ZipFile(archive.path) as whole:
        index = list(csv.DictReader(io.StringIO(whole.read("index.csv").decode("utf-8-sig"))))
    assert [line["case_no"] for line in index] == ["BULK-A-0", "BULK-A-1", "BULK-A-2", "BULK-A-3", ""]
    assert [line["state"] for line in index] == ["delivered"] * 3 + ["refused"] * 2
    after = jobs(service).get(job.id)
    assert after.counts == {"waiting": 0, "ready": 0, "delivered": 3, "refused": 2}
    lines = list(jobs(service).items(job.id, "delivered"))
    assert [(one.grant, one.deliveries) for one in lines] == [(grant, 1) for grant in grants[:3]]
    assert [one.receipt for one in lines] == [one.promise.receipt for one in archive.delivered]


def test_the_job_s_signed_request_stands_in_each_delivery(service: Service, tmp_path: Path) -> None:
    grants = granted(service, "BULK-B", 2)
    job = ready(service, case_prefix="BULK-B-", purpose="insurance.motor.claims")
    archive = jobs(service).fetch(job.id, tmp_path / "b.zip")
    bases = set()
    for one in archive.delivered:
        bundle = parse_bundle(service.town.client(HARBOUR).receipts.evidence(one.promise.receipt))
        assert bundle.request is not None
        bundle.request.key.verify(bundle.request.signature, bundle.request.base.encode())
        bases.add(bundle.request.base)
    assert delivered(archive) == grants
    (base,) = bases
    assert "/v1/pull-jobs" in base
    assert '"@method": POST' in base


def test_fetching_again_is_a_delivery_again_and_no_second_use(service: Service, tmp_path: Path) -> None:
    grants = [service.grant(service.driver(at), case_no="BULK-C", uses=2) for at in range(3)]
    job = ready(service, grants=grants)
    first = jobs(service).fetch(job.id, tmp_path / "1.zip")
    revoke(service, grants[1], 1)
    again = jobs(service).fetch(job.id, tmp_path / "2.zip")
    assert delivered(first) == grants
    assert delivered(again) == [grants[0], grants[2]]
    assert again.refused == ((grants[1], "pull.grant_revoked"),)
    assert [uses(service, grant) for grant in grants] == [(1, 2), (1, 1), (1, 2)]
    assert [one.copy for one in again.delivered] == [first.delivered[0].copy, first.delivered[2].copy]
    assert not {one.promise.number for one in again.delivered} & {one.promise.number for one in first.delivered}
    assert not service.town.client(HARBOUR).jobs.get(job.id).counts["ready"]


def test_a_fetch_that_breaks_off_goes_on_where_it_was(service: Service, tmp_path: Path) -> None:
    grants = [service.grant(service.driver(at), case_no="BULK-D", uses=1) for at in range(4)]
    job = ready(service, grants=grants)
    broken = pull_jobs.fetch(service.ctx, actor(service), job.id)
    taken = [next(broken), next(broken)]
    assert all(taken)
    refused("pull_jobs.being_fetched", jobs(service).fetch, job.id, tmp_path / "x.zip")
    broken.close()
    broken.close()
    assert jobs(service).get(job.id).counts == {"waiting": 0, "ready": 2, "delivered": 2, "refused": 0}
    assert [uses(service, grant)[0] for grant in grants] == [1, 1, 0, 0]
    assert delivered(jobs(service).fetch(job.id, tmp_path / "d.zip")) == grants
    assert [uses(service, grant) for grant in grants] == [(1, 2), (1, 2), (1, 1), (1, 1)]


def test_a_service_killed_between_a_delivery_and_its_note_counts_no_use_twice(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grants = [service.grant(service.driver(at), case_no="BULK-E", uses=1) for at in range(2)]
    job = ready(service, grants=grants)
    killed = pull_jobs.fetch(service.ctx, actor(service), job.id)
    next(killed)
    del killed  # nothing is noted, nothing given back: as a kill leaves it
    assert jobs(service).get(job.id).counts["ready"] == 2
    service.execute("UPDATE pull_jobs SET fetching_until_ms = 0 WHERE id = :id", id=job.id)
    assert delivered(jobs(service).fetch(job.id, tmp_path / "e.zip")) == grants
    assert [uses(service, grant)[0] for grant in grants] == [1, 1]

    def out_of_order(*_: object, **__: object) -> None:
        raise ApiError("store.unavailable", Kind.UNAVAILABLE)

    monkeypatch.setattr(pulls, "pull", out_of_order)
    with pytest.raises(ApiError, match=r"store\.unavailable"):
        list(pull_jobs.fetch(service.ctx, actor(service), job.id))


def test_a_broken_stream_is_no_archive(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grants = granted(service, "BULK-F", 3)
    job = ready(service, grants=grants)
    whole, pull = [], pulls.pull

    def fails_at_the_third(*args: Any, **more: Any) -> Any:
        whole.append(1)
        if len(whole) == 3:
            raise ApiError("store.unavailable", Kind.UNAVAILABLE)
        return pull(*args, **more)

    monkeypatch.setattr(pulls, "pull", fails_at_the_third)
    from api.client import UnreachableError

    with pytest.raises(UnreachableError):
        jobs(service).fetch(job.id, tmp_path / "f.zip")
    with pytest.raises(UntrustedError, match=r"bad_archive"):
        read_archive(tmp_path / "f.zip")
    monkeypatch.undo()
    assert delivered(jobs(service).fetch(job.id, tmp_path / "f.zip")) == grants


def test_cancelled_and_resumed(service: Service, tmp_path: Path) -> None:
    grants = granted(service, "BULK-G", 3)
    service.citizen(service.driver(0)).post(f"/v1/grants/{grants[0]}/pause")
    job = ready(service, grants=grants)
    assert job.reasons == {"pull.grant_paused": 1}
    cancelled = jobs(service).cancel(job.id)
    assert cancelled.state == "cancelled"
    refused("pull_jobs.cancelled", jobs(service).fetch, job.id, tmp_path / "x.zip")
    service.citizen(service.driver(0)).post(f"/v1/grants/{grants[0]}/resume")
    jobs(service).resume(job.id)
    assert jobs(service).wait(job.id).counts["ready"] == 3
    fetch = pull_jobs.fetch(service.ctx, actor(service), job.id)
    data = next(fetch)
    jobs(service).cancel(job.id)
    fetch._save()
    (tmp_path / "g.zip").write_bytes(data + b"".join(fetch))
    fetch.close()
    archive = read_archive(tmp_path / "g.zip")
    assert delivered(archive) == grants[:1]
    assert {reason for _, reason in archive.refused} == {"pull_jobs.cancelled"}
    assert [uses(service, grant)[0] for grant in grants] == [1, 0, 0]


def test_refusals_of_a_job_are_seen_by_the_holder(service: Service) -> None:
    grant = service.grant(service.driver(), case_no="BULK-H")
    revoke(service, grant, 0)
    ready(service, grants=[grant])
    kinds = [(line["kind"], line["grant"]) for line in service.citizen(service.driver()).get("/v1/footprints")["items"]]
    assert ("refusal", grant) in kinds


def test_what_cannot_be_asked(service: Service, tmp_path: Path) -> None:
    client = service.town.client(HARBOUR)
    refused("pull_jobs.nothing_asked", client.jobs.start)
    refused("pull_jobs.nothing_matches", client.jobs.start, case_prefix="no-such-case")
    refused("pull.bad_field", client.jobs.start, grants=["g"], fields=["nothing"])
    refused("http.invalid_input", client.jobs.start, grants=["g"], form="docx")
    refused("http.invalid_input", client.jobs.start, grants=["g"] * 10_001)
    refused("pull_jobs.not_found", client.jobs.get, "job_absent")
    job = ready(service, grants=["grant_of_nobody"])
    refused("pull_jobs.nothing_ready", client.jobs.fetch, job.id, tmp_path / "x.zip")
    for call in (service.town.client(PINE).jobs.get, service.town.client(PINE).jobs.cancel):
        refused("pull_jobs.not_found", call, job.id)


def test_ten_thousand_grants_are_taken_in_and_looked_at(service: Service) -> None:
    job = jobs(service).start(grants=[f"grant_{at:05d}" for at in range(10_000)])
    assert job.total == 10_000
    service.execute("UPDATE pull_job_items SET state = 'refused' WHERE job_id = :id AND seq > 300", id=job.id)
    assert jobs(service).wait(job.id).counts["refused"] == 10_000
    assert [one.seq for one in jobs(service).items(job.id)] == list(range(1, 10_001))


def test_an_expired_job_delivers_nothing(service: Service, tmp_path: Path) -> None:
    job = ready(service, grants=granted(service, "BULK-I", 1))
    service.execute("UPDATE pull_jobs SET expires_at_ms = 1 WHERE id = :id", id=job.id)
    assert jobs(service).get(job.id).state == "expired"
    refused("pull_jobs.expired", jobs(service).fetch, job.id, tmp_path / "x.zip")
    refused("pull_jobs.expired", jobs(service).resume, job.id)
    with unit_of_work(service.ctx.db) as session:
        assert rows.purge(session, 2) == 1
    refused("pull_jobs.not_found", jobs(service).get, job.id)


def test_the_same_request_again_is_the_same_job(service: Service) -> None:
    asked = {"grants": ["grant_of_nobody"], "idempotency_key": "bulk-once-0001"}
    first, again = jobs(service).start(**asked), jobs(service).start(**asked)
    assert first.id == again.id
    assert first.id in [one.id for one in jobs(service).list()]


def test_staff_take_a_job_too_and_no_machine_signed_for_it(service: Service) -> None:
    grant = service.grant(service.driver(), case_no="BULK-J")
    staff = Person(service.url).sign_in(role="entity", party=party_id(HARBOUR), name="理赔员")
    job = staff.post("/v1/pull-jobs", {"grants": [grant]})["id"]
    jobs(service).wait(job)
    data = raise_problem(staff.http.get(f"/v1/pull-jobs/{job}/result")).content
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        receipt = json.loads(archive.read(manifest["items"][0]["receipt_file"]))
    bundle = parse_bundle(service.town.client(HARBOUR).receipts.evidence(receipt["receipt"]))
    assert bundle.request is None
    staff.close()


def test_memory_stays_small_whatever_the_archive(service: Service) -> None:
    """The bytes leave as they are made: what is held between two items is nothing of the archive."""
    job = ready(service, grants=granted(service, "BULK-K", 3), form="pdf")
    fetch = pull_jobs.fetch(service.ctx, actor(service), job.id)
    sizes = []
    for part in fetch:
        sizes.append(len(part))
        assert sum(map(len, fetch._sink._pieces)) == 0
    fetch.close()
    assert len([size for size in sizes if size > 20_000]) == 3


def test_a_job_never_overtakes_a_revocation(service: Service) -> None:
    """Revoked while the archive is on its way: what had not left by then does not."""
    grants = granted(service, "BULK-L", 3)
    job = ready(service, grants=grants)
    fetch = pull_jobs.fetch(service.ctx, actor(service), job.id)
    pieces: list[bytes] = [next(fetch)]
    revoke(service, grants[2], 2)
    pieces += list(fetch)
    fetch.close()
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(b"".join(pieces))).read("manifest.json"))
    assert [one["reason"] for one in manifest["items"]] == [None, None, "pull.grant_revoked"]
    assert uses(service, grants[2]) == (0, 0)


def test_only_some_fetches_at_once(service: Service, tmp_path: Path) -> None:
    made = [ready(service, grants=[service.grant(service.driver(), case_no="BULK-M")]) for _ in range(3)]
    held = [pull_jobs.fetch(service.ctx, actor(service), one.id) for one in made[:2]]
    refused("pull_jobs.busy", jobs(service).fetch, made[2].id, tmp_path / "x.zip")
    for one in held:
        one.close()
    assert len(jobs(service).fetch(made[2].id, tmp_path / "m.zip").delivered) == 1


def test_the_demo_s_own_way(service: Service, tmp_path: Path) -> None:
    grants = granted(service, "BULK-N", 2)
    archive = flow.pull_many(service.town, HARBOUR, tmp_path, case_prefix="BULK-N-", form="csv")
    assert delivered(archive) == grants


def test_single_pulls_go_on_beside_a_fetch(service: Service) -> None:
    job = ready(service, grants=granted(service, "BULK-O", 4))
    other = service.grant(service.driver(1), case_no="BULK-P")
    codes: list[str] = []

    def pull() -> None:
        codes.extend(service.town.client(HARBOUR).grants.pull(other).copy for _ in range(3))

    thread = threading.Thread(target=pull)
    thread.start()
    fetch = pull_jobs.fetch(service.ctx, actor(service), job.id)
    assert len(b"".join(fetch)) > 1000
    fetch.close()
    thread.join(60)
    assert len(set(codes)) == 1
    assert len(codes) == 3


@pytest.fixture(autouse=True)
def nothing_left_open(service: Service) -> Iterator[None]:
    yield
    service.execute("UPDATE pull_jobs SET fetching_until_ms = 0")
    assert JobState.CHECKING not in {row[0] for row in service.rows("SELECT state FROM pull_jobs WHERE total > 10")}
