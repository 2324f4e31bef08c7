"""What an office says of a grant given at its counter: part of steps 10 and 12.

Whoever stands at a counter without a phone shows presence to an officer and to nobody else. So the department's account
signs the terms as the witness. That is the office's word: it binds the department, and proves nothing beyond it.
"""

from chain.binding import BY_COUNTER, Binding
from chain.bundle import GrantEvidence
from chain.checks.case import CLOCK_TOLERANCE_S, Case, invalid, party_id
from chain.errors import FormatError, SignatureError
from chain.grantmsg import SIGNATURE_BYTES, binding_commitment, counter_digest, recover
from chain.strict import hex_bytes
from chain.verdict import Role


def at_counter(grant: GrantEvidence) -> bool:
    """Whether the terms, or what binds them, speak of a counter: then both must."""
    binding = grant.binding
    return grant.terms.relation == BY_COUNTER or (binding is not None and binding.kind == BY_COUNTER)


def witness_account(grant: GrantEvidence) -> bytes:
    """The account (20 bytes) that signed the terms as witness; ends the step where none did."""
    binding = _binding(grant)
    if binding_commitment(binding.salt, binding.token) != grant.message.binding:
        raise invalid("binding_does_not_open")
    try:
        signature = hex_bytes(binding.token, SIGNATURE_BYTES, "/grant/binding/token")
        return recover(counter_digest(grant.message.terms), signature)
    except (FormatError, SignatureError):
        raise invalid("counter_not_signed") from None


def office_of_witness(case: Case, grant: GrantEvidence) -> None:
    """Whether the account was then that of the department named, and this one admitted."""
    tenure, office = case.view.account(witness_account(grant)), _binding(grant).office
    party = party_id(office or "")
    if tenure is None or tenure.party_id != party:
        raise invalid("counter_other_account")
    case.require_admitted(party, Role.DEPARTMENT, "counter")
    at = grant.terms.approved_at
    late = tenure.until is not None and at > tenure.until + CLOCK_TOLERANCE_S
    if late or at < tenure.since - CLOCK_TOLERANCE_S:
        raise invalid("counter_not_in_office")


def _binding(grant: GrantEvidence) -> Binding:
    binding = grant.binding
    if not isinstance(binding, Binding) or binding.kind != BY_COUNTER or grant.terms.relation != BY_COUNTER:
        raise invalid("binding_of_another_kind")
    return binding
