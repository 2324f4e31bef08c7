"""Codes into words: every state with its icon and tone, every technical name; messages are marked for the catalogue."""

from collections.abc import Mapping

from api.locale import N_, Lang

# Why recording is delayed, in a few words; the whole sentence stands under the same code in the catalogue of texts.
DELAYS: Mapping[str, str] = {
    "anchoring.unreachable": N_("cannot be reached for now"),
    "anchoring.standing": N_("takes no entries for now"),
    "anchoring.halted": N_("stopped while it is looked into"),
    "anchoring.refused": N_("this entry was not taken and is sent again"),
    "anchoring.slow": N_("takes longer than usual"),
}

AUTHORS: Mapping[str, str] = {
    "regulator": N_("Regulator"),
    "department": N_("Department"),
    "operator": N_("Operator"),
    "holder": N_("The person concerned"),
    "platform": N_("By itself"),
    "chain": N_("As publicly recorded"),
}

SEAL_STEPS: Mapping[str, str] = {
    "READ": N_("The file can be read"),
    "SEALED": N_("It bears a seal"),
    "COVERED": N_("The seals cover all of it"),
    "INTACT": N_("Its contents are what was sealed"),
    "CLEAN": N_("Nothing else stands beside the signatures"),
    "KNOWN": N_("The seals are of a known authority"),
    "TIMED": N_("Timestamps are in order"),
    "IN_TIME": N_("The seals were in force"),
    "CURRENT": N_("Today's revocation lists are at hand"),
    "NOT_REVOKED": N_("No seal had been revoked"),
    "SAME_FILE": N_("It is the very file that was issued"),
}

INVALID_REASONS: Mapping[str, str] = {
    "court": N_("by order of a court"),
    "regulator": N_("by order of the regulator"),
    "guardianship_ended": N_("the guardianship has ended"),
    "mandate_ended": N_("the representative's authority has ended"),
    "purpose_withdrawn": N_("the purpose was withdrawn"),
    "holder_erased": N_("the person's data were erased"),
}

PROOF_FACTS: Mapping[str, str] = {
    "fingerprint": N_("Fingerprint of the certificate"),
    "root": N_("Fingerprint of the batch"),
    "place": N_("Place in the batch"),
    "issuer": N_("Issuer's registered address"),
    "grant": N_("Number of the consent"),
    "key": N_("Key used for this consent only"),
    "receipt": N_("Receipt number"),
    "leaf": N_("Fingerprint of the receipt"),
    "promise": N_("Signed promise of the log"),
    "checkpoint": N_("Size of the log when recorded"),
    "record": N_("Where it is recorded"),
    "copy": N_("Number of the copy"),
    "file": N_("Fingerprint of the file"),
    "log": N_("Log"),
    "batches": N_("Batches"),
}

CUSTODY: Mapping[str, str] = {
    "demo": N_("Sealed by this service for the department (demonstration)"),
    "signer": N_("Sealed by the department's own signer"),
    "agent": N_("Computed and sealed by the department itself"),
    "custody": N_("Authorised by you, signed on your behalf"),
    "own_key": N_("Signed with your own key"),
    "authority": N_("Looked up by statutory duty: nobody's consent was asked"),
}

# The same for those who are not the person concerned.
CUSTODY_OF_OTHERS: Mapping[str, str] = {
    "custody": N_("Authorised by the person, signed on the person's behalf"),
    "own_key": N_("Signed with the person's own key"),
    "authority": N_("Looked up by statutory duty: nobody's consent was asked"),
}

COPY_ACTORS: Mapping[str, str] = {
    "worker": N_("By date or because the consent ended"),
    "machine": N_("Signed by the recipient's system"),
    "staff": N_("Confirmed by the recipient's staff"),
    "delivery": N_("Delivered again"),
}

