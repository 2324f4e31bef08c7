"""The trust file (schema mydata/trust/1): the only thing that a verifier believes beforehand; docs/formats.md."""

from dataclasses import dataclass

from chain.canonical import Json, canonical
from chain.cosign import NoteKey, parse_witness_key
from chain.errors import FormatError
from chain.grantmsg import ADDRESS_BYTES, HASH_BYTES, UINT40_MAX
from chain.jose import PublicJwk, parse_jwk
from chain.receipt import PUBLIC_KEY_BYTES, log_id
from chain.strict import Fields, base64url, hex0x, parse_json, refuse

TRUST_SCHEMA = "mydata/trust/1"
TRUST_LIMIT = 256 * 1024
CONTRACTS = ("PartyRegistry", "CertificateAnchors", "Grants", "ReceiptLog")


@dataclass(frozen=True, slots=True)
class TrustedContract:
    """A contract: its address (20 bytes) and the SHA-256 of its runtime code."""

    address: bytes
    code_hash: bytes


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An identity provider: the `iss` of its tokens and the key that signs them.

    `first_seen` (seconds since 1970) is the operator's note of when the key came in; a verifier makes nothing of it.
    """

    issuer: str
    key: PublicJwk
    first_seen: int | None = None

    def to_json(self) -> dict[str, Json]:
        """The entry; the note is left out where there is none."""
        said: dict[str, Json] = {"issuer": self.issuer, "jwk": self.key.to_json()}
        return said if self.first_seen is None else said | {"first_seen": self.first_seen}


@dataclass(frozen=True, slots=True)
class PasskeyParty:
    """Where passkeys belong: the relying party's id (a host name) and the origins whose pages may ask for them."""

    rp_id: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Who co-signs the log's checkpoints, and how many of them are enough; `quorum` is at least 1."""

    keys: tuple[NoteKey, ...]
    quorum: int

    def to_json(self) -> dict[str, Json]:
        """The member."""
        return {"quorum": self.quorum, "keys": [str(key) for key in self.keys]}


@dataclass(frozen=True, slots=True)
class TrustFile:
    """What is believed: one chain, four contracts, who may admit parties, the log's key, who vouches for people.

    `witnesses` is None where the log has none: then no checkpoint needs any.
    """

    chain_id: int
    genesis_hash: bytes
    engine: str
    contracts: dict[str, TrustedContract]
    registry_admins: frozenset[bytes]
    log_public_key: bytes
    identity_providers: tuple[IdentityProvider, ...] = ()
    validators: tuple[str, ...] = ()
    passkeys: tuple[PasskeyParty, ...] = ()
    witnesses: Witnesses | None = None

    def __post_init__(self) -> None:
        """Raise `FormatError` unless there are exactly the four contracts and at least two registry admins."""
        if set(self.contracts) != set(CONTRACTS):
            refuse("missing", "/contracts")
        if len(self.registry_admins) < 2:
            refuse("length", "/registry_admins")

    @property
    def log_id(self) -> str:
        """The id of the log whose key this is."""
        return log_id(self.log_public_key)

    def to_json(self) -> dict[str, Json]:
        """The document; lists in a fixed order."""
        # Left out where there is none: a service without passkeys has the trust file that it always had.
        passkeys: list[Json] = [{"rp_id": one.rp_id, "origins": list(one.origins)} for one in self.passkeys]
        return {
            "schema": TRUST_SCHEMA,
            "chain_id": self.chain_id,
            "genesis_hash": hex0x(self.genesis_hash),
            "engine": self.engine,
            "contracts": {
                name: {"address": hex0x(contract.address), "code_hash": hex0x(contract.code_hash)}
                for name, contract in self.contracts.items()
            },
            "registry_admins": [hex0x(admin) for admin in sorted(self.registry_admins)],
            "log": {"id": self.log_id, "public_key": base64url(self.log_public_key)},
            "identity_providers": [provider.to_json() for provider in self.identity_providers],
            "validators": list(self.validators),
            **({"passkeys": passkeys} if passkeys else {}),
            **({} if self.witnesses is None else {"witnesses": self.witnesses.to_json()}),
        }

    def to_bytes(self) -> bytes:
        """The canonical bytes, whose SHA-256 the operator publishes."""
        return canonical(self.to_json())


def parse_trust_file(data: bytes) -> TrustFile:
    """Read a trust file. Raises `FormatError` with a code and the JSON pointer."""
    top = Fields(parse_json(data, TRUST_LIMIT), "")
    top.schema(TRUST_SCHEMA)
    chain_id = top.integer("chain_id", 1)
    genesis_hash = top.hex("genesis_hash", HASH_BYTES)
    engine = top.text("engine", limit=64)
    contracts_fields = top.fields("contracts")
    contracts = {}
    for name in CONTRACTS:
        fields = contracts_fields.fields(name)
        contracts[name] = TrustedContract(fields.hex("address", ADDRESS_BYTES), fields.hex("code_hash", HASH_BYTES))
        fields.done()
    contracts_fields.done()
    admins = top.hex_array("registry_admins", ADDRESS_BYTES, 64)
    log = top.fields("log")
    claimed_id = log.text("id", limit=64)
    public_key = log.base64url("public_key", PUBLIC_KEY_BYTES)
    log.done()
    providers = tuple(
        _parse_provider(item, f"/identity_providers/{at}")
        for at, item in enumerate(top.array("identity_providers", 64))
    )
    validators = tuple(_parse_text(item, f"/validators/{at}") for at, item in enumerate(top.array("validators", 1024)))
    passkeys = tuple(
        _parse_passkeys(Fields(item, f"/passkeys/{at}")) for at, item in enumerate(top.array_or_absent("passkeys", 16))
    )
    given = top.fields_or_absent("witnesses")
    witnesses = None if given is None else _parse_witnesses(given)
    top.done()
    if len(set(admins)) != len(admins):
        refuse("value", "/registry_admins")
    if claimed_id != log_id(public_key):
        refuse("value", "/log/id")
    return TrustFile(
        chain_id,
        genesis_hash,
        engine,
        contracts,
        frozenset(admins),
        public_key,
        providers,
        validators,
        passkeys,
        witnesses,
    )


def _parse_provider(item: object, pointer: str) -> IdentityProvider:
    fields = Fields(item, pointer)
    provider = IdentityProvider(
        fields.text("issuer", limit=512),
        parse_jwk(fields.take("jwk"), fields.at("jwk")),
        fields.integer_or_absent("first_seen", 0, UINT40_MAX),
    )
    fields.done()
    return provider


def _parse_passkeys(fields: Fields) -> PasskeyParty:
    rp_id = fields.text("rp_id", limit=253)
    origins = tuple(
        _parse_text(item, f"{fields.at('origins')}/{at}") for at, item in enumerate(fields.array("origins", 16))
    )
    fields.done()
    if not origins:
        refuse("length", fields.at("origins"))
    return PasskeyParty(rp_id, origins)


def _parse_witnesses(fields: Fields) -> Witnesses:
    pointer = fields.at("keys")
    texts = [_parse_text(item, f"{pointer}/{at}") for at, item in enumerate(fields.array("keys", 64))]
    if not texts:
        refuse("length", pointer)
    keys = tuple(parse_witness_key(text) for text in texts)
    quorum = fields.integer("quorum", 1, len(keys))
    fields.done()
    # One key under two names would count twice.
    if len({key.public_key for key in keys}) != len(keys):
        refuse("value", pointer)
    return Witnesses(keys, quorum)


def _parse_text(item: object, pointer: str) -> str:
    if not isinstance(item, str):
        raise FormatError(pointer, code="chain.format.type")
    return item
