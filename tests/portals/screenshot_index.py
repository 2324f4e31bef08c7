"""Which pages the documentation shows, in which state, and what each is for: the one list behind docs/screenshots.

A page's name is its sample's (`tests.portals.samples`), its picture `<name>.webp`. Every page template stands here at
least once; `test_screenshots.py` holds that, and that each picture and its line in the index exist.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chapter:
    """A portal: `pages` are names of samples, each with what the page is for."""

    title: str
    about: str
    pages: tuple[tuple[str, str], ...]


CHAPTERS = (
    Chapter(
        "Public",
        "What anybody sees without signing in.",
        (
            ("public-landing", "The front door: what the service is, and one door for each kind of reader."),
            ("public-signin", "Choosing who signs in; in the demonstration the people stand here by name."),
            ("public-signed-in", "Signed in from the outside provider; the page goes on by itself."),
            ("public-verify-valid", "A proof file checked: it holds, and each step says what was compared."),
            ("public-verify-invalid", "A proof file that was altered: what does not fit is named."),
            (
                "public-seal-valid",
                "A sealed PDF checked: who sealed it, when, and whether the certificate still stands.",
            ),
            ("public-seal-revoked", "A sealed PDF whose seal was withdrawn afterwards."),
            ("public-log", "The public log: its size, its last checkpoint and who witnessed it."),
            ("public-catalogue", "The data catalogue: what each department offers, and under which condition."),
            ("public-slip", "A counter slip read by its code: what was agreed there, and that it can be taken back."),
            ("public-erasure-done", "How far a deletion of one's account is; the page needs only the number."),
            ("public-help", "Help: the questions people ask first."),
            ("public-error-404", "An error says what happened, what was kept and what to do."),
        ),
    ),
    Chapter(
        "Citizen",
        "Plain words, four tabs, one main action a page.",
        (
            ("citizen-home", "My certificates, and above them whoever waits for an answer."),
            ("citizen-home-acting", "The same while acting for somebody else: for whom stands above everything."),
            ("citizen-certificate", "One certificate: its fields, who used it, its original and its proof."),
            ("citizen-requests", "Requests that wait for an answer, and those answered."),
            ("citizen-consent", "The consent: what is needed, what may be left out, what was already removed."),
            ("citizen-consent-own-key", "The same for people who sign with a key of their own."),
            ("citizen-draft", "Confirming a consent a second time, with a passkey or the city's identity service."),
            ("citizen-draft-own-key", "Terms laid out for a key of one's own: code, file and what the key signs."),
            ("citizen-grants", "My consents, those in force and those that ended."),
            ("citizen-grant", "One consent: its terms, its copies, and taking it back with one confirmation."),
            ("citizen-grant-ended", "A consent that was taken back, and what became of it."),
            ("citizen-change-revoked", "Taking back a consent that a key of one's own had signed."),
            ("citizen-footprints", "Footprints: every look and every refused try, by day."),
            ("citizen-why-refused", "Why something was refused: the facts at that moment, decided again."),
            ("citizen-contest", "This was not me: the consent stops at once and a case begins."),
            ("citizen-cases", "My cases, and by when each will be decided."),
            ("citizen-case", "One case: what was stopped meanwhile, and what happened so far."),
            ("citizen-object", "An objection to a field, a certificate or a footprint."),
            ("citizen-disputes", "My objections, and who must answer by when."),
            ("citizen-dispute-corrected", "An objection that led to a correction: who has put it right."),
            ("citizen-correction", "All who had received the wrong value, and who has confirmed."),
            ("citizen-notices", "Notices: what happened, newest first."),
            ("citizen-me", "Me: for whom I act, large text, passkeys, mandates, deletion."),
            ("citizen-mandates", "Whom I have asked to act for me, and for whom I act."),
            ("citizen-passkeys", "My passkeys, and adding one."),
            ("citizen-erasure", "Before deleting everything: what goes, what stays and under which law."),
            ("citizen-erasure-cooling", "The days in which a deletion can still be stopped."),
        ),
    ),
    Chapter(
        "Department",
        "Where the data comes from: return, quality, seal, correct, and the counter.",
        (
            ("department-new-chosen", "Returning a file: the type, what its columns must hold, the drop zone."),
            ("department-columns", "The file's columns beside our fields, with masked samples, to correct by hand."),
            ("department-return-checked", "The report before sealing: good, warned and bad rows with line and reason."),
            ("department-return-anchored", "A return that is sealed and recorded, with its proof."),
            ("department-returns", "All returns and how far each is."),
            ("department-quality", "Data quality: pass rate, rules, worst fields, trend, each with its definition."),
            ("department-seals", "Sealed PDFs: which are waiting for whose seal, and in which order."),
            ("department-case-register", "The register of case numbers that queries by duty are held against."),
            ("department-queries", "A query by statutory duty: case number, quota, whom, which details."),
            (
                "department-visit-request",
                "A request read out at the counter: the officer ticks what the person says, nothing more.",
            ),
            ("department-mandates", "Mandates and legal representatives the department registers."),
            ("department-counter", "The service window: somebody without a phone is helped, with identity checked."),
            (
                "department-visit",
                "One visit: what waits for an answer, what can be taken back, and the receipt on paper.",
            ),
            (
                "department-data-asks",
                "Asks for data: what others need of this department, and what it needs of others.",
            ),
            (
                "department-data-ask-new",
                "A new ask: which fields, what for, on which basis, how often; nobody is named.",
            ),
            ("department-data-ask", "One ask, to be answered within one working day."),
            ("department-disputes", "Objections to the department's data, the next deadline first."),
            ("department-dispute", "One objection: answer, correct or explain, by the date that stands there."),
            ("department-corrections", "Corrections of others' data this department has used."),
            ("department-correction", "One correction: what changed and who has put it right."),
            ("department-cases", "Cases about queries of this department."),
        ),
    ),
    Chapter(
        "Entity",
        "Insurers, employers, banks, authorities that ask: request, receive, delete.",
        (
            ("entity-home", "What may be asked for, by scenario."),
            ("entity-items", "Finding a public service item and what it needs."),
            ("entity-step-what", "New request, step 1: which details; what is sensitive is marked."),
            ("entity-step-who", "New request, step 2: of whom."),
            ("entity-step-terms", "New request, step 3: until when, how often, for which case."),
            ("entity-requests", "Requests and their answers."),
            ("entity-grants", "Consents in force: for what, until when, how many times."),
            ("entity-grant", "One consent: take the data as a file, or by the interface."),
            ("entity-why-refused", "Why a pull was refused: the facts at that moment, decided again."),
            ("entity-jobs", "Pulls of many consents in one go."),
            ("entity-job", "One such job: progress, and each line's outcome."),
            ("entity-copies", "Copies held, and the day by which each must be destroyed."),
            ("entity-copy", "One copy: its duties, and confirming that it was destroyed."),
            ("entity-messages", "Messages the service owes this organisation, and those delivered."),
            ("entity-webhooks", "Where messages are delivered, and how each is signed."),
            ("entity-keys", "Keys of the organisation's systems."),
            ("entity-data-asks", "Asks for data the catalogue may have, and how far each is."),
            ("entity-data-ask-matched", "One ask that the catalogue answered at once: how the data are had."),
            ("entity-disputes", "Objections that concern this organisation."),
            ("entity-dispute", "One objection, to answer in time."),
            ("entity-corrections", "Corrections of data it received, to confirm."),
            ("entity-cases", "Cases: somebody said this was not me."),
            ("entity-case", "One case, with the organisation's statement."),
        ),
    ),
    Chapter(
        "Regulator",
        "Evidence: tracing, flow, alarms, cases, indicators.",
        (
            ("regulator-traces", "Tracing: drop a leaked file; the examinations so far."),
            ("regulator-traces-runs", "Tracing: runs of many files under way and over."),
            ("regulator-trace-job-running", "A run of many files: how far it is, what came out, file by file."),
            ("regulator-trace-job-cancelled", "A run that was stopped: what waited was forgotten."),
            ("regulator-trace", "The verdict: whose copy it is, with the bound in words and in figures."),
            ("regulator-trace-inconclusive", "No verdict: what was found and why it does not suffice."),
            ("regulator-flow", "The flow map: from department through purpose to recipient, by day."),
            ("regulator-life", "The life of one certificate, from its return to its last use."),
            (
                "regulator-watch",
                "Alarms: bursts, odd hours, drift, case numbers in no register; looked into by two officers.",
            ),
            ("regulator-alarms", "Alarms on queries by statutory duty."),
            ("regulator-grants", "Finding a consent."),
            ("regulator-grant", "One consent seen from above: hold up, lift, declare invalid."),
            ("regulator-copies", "Copies whose destruction is overdue."),
            ("regulator-cases", "Cases to decide."),
            ("regulator-case", "One case: facts, statements, decision."),
            ("regulator-data-asks", "Asks for data that are late, or that nobody offers."),
            ("regulator-data-ask-overdue", "One late ask: answered, ordered or handed to another department."),
            ("regulator-disputes", "Objections that came up to the regulator."),
            ("regulator-dispute", "One objection: order a correction or uphold the answer."),
            ("regulator-correction", "How far a correction has come among its recipients."),
            ("regulator-indicators", "The indicators, each with its definition, to export."),
            ("regulator-quality", "Data quality of all departments."),
            ("regulator-log", "Health of the log: size, checkpoints, witnesses, gaps."),
            ("regulator-notices", "Notices for the regulator."),
        ),
    ),
    Chapter(
        "Operator and duties",
        "The platform's own people, each with one duty and none with another's.",
        (
            ("operator-health", "Operator: health of every dependency, and the backlog."),
            ("operator-proposals", "Operator: proposals, which a second person must approve."),
            ("security-acts", "Security officer: acts that wait for approval, and those done."),
            ("security-offices", "Security officer: who holds which office."),
            ("security-stop", "Security officer: stopping an organisation at once."),
            ("auditor-acts", "Auditor: the same acts, to read only."),
            ("auditor-offices", "Auditor: who holds which office, to read only."),
        ),
    ),
    Chapter(
        "Court",
        "An authority that asks by law; its pages are an entity's, and these.",
        (
            ("entity-home-court", "What a court may do: ask by consent, or query by its duty."),
            ("entity-case-access", "A case about a query of its own."),
        ),
    ),
)

# Taken by `tests.portals.service_screenshots` from the running service, each in both languages.
STORIES = (
    ("landing", "The front door."),
    ("citizen-home", "A citizen signs in and sees what the departments returned, and who asks."),
    ("citizen-consent", "She reads what an insurer needs, and what was already struck out."),
    ("citizen-own-key", "The same consent, laid out for a key of her own."),
    ("citizen-grant", "The consent she gave, with what became of it."),
    ("citizen-footprints", "Her footprints: who looked, and who was refused."),
    ("department-new", "A clerk returns a file."),
    ("department-return", "The file's report, sealed and recorded."),
    ("entity-home", "An insurer chooses what a case needs."),
    ("entity-grants", "What it was granted, and until when."),
    ("entity-items", "An office finds the service item and what it needs."),
    ("court-queries", "A court queries by its duty, under a case number."),
    ("regulator-verdict", "The regulator drops the leaked copy and reads whose it is."),
    ("regulator-consent", "The consent behind it, to be held up or declared void."),
)

HEAD = """# What people see

