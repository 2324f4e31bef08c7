"""Steps 4 to 8: certificates, their batches, their issuers."""

from chain.canonical import field_commitment, leaf_bytes
from chain.checks.case import Case, invalid, pending
from chain.errors import ProofError
from chain.merkle import leaf_hash, verify_inclusion
from chain.spelling import spelling_forms
from chain.verdict import Role


def values_open(case: Case) -> None:
    """Step 4. Each disclosed value, or the canonical form of its spelling, opens its commitment in its certificate."""
    for at, certificate in case.certificates:
        for name, shown in certificate.disclosed.items():
            committed = certificate.leaf.fields.get(name)
            if committed is None:
                raise invalid("field_not_committed", certificate=at)
            forms = (shown.value, *spelling_forms(shown.value))
            if all(field_commitment(shown.salt, name, form) != committed for form in forms):
                raise invalid("value_does_not_open", certificate=at)


def leaves_in_roots(case: Case) -> None:
    """Step 5. Each certificate is a leaf of its batch, at the index that the leaf itself names."""
    for at, certificate in case.certificates:
        leaf = leaf_hash(leaf_bytes(certificate.leaf.to_json()))
        try:
            verify_inclusion(leaf, certificate.leaf.index, certificate.size, certificate.proof, certificate.root)
        except ProofError:
            raise invalid("leaf_not_in_root", certificate=at) from None


def roots_anchored(case: Case) -> None:
    """Step 6. Each batch root stands on chain under its issuer, with its size (a proof does not bind the size)."""
    waiting = 0
    for at, certificate in case.certificates:
        anchor = case.view.anchor(certificate.issuer, certificate.root)
        if anchor is None:
            waiting = waiting or at
        elif anchor.size != certificate.size:
            raise invalid("root_other_size", certificate=at)
    if waiting:
        raise pending("root_not_anchored", certificate=waiting)


def issuers_admitted(case: Case) -> None:
    """Step 7. Each issuer was a department's account when it anchored; two trusted administrators admitted it."""
    for at, certificate in case.certificates:
        tenure = case.view.account(certificate.issuer)
        if tenure is None:
            raise invalid("issuer_unknown", certificate=at)
        case.require_admitted(tenure.party_id, Role.DEPARTMENT, "issuer", certificate=at)
        anchor = case.view.anchor(certificate.issuer, certificate.root)
        if anchor is None:
            continue
        if anchor.time_s < tenure.since or (tenure.until is not None and anchor.time_s > tenure.until):
            raise invalid("issuer_not_in_office", certificate=at)


def certificates_stand(case: Case) -> None:
    """Step 8. As of the block asked, no certificate is revoked and no department suspended."""
    waiting = 0
    for at, certificate in case.certificates:
        tenure = case.view.account(certificate.issuer)
        party = None if tenure is None else case.view.party(tenure.party_id)
        if party is not None and party.suspended:
            raise case.revoked("issuer_suspended", certificate=at)
        if case.view.anchor(certificate.issuer, certificate.root) is None:
            waiting = waiting or at
        elif case.view.is_revoked(certificate.issuer, certificate.root, certificate.leaf.index):
            raise case.revoked("certificate_revoked", certificate=at)
    if waiting:
        raise pending("root_not_anchored", certificate=waiting)
