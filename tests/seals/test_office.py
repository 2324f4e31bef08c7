"""Seals of a real authority come from PKCS#12 files; production has no others."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from api.documents.seals.checking import check
from api.documents.seals.sealing import SealOrder, seal
from api.errors import ApiError
from api.services.seals import office
from api.settings import Environment, Settings
from tests.seals.authority import NOW, Authority, key, page

PARTY = "party_x"
PASSWORD = b"a password of many words"


@pytest.fixture
def real(tmp_path: Path) -> tuple[Any, Authority]:
    """A context with a folder of seals, as an operator sets it up; and the authority that made them."""
    theirs = Authority("theirs")
    folder = tmp_path / "seals"
    for name in ("roots", "lists"):
        (folder / name).mkdir(parents=True)
    (folder / "roots" / "root.cer").write_bytes(theirs.root)
    for number, one in enumerate(theirs.crls()):
        (folder / "lists" / f"{number}.crl").write_bytes(one)
    held = x509.load_der_x509_certificate(theirs.seal_of("某市公安局"))
    above = [x509.load_der_x509_certificate(theirs.above)]
    data = pkcs12.serialize_key_and_certificates(
        b"seal", key("theirs某市公安局"), held, above, BestAvailableEncryption(PASSWORD)
    )
    (folder / f"{PARTY}.p12").write_bytes(data)
    (tmp_path / "password").write_bytes(PASSWORD + b"\n")
    settings = Settings(data_dir=tmp_path, seals_dir=folder, seals_password_file=tmp_path / "password")
    return SimpleNamespace(settings=settings), theirs


def test_a_file_seals_and_its_roots_and_lists_check_it(real: tuple[Any, Authority]) -> None:
    ctx, _ = real
    pdf = seal(page(), office.kit(ctx, PARTY, "某市公安局"), SealOrder("doc1", "签发"))
    trust, moment = office.trust(ctx)
    assert check(pdf, trust, moment).outcome == "valid"


def refused(act: Any) -> str:
    with pytest.raises(ApiError) as caught:
        act()
    return caught.value.code


def test_what_cannot_seal_is_refused(real: tuple[Any, Authority]) -> None:
    ctx, theirs = real
    assert refused(lambda: office.kit(ctx, office.PLATFORM, "")) == "seals.no_seal"
    assert refused(lambda: office.renew(ctx, PARTY, "")) == "seals.not_ours"
    gone = theirs.crls([(theirs.seal_of("某市公安局"), NOW - timedelta(days=1))])
    (ctx.settings.seals_dir / "lists" / "0.crl").write_bytes(gone[0])
    assert refused(lambda: office.kit(ctx, PARTY, "")) == "seals.seal_revoked"
    ctx.settings.seals_password_file.write_bytes(b"another")
    assert refused(lambda: office.kit(ctx, PARTY, "")) == "seals.pkcs12"


def test_production_has_no_demo_authority(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path).model_copy(update={"environment": Environment.PRODUCTION})
    ctx: Any = SimpleNamespace(settings=settings)
    assert refused(lambda: office.kit(ctx, office.PLATFORM, "")) == "seals.not_configured"
    assert refused(lambda: office.trust(ctx)) == "seals.not_configured"
