"""Seals whose keys are in a token: SoftHSM, asked through PKCS#11, with keys that were drawn in it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, load_der_public_key, pkcs12

from api.documents.seals import token
from api.documents.seals.authority import Duty, issue
from api.documents.seals.checking import check
from api.documents.seals.sealing import SealOrder, seal
from api.errors import ApiError
from api.services.seals import office
from api.settings import Settings
from tests.seals.authority import MADE, URL, Authority, key, page

MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
MODULE = next((name for name in MODULES if Path(name).exists()), "")
TOOL = shutil.which("softhsm2-util") or ""
PIN, ORGAN, PARTY, LABEL, KEY = "2468-13579", "某市公安局", "party_x", "mydata seals", "public-security"

pytestmark = pytest.mark.skipif(not (MODULE and TOOL), reason="SoftHSM is not installed (package softhsm2)")


def tool(*arguments: str) -> None:
    subprocess.run([TOOL, *arguments], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """SoftHSM with a folder of tokens of its own. It reads its settings once in a process, so this is the module's."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        yield folder / "tokens"


def draw_key(label: str, kind: str = "ec", name: str = KEY) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    """A key drawn in the token, and only its public half outside."""
    import pkcs11
    from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
    from pkcs11.util.rsa import encode_rsa_public_key

    library = pkcs11.lib(MODULE)
    library.reinitialize()
    with library.get_token(token_label=label).open(rw=True, user_pin=PIN) as session:
        if kind == "ec":
            form = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
            domain = session.create_domain_parameters(pkcs11.KeyType.EC, form, local=True)
            public, private = domain.generate_keypair(store=True, label=name)
            der = encode_ec_public_key(public)
        else:
            public, private = session.generate_keypair(pkcs11.KeyType.RSA, 2048, store=True, label=name)
            der = encode_rsa_public_key(public)
        with pytest.raises(pkcs11.PKCS11Error):
            private[pkcs11.Attribute.VALUE if kind == "ec" else pkcs11.Attribute.PRIVATE_EXPONENT]
    if kind == "ec":
        read = load_der_public_key(der)
    else:
        from asn1crypto import keys

        numbers = keys.RSAPublicKey.load(der)
        read = rsa.RSAPublicNumbers(numbers["public_exponent"].native, numbers["modulus"].native).public_key()
    assert isinstance(read, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
    return read


class Sealing:
    """A folder of seals with one in a token, and the authority that certified it."""

    def __init__(self, folder: Path, label: str, kind: str = "ec") -> None:
        self.theirs, self.folder, self.label = Authority("theirs"), folder / "seals", label
        for name in ("roots", "lists"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "roots" / "root.cer").write_bytes(self.theirs.root)
        for number, one in enumerate(self.theirs.crls()):
            (self.folder / "lists" / f"{number}.crl").write_bytes(one)
        tool("--init-token", "--free", "--label", label, "--so-pin", "87654321", "--pin", PIN)
        self.certify(draw_key(label, kind))
        self.pin(PIN)
        self.name(MODULE, label, KEY)
        settings = Settings(data_dir=folder, seals_dir=self.folder)
        self.ctx: Any = SimpleNamespace(settings=settings)

    def certify(self, public: Any) -> None:
        theirs = self.theirs
        own = issue(Duty.SEAL, ORGAN, f"{ORGAN} 印章", public, theirs.above, theirs.key, MADE, crl_url=URL)
        both = [x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM) for one in (own, theirs.above)]
        (self.folder / "seal.pem").write_bytes(b"".join(both))

    def pin(self, pin: str, mode: int = 0o600) -> None:
        file = self.folder / "seal.pin"
        file.write_text(f"{pin}\n")
        file.chmod(mode)

    def name(self, module: str, label: str, key: str, more: str = "") -> None:
        text = (
            f'module = "{module}"\ntoken = "{label}"\nkey = "{key}"\ncertificate = "seal.pem"\npin_file = "seal.pin"\n'
        )
        (self.folder / f"{PARTY}.pkcs11.toml").write_text(text + more)

    def seal(self, number: str = "doc1") -> bytes:
        return seal(page(), office.kit(self.ctx, PARTY, ORGAN), SealOrder(number, "签发"))

    def outcome(self, pdf: bytes) -> str:
        trust, moment = office.trust(self.ctx)
        return check(pdf, trust, moment).outcome

    def refusal(self) -> str:
        with pytest.raises(ApiError) as caught:
            self.seal()
        return caught.value.code


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_key_in_a_token_seals(tokens: Path, tmp_path: Path, kind: str) -> None:
    ours = Sealing(tmp_path, f"{LABEL} {kind}", kind)
    assert ours.outcome(ours.seal()) == "valid"
    flipped = bytearray(ours.seal())
    flipped[flipped.index(b"endobj") - 8] ^= 1
    assert ours.outcome(bytes(flipped)) == "invalid"
    shown = office.own_seal(ours.ctx, PARTY, ORGAN)
    assert (shown.demo, len(shown.serial) > 8) == (False, True)