NOTICE_KINDS: Mapping[str, str] = {
    "granted": N_("Consent given"),
    "paused": N_("Consent paused"),
    "resumed": N_("Consent resumed"),
    "revoked": N_("Consent taken back"),
    "ended": N_("Consent ended otherwise"),
    "corrected": N_("Data corrected"),
    "deletion_due": N_("Copy to be destroyed"),
}

FORMATS: Mapping[str, str] = {
    "application/json": "JSON",
    "text/csv": "CSV",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
    "application/pdf": "PDF",
}

FORMAT_HINTS: Mapping[str, str] = {
    "application/json": N_("for systems"),
    "text/csv": N_("for programs that read tables"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": N_("for spreadsheets"),
    "application/pdf": N_("for people, with a visible line"),
}

ROLES: Mapping[str, str] = {
    "citizen": N_("Residents and enterprises"),
    "department": N_("Departments"),
    "entity": N_("Insurers, employers, banks and others"),
    "regulator": N_("Regulators"),
    "operator": N_("System administrator"),
    "security": N_("Security officer"),
    "auditor": N_("Auditor"),
}

PARTS: Mapping[str, str] = {
    "database": N_("Database"),
    "log_writer": N_("Log writer"),
    "outbox": N_("Tasks for the worker"),
    "receipts": N_("Receipts"),
    "chain": N_("Proof network"),
    "worker": N_("Worker"),
    "disk": N_("Disk"),
    "clock": N_("Clock"),
    "signer": N_("Signing key"),
    "sign_in": N_("Identity provider"),
    "mail": N_("Mail server"),
    "timestamps": N_("Timestamp authority"),
    "witnesses": N_("Witnesses of the log"),
}

KEY_KINDS: Mapping[str, str] = {
    "platform_seal": N_("Seal of the platform"),
    "department_seal": N_("Seal of a department"),
    "seal_authority": N_("Certificate of a seal authority"),
    "revocation_list": N_("Revocation list"),
}

KEY_OWNERS: Mapping[str, str] = {
    "platform": N_("This platform"),
    "root": N_("Demo authority, root"),
    "issuing": N_("Demo authority, issuing"),
    "timestamp": N_("Demo authority, timestamps"),
}

# What a part counts of itself (api/services/status.py).
PART_COUNTS: Mapping[str, str] = {
    "waiting": N_("%(num)s waiting"),
    "stuck": N_("%(num)s tried in vain for minutes"),
    "log": N_("%(num)s entries"),
    "anchored": N_("%(num)s of them recorded"),
    "prepared": N_("%(num)s without a number yet"),
}

QUEUES: Mapping[str, str] = {
    "outbox": N_("Entries on their way to the proof network"),
    "returns": N_("Returned files being worked on"),
    "deletions": N_("Copies to be deleted"),
    "receipts": N_("Receipts waiting for a number"),
    "webhooks": N_("Messages to organisations' systems"),
    "notices": N_("Reminders to be sent"),
    "alarms": N_("Alarms that are not closed"),
}

WATCHES: Mapping[str, str] = {
    "burst": N_("%(seen)s pulls within a few minutes; %(limit)s are unusual."),
    "hours": N_("%(seen)s pulls in one night; %(limit)s are unusual."),
    "drift": N_("%(seen)s requests in a day under a purpose never used before; %(limit)s are unusual: %(subject)s."),
    "enumeration": N_("%(seen)s requests in a day to numbers that nobody has; %(limit)s are unusual."),
    "case": N_("%(seen)s people asked under one and the same case number; %(limit)s are unusual."),
    "case_unknown": N_("A case number that is not in the organisation's register, used %(seen)s times."),
    "case_closed": N_("The number of a case that was closed before, used %(seen)s times."),
}

CLOSE_REASONS: Mapping[str, str] = {
    "explained": N_("The organisation explained it"),
    "harmless": N_("It was harmless"),
    "measures": N_("Measures were taken"),
}

ALARMS: Mapping[str, str] = {
    "neighbouring": N_("%(seen)s neighbouring numbers within an hour; from %(limit)s on somebody counts up."),
    "distinct": N_("%(seen)s different numbers within ten minutes; from %(limit)s on no officer types as fast."),
    "absent": N_("%(seen)s queries in a day that found nothing; %(limit)s are one too many."),
    "case": N_("%(seen)s case numbers in a day that are not in the register, or closed; %(limit)s are too many."),
    "hours": N_("%(seen)s times at night, when nobody should be at a desk."),
    "quota": N_("A quota was reached: query %(seen)s of at most %(limit)s."),
}

FILE_FORMS: Mapping[str, str] = {"csv": N_("CSV file"), "xlsx": N_("Excel workbook"), "json": N_("JSON file")}

# Why a column is taken for a field.
COLUMN_BASES: Mapping[str, str] = {
    "remembered": N_("As you said last time"),
    "name": N_("By its name"),
    "synonym": N_("By another name for it"),
    "similar": N_("By a similar name (%(percent)s %%)"),
    "values": N_("By its values (%(percent)s %%)"),
    "none": N_("Not recognised"),
}

COLUMN_RULES: Mapping[str, str] = {
    "text": N_("Text"),
    "name": N_("Name of a person"),
    "organisation": N_("Name of an organisation"),
    "address": N_("Address"),
    "serial": N_("Number or code"),
    "date": N_("Date, such as 2026-11-22"),
    "id_number": N_("Resident identity number"),
    "uscc": N_("Unified social credit code"),
    "enum": N_("One of: %(choices)s"),
    "amount": N_("Amount"),
    "integer": N_("Whole number"),
}

ASPECTS: Mapping[str, str] = {
    "integrity": N_("Nothing was changed"),
    "issuer": N_("The issuer is admitted"),
    "grant": N_("The holder agreed"),
    "status": N_("Not withdrawn since"),
    "time": N_("Recorded in time"),
}

RELATIONS: Mapping[str, str] = {
    "self": N_("the person concerned"),
    "legal_representative": N_("legal representative"),
    "agent": N_("agent"),
    "guardian": N_("guardian"),
    "counter": N_("service window"),
}

ACTIONS: Mapping[str, str] = {
    "look": N_("See certificates, requests and footprints"),
    "decide": N_("Answer requests"),
    "end": N_("Take consents back"),
    "export": N_("Download originals and proof files"),
    "appoint": N_("Appoint agents"),
}

END_REASONS: Mapping[str, str] = {
    "declined": N_("not accepted"),
    "withdrawn": N_("ended by the person represented"),
    "resigned": N_("given back by the representative"),
    "replaced": N_("another representative was registered"),
    "register": N_("no longer in the register"),
    "court": N_("taken away by a court"),
    "mistake": N_("registered by mistake"),
    "time": N_("its last day has passed"),
    "majority": N_("the child has turned 18"),
    "erased": N_("one of the two had all data erased"),
}

PAPERS: Mapping[str, str] = {
    "enterprise_register": N_("Enterprise register"),
    "household_register": N_("Household register"),
    "birth_certificate": N_("Birth certificate"),
    "court_ruling": N_("Court ruling"),
    "designation": N_("Designation of a guardian"),
}

BASES: Mapping[str, str] = {
    "consent": N_("by your consent"),
    "statutory": N_("by a duty in law, without consent"),
    "mandate": N_("somebody who may act for you"),
    "counter": N_("at a service window, in your presence"),
    "supervision": N_("supervision by a regulator"),
    "dispute": N_("to answer your objection"),
    "own": N_("by yourself"),
}

GROUPS: Mapping[str, str] = {
    "all": N_("All"),
    "delivered": N_("Data taken"),
    "refused": N_("Refused only"),
    "official": N_("Looks by officials and representatives"),
    "own": N_("My own downloads"),
    "changes": N_("Changes"),
}

FREQUENCIES: Mapping[str, str] = {
    "on_change": N_("with every change"),
    "daily": N_("every day"),
    "monthly": N_("every month"),
}

WANTED: Mapping[str, str] = {
    "once": N_("once, or case by case"),
    "monthly": N_("every month"),
    "daily": N_("every day"),
    "on_change": N_("with every change"),
}

ASK_ROUTES: Mapping[str, str] = {
    "open": N_("It is shared without condition: the desk below provides it on the number of this ask."),
    "consent": N_("It is had by consent: ask each person or enterprise under the registered purpose."),
    "duty": N_("It is had by duty in law: query it case by case, with the case number."),
}

ASK_MOVERS: Mapping[str, str] = {
    "asker": N_("Whoever asked"),
    "department": N_("The department"),
    "regulator": N_("The regulator"),
    "platform": N_("The service"),
}

# What comes next, for whoever asked.
ASK_NEXT: Mapping[str, str] = {
    "matched": N_("The catalogue offers what you need; nobody has to decide anything."),
    "waiting": N_("%(who)s answers by %(day)s. If it does not, the regulator takes it up; you need do nothing."),
    "desk": N_("The catalogue does not offer it. The regulator's desk names a department or answers by %(day)s."),
    "overdue": N_("Nobody answered in time. The regulator decides by %(day)s; a late answer is still possible."),
    "ordered": N_("The regulator ordered %(who)s to provide it by %(day)s."),
    "agreed": N_("It is provided, as the answer says."),
    "refused": N_("It is not provided; the reason, or the law that the catalogue names, stands below."),
    "withdrawn": N_("You took it back. You may ask again."),
}

# The same for whoever answers and for regulators.
ASK_NEXT_OF_OTHERS: Mapping[str, str] = {
    "matched": N_("Matched by the catalogue at once; nobody has to decide anything."),
    "waiting": N_("%(who)s has it, to be answered by %(day)s; afterwards the regulator has it."),
    "desk": N_("Nobody offers it: to be given to a department, or answered, by %(day)s."),
    "overdue": N_("The date has passed; the regulator decides by %(day)s. A late answer is still possible."),
    "ordered": N_("The regulator ordered %(who)s to provide it by %(day)s. It cannot be refused any more."),
    "agreed": N_("Answered: it is provided."),
    "refused": N_("Answered: it is not provided."),
    "withdrawn": N_("Whoever asked took it back."),
}

DISPUTE_SUBJECTS: Mapping[str, str] = {
    "certificate": N_("A certificate"),
    "field": N_("A field of a certificate"),
    "line": N_("A look at your data"),
}

DISPUTE_ACTORS: Mapping[str, str] = {
    "holder": N_("The person concerned"),
    "party": N_("Whoever must answer"),
    "regulator": N_("The regulator"),
    "platform": N_("The service"),
}

# What comes next, in plain words for the person concerned.
DISPUTE_NEXT: Mapping[str, str] = {
    "opened": N_("%(who)s answers by %(day)s. If it does not, the regulator takes it up; you need do nothing."),
    "overdue": N_("%(who)s did not answer in time. The regulator decides by %(day)s; a late answer is still possible."),
    "correcting": N_("A corrected version is on its way. You will see it among your certificates."),
    "corrected": N_("The corrected version stands. Whoever holds the old value is told until it confirms."),
    "upheld": N_("%(who)s agrees with you; nothing on a certificate had to be changed."),
    "refused": N_("%(who)s has refused, with the reason below."),
    "contested": N_("The regulator decides by %(day)s."),
    "ordered": N_("The regulator decided for you. %(who)s must act by %(day)s."),
    "dismissed": N_(
        "The regulator dismissed it, with the reason below. That is the end here; the courts stay open to you."
    ),
    "withdrawn": N_("You took it back. You may object again."),
}

# The same for whoever must answer and for regulators.
DISPUTE_NEXT_OF_OTHERS: Mapping[str, str] = {
    "opened": N_("To be answered by %(day)s; afterwards the regulator has it."),
    "overdue": N_("The date has passed; the regulator decides by %(day)s. A late answer is still possible."),
    "correcting": N_("The corrected version is being sealed."),
    "corrected": N_("Corrected; whoever holds the old value is told until it confirms."),
    "upheld": N_("Answered. The person may ask the regulator once."),
    "refused": N_("Answered. The person may ask the regulator once."),
    "contested": N_("The regulator decides by %(day)s."),
    "ordered": N_("The regulator decided for the person; to be carried out by %(day)s."),
    "dismissed": N_("The regulator dismissed it."),
    "withdrawn": N_("The person took it back."),
}

CASE_ACTORS: Mapping[str, str] = {
    "holder": N_("The person concerned"),
    "regulator": N_("The regulator"),
    "platform": N_("The service"),
}

TOPICS: Mapping[str, str] = {
    "request": N_("Somebody asks for data"),
    "granted": N_("A consent was given"),
    "expiring": N_("A consent ends within seven days"),
    "ended": N_("A consent ended"),
    "corrected": N_("A certificate was replaced by a newer one"),
    "looked": N_("Somebody looked"),
    "case": N_("How a case stands"),
    "overdue": N_("A copy was not destroyed in time"),
    "mandate": N_("Somebody asks you to act for them"),
    "dispute": N_("How an objection stands"),
    "ask": N_("How an ask for data stands"),
    "alarm": N_("Something unusual was seen"),
}

NOTICES: Mapping[str, str] = {
    "request": N_("%(who)s asks for some of your data. Nothing is given until you agree."),
    "request_child": N_("%(who)s asks for data of a child whose guardian you are. Act for the child to answer."),
    "granted": N_("A consent for %(who)s was given."),
    "expiring": N_("The consent for %(who)s ends on %(day)s."),
    "ended": N_("The consent for %(who)s has ended."),
    "corrected": N_("Data that %(who)s holds were replaced by newer ones."),
    "corrected_own": N_("Your certificate was replaced by a newer one: %(what)s."),
    "looked": N_("%(day)s: somebody looked at your data or was refused, %(count)s times in all."),
    "case": N_("Case %(number)s: %(state)s."),
    "overdue": N_("%(who)s did not say in time that a copy was destroyed."),
    "mandate": N_("Somebody asks you to act for them."),
    "dispute": N_("Objection %(number)s: %(state)s."),
    "ask": N_("Ask for data %(number)s: %(state)s."),
    "alarm": N_("Something unusual was seen in the use of data by %(who)s. It waits to be looked into."),
    "corrected_to_confirm": N_(
        "%(what)s: a value that you hold was wrong and was corrected. Put it right and confirm it."
    ),
    "corrected_done": N_("%(what)s: everybody who held the wrong value has confirmed the right one."),
    "overdue_correction": N_("%(who)s did not confirm a correction in time."),
}

MODES: Mapping[str, str] = {
    "quiet": N_("in the list only"),
    "portal": N_("with the bell"),
    "digest": N_("a reminder once a day"),
    "once": N_("a reminder at once"),
}

_GROUPS_ZH = ("", "万", "亿", "万亿")
_STEPS_ZH = ("", "十", "百", "千")


def odds_in_words(log10_bound: float, lang: Lang) -> str:
    """A probability bound 10**log10_bound as people say it: 十亿分之一, one in 1,000,000,000.

    Rounded towards the weaker claim; a bound that is not below one half is no claim and gives "".
    """
    exponent = int(-log10_bound + 1e-9)
    if exponent < 1:
        return ""
    if exponent > 15:
        return "10" + _superscript(-exponent)
    if lang == "en":
        return f"one in {10**exponent:,}"
    group, step = divmod(exponent, 4)
    return f"{_STEPS_ZH[step] or ('一' if group else '')}{_GROUPS_ZH[group]}分之一"


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def power_of_ten(log10: float) -> str:
    """Evidence as a figure, 10^x with one decimal kept in words of the exponent: 12.34 -> 10¹²·³."""
    return "10" + _superscript(round(log10)) if abs(log10) < 1000 else "10^∞"
