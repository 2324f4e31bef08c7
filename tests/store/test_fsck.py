"""The check names every row that somebody with the database alone has changed, and nothing on clean data."""

from api.store.fsck import fsck
from api.store.log_writer import LogWriter
from tests.store.world import IDENTITY, World


def test_clean_store_has_no_findings(world: World, writer: LogWriter) -> None:
    world.whole(writer)
    seen: list[str] = []
    report = fsck(
        world.db,
        world.vault,
        world.log_public_key,
        identity=IDENTITY,
        progress=lambda stage, done, total: seen.append(stage),
    )
    assert report.findings == ()
    assert report.skipped == ("chain",)
    assert report.checked["records"] == 30
    assert report.checked["receipts"] == 15
    assert report.checked["epochs"] == 1
    assert report.checked["copies"] == 4
    assert list(dict.fromkeys(seen)) == [
        "references",
        "erasures",
        "holders",
        "log",
        "parties",
        "registrations",
        "alarms",
        "offices",
        "watch",
        "data_asks",
        "subjects",
        "passkeys",
        "requests",
        "returns",
        "grants",
        "epochs",
        "copies",
        "lives",
        "trace_jobs",
        "seals",
        "disputes",
        "amendments",
        "mandates",
        "visits",
        "accesses",
        "drafts",
        "counts",
    ]
