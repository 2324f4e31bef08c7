"""The verifier: pure, told everything by the bundle, the trust file and a view of the chain.

A bundle never supplies its own trust: chain, contracts, code, log key, administrators and identity providers come from
the trust file. The steps, each with the aspect that it settles; the same numbers stand at the code in `chain.checks`:

 1. integrity  The bundle names the trust file's chain and contracts.
 2. integrity  The node stands on that chain: its chain id and its genesis hash.
 3. integrity  The code at the contracts' addresses is the trusted code.
 4. integrity  Each disclosed value, or the canonical form of its spelling, opens its commitment in its certificate.
 5. integrity  Each certificate is a leaf of its batch, at its own index.
 6. integrity  Each batch root stands on chain under its issuer, with its size.
 7. issuer     Each issuer was a department's account when it anchored; two trusted administrators admitted it.
 8. status     As of the block asked, no certificate is revoked and no department suspended.
 9. grant      The grant was signed by its own key and commits to the terms shown.
10. grant      The identity provider's token binds the holder to these terms; for a yes said at a counter, the
               signature of the department there; for an access by statutory duty, that of the authority that asks.
11. grant      The changes shown were signed by the grant's key, in order.
12. grant      The grant stands on chain with its key and times, and a department's signature is by its own account.
13. status     As of the block asked, the grant is in force.
14. integrity  The receipt commits to its details, and the log's key promised to hold it.
15. integrity  The receipt is in the log, at its number, under a checkpoint signed by the log's key.
16. integrity  That checkpoint stands on chain.
17. integrity  The receipt's details agree with the grant, the certificates, the mark and the file.
18. grant      The recipient is the one granted, and nothing is disclosed beyond the grant's items.
19. grant      The recipient signed the request, with a key registered for it at that time.
20. time       Request, approval, signed request and receipt follow one another, within the grant's times.
21. time       The checkpoint was appended to the chain after the receipt was made.
22. integrity  As many of the trust file's witnesses as it asks for co-signed the checkpoint.

A step about something that the bundle does not claim says so (`chain.verify.not_claimed`) and stands as VALID. If steps
1 to 3 fail, the chain is not asked further: its answers would be somebody else's. What was not on chain at the block
asked is PENDING, what could not be asked is UNKNOWN, as is what too few witnesses saw; neither is ever taken for
INVALID.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chain.binding import Binding
from chain.bundle import Bundle
from chain.checks import certificates, chains, grants, receipts
from chain.checks.case import NO_FACTS, Case, StepOutcome
from chain.errors import NodeError
from chain.trustfile import TrustFile
from chain.verdict import Aspect, ChainView, Finding, State, Verdict


@dataclass(frozen=True, slots=True)
class Step:
    """A step: what it settles, whether it asks the chain, and the check, which raises unless all is well."""

    number: int
    aspect: Aspect
    asks_chain: bool
    check: Callable[[Case], None]


STEPS = (
    Step(1, Aspect.INTEGRITY, False, chains.names_trusted_chain),
    Step(2, Aspect.INTEGRITY, True, chains.node_on_chain),
    Step(3, Aspect.INTEGRITY, True, chains.trusted_code),
    Step(4, Aspect.INTEGRITY, False, certificates.values_open),
    Step(5, Aspect.INTEGRITY, False, certificates.leaves_in_roots),
    Step(6, Aspect.INTEGRITY, True, certificates.roots_anchored),
    Step(7, Aspect.ISSUER, True, certificates.issuers_admitted),
    Step(8, Aspect.STATUS, True, certificates.certificates_stand),
    Step(9, Aspect.GRANT, False, grants.grant_signed),
    Step(10, Aspect.GRANT, False, grants.holder_bound),
    Step(11, Aspect.GRANT, False, grants.changes_signed),
    Step(12, Aspect.GRANT, True, grants.grant_on_chain),
    Step(13, Aspect.STATUS, True, grants.grant_in_force),
    Step(14, Aspect.INTEGRITY, False, receipts.receipt_promised),
    Step(15, Aspect.INTEGRITY, False, receipts.receipt_logged),
    Step(16, Aspect.INTEGRITY, True, receipts.checkpoint_on_chain),
    Step(17, Aspect.INTEGRITY, False, receipts.details_agree),
    Step(18, Aspect.GRANT, False, grants.within_grant),
    Step(19, Aspect.GRANT, True, grants.request_signed),
    Step(20, Aspect.TIME, False, receipts.times_ordered),
    Step(21, Aspect.TIME, True, receipts.checkpoint_after_receipt),
    Step(22, Aspect.INTEGRITY, False, receipts.checkpoint_witnessed),
)

_IDENTITY_STEPS = 3


def verify(bundle: Bundle, trust: TrustFile, view: ChainView, *, now_s: int, file: bytes | None = None) -> Verdict:
    """Judge a bundle; see the module's docstring.

    `now_s` is the verifier's clock (seconds since 1970), `file` the copy that the bundle is said to be about. Raises
    nothing for what a bundle or a chain may hold: every finding has a code.
    """
    case = Case(bundle, trust, view, now_s, file)
    findings: list[Finding] = []
    barred: Finding | None = None
    for step in STEPS:
        finding = _barred(step, barred) if barred is not None and step.asks_chain else _run(step, case)
        findings.append(finding)
        silent = finding.state is State.UNKNOWN
        if barred is None and (silent or (step.number <= _IDENTITY_STEPS and finding.state is not State.VALID)):
            barred = finding
    _note_custody(case)
    return Verdict(tuple(findings), tuple(case.notes), case.block)


def _run(step: Step, case: Case) -> Finding:
    try:
        step.check(case)
    except StepOutcome as outcome:
        return Finding(step.number, step.aspect, outcome.state, outcome.code, outcome.facts)
    except NodeError as error:
        facts = {"reason": error.reason.value}
        return Finding(step.number, step.aspect, State.UNKNOWN, "chain.verify.node_silent", facts)
    return Finding(step.number, step.aspect, State.VALID, "chain.verify.ok", NO_FACTS)


def _barred(step: Step, cause: Finding) -> Finding:
    """A chain that is not the trusted one is not asked, nor a node once more that has just failed to answer."""
    code = "chain.verify.node_silent" if cause.state is State.UNKNOWN else "chain.verify.chain_not_trusted"
    return Finding(step.number, step.aspect, cause.state, code, {"because": cause.step})


def _note_custody(case: Case) -> None:
    """Who holds which key, which a reader must know to weigh the rest."""
    grant = case.bundle.grant
    levels = {certificate.custody.value for certificate in case.bundle.certificates}
    witness = None if grant is None or not isinstance(grant.binding, Binding) else grant.binding.custody
    for custody in sorted(levels if witness is None else levels | {witness}):
        case.note(f"department_{custody}")
    if grant is not None:
        case.note(f"grant_{grant.terms.custody}")
    if witness is not None:
        case.note("said_at_counter")