Every page of every portal, each in its characteristic state: a phone of 360 px and a desk of 1280 px, Chinese and
English, side by side. Long pages are cut. All people, organisations and numbers are made up.

The pictures are made by `.venv/bin/python -m tests.portals.screenshots docs/screenshots` from the samples that the
page tests render (`tests/portals/samples.py`), so a page looks the same whenever it is taken; the last chapter is taken
from the running service by `.venv/bin/python -m tests.portals.service_screenshots docs/screenshots`. Which page stands
here is written in `tests/portals/screenshot_index.py`, and this text is made of it; a page without a picture, or a
picture without a page, fails `tests/portals/test_screenshots.py`. The date fields and file choosers are the browser's
own and follow its language.
"""


def index_text() -> str:
    """docs/screenshots/README.md, whole."""
    parts = [HEAD, "".join(f"- [{one.title}](#{_anchor(one.title)})\n" for one in CHAPTERS)]
    parts[-1] += "- [From the running service](#from-the-running-service)\n"
    for chapter in CHAPTERS:
        parts.append(f"## {chapter.title}\n\n{chapter.about}\n")
        parts += [f"### `{name}`\n\n{text}\n\n![{text}]({name}.webp)\n" for name, text in chapter.pages]
    parts.append("## From the running service\n\nThe main stories with the demo's people, as the service shows them.\n")
    for name, text in STORIES:
        pictures = " | ".join(f"![{text}](service-{name}.{lang}.webp)" for lang in ("zh", "en"))
        parts.append(f"### {text}\n\n| 中文 | English |\n|---|---|\n| {pictures} |\n")
    return "\n".join(parts)


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