def test_a_file_and_a_token_seal_together(tokens: Path, tmp_path: Path) -> None:
    """Joint sealing does not ask where a key is: PKCS#12 first, then the token, as two departments would."""
    ours = Sealing(tmp_path, f"{LABEL} two")
    held = x509.load_der_x509_certificate(ours.theirs.seal_of("某市民政局"))
    above = [x509.load_der_x509_certificate(ours.theirs.above)]
    own = key("theirs某市民政局")
    data = pkcs12.serialize_key_and_certificates(b"seal", own, held, above, BestAvailableEncryption(b"words"))
    (ours.folder / "party_y.p12").write_bytes(data)
    (tmp_path / "password").write_bytes(b"words")
    ours.ctx.settings = ours.ctx.settings.model_copy(update={"seals_password_file": tmp_path / "password"})
    first = seal(page(), office.kit(ours.ctx, "party_y", ""), SealOrder("doc1", "签发", more=True))
    both = seal(first, office.kit(ours.ctx, PARTY, ORGAN), SealOrder("doc1", "签发", position=2))
    trust, moment = office.trust(ours.ctx)
    verdict = check(both, trust, moment)
    assert verdict.outcome == "valid", verdict
    assert [one.position for one in verdict.seals] == [1, 2]


def test_many_at_once_and_a_child_of_a_fork(tokens: Path, tmp_path: Path) -> None:
    """One module, one login: threads take turns, and a child begins the module anew."""
    ours = Sealing(tmp_path, f"{LABEL} many")
    with ThreadPoolExecutor(6) as pool:
        assert {ours.outcome(pdf) for pdf in pool.map(ours.seal, [f"doc{n}" for n in range(18)])} == {"valid"}
    child = os.fork()
    if child == 0:
        good = False
        try:
            good = ours.outcome(ours.seal()) == "valid"
        finally:
            os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ours.outcome(ours.seal()) == "valid", "the parent's session is its own"


def test_a_token_that_is_away_and_comes_back(tokens: Path, tmp_path: Path) -> None:
    ours = Sealing(tmp_path, f"{LABEL} away")
    assert ours.outcome(ours.seal()) == "valid"
    ours.name(MODULE, f"{LABEL} nobody's", KEY)
    assert ours.refusal() == "seals.token_away"
    tool("--init-token", "--free", "--label", f"{LABEL} nobody's", "--so-pin", "87654321", "--pin", PIN)
    assert ours.refusal() == "seals.token_key", "it is there now, but holds no key"
    held = {name: name.read_bytes() for name in tokens.rglob("*") if name.is_file()}
    ours.name(MODULE, f"{LABEL} away", KEY)
    for name in held:
        name.unlink()
    try:
        assert ours.refusal() in {"seals.token_away", "seals.token_key"}
        assert ours.refusal() == "seals.token_away"
    finally:
        for name, data in held.items():
            name.parent.mkdir(exist_ok=True)
            name.write_bytes(data)
    assert ours.outcome(ours.seal()) == "valid", "put back, it seals again without a restart"


def test_a_wrong_pin_is_tried_once(tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Sealing(tmp_path, f"{LABEL} pin")
    ours.pin("0000")
    assert ours.refusal() == "seals.token_pin"
    with monkeypatch.context() as patch:
        patch.setattr(token, "_library", lambda path: pytest.fail(f"asked {path} again"))
        assert {ours.refusal() for _ in range(9)} == {"seals.token_pin"}
    ours.pin(PIN)
    assert ours.outcome(ours.seal()) == "valid"
    ours.pin(PIN, 0o640)
    assert ours.refusal() == "seals.token_pin_open"


def test_what_is_not_in_order(tokens: Path, tmp_path: Path) -> None:
    ours = Sealing(tmp_path, f"{LABEL} order")
    ours.name("/nowhere/lib.so", ours.label, KEY)
    assert ours.refusal() == "seals.token_module"
    ours.name(MODULE, ours.label, "another key")
    assert ours.refusal() == "seals.token_key"
    ours.name(MODULE, ours.label, KEY, 'pin = "1234"\n')
    assert ours.refusal() == "seals.token_file", "a PIN in the file itself is refused"
    ours.name(MODULE, ours.label, KEY)
    (ours.folder / f"{PARTY}.p12").write_bytes(b"")
    assert ours.refusal() == "seals.token_file", "two keys for one seal"
    (ours.folder / f"{PARTY}.p12").unlink()
    ours.certify(draw_key(ours.label, name="other"))
    assert ours.refusal() == "seals.token_key", "the certificate is of another key"
    ours.certify(ec.generate_private_key(ec.SECP384R1()).public_key())
    assert ours.refusal() == "seals.token_file"
