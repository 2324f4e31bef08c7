"""Settings: one frozen object, read from the environment (prefix MYDATA_) by composition roots only."""

from enum import StrEnum
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chain.cosign import NoteKey, parse_witness_key
from chain.errors import FormatError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Environment(StrEnum):
    """Where the process runs. Production refuses every development value."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """All that an operator may set. Durations carry their unit in the name."""

    model_config = SettingsConfigDict(env_prefix="MYDATA_", frozen=True, extra="forbid")

    environment: Environment = Environment.DEVELOPMENT
    data_dir: Path = Field(default_factory=lambda: Path("data").absolute())
    database_url: str = ""
    rpc_url: str = "http://127.0.0.1:8545"
    engine: str = "embedded"
    # None: what the engine needs (chain/confirmations.py).
    confirmations: int | None = Field(default=None, ge=0)
    relay_accounts: int = Field(default=1, ge=1, le=16)
    relay_window: int = Field(default=256, ge=1, le=4096)
    # The most that is paid for gas, in wei; 0 on networks without fees.
    gas_price_limit_wei: int = Field(default=0, ge=0, le=2**62)
    # A test's: the process kills itself at this named point (chain/points.py).
    crash_point: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    public_url: str = ""
    identity_provider: Literal["development", "oidc"] = "development"
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    # The secret stands in a file that only the service's user may read, or in the environment; without one the client
    # is a public one, which PKCE alone protects.
    oidc_client_secret_file: Path | None = None
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_scope: str = "openid profile"
    oidc_algorithms: tuple[str, ...] = ("ES256", "EdDSA", "RS256", "PS256")
    oidc_claim_number: str = "id_number"
    oidc_claim_kind: str = "holder_kind"
    oidc_claim_name: str = "name"
    oidc_claim_role: str = "role"
    oidc_claim_party: str = "party"
    oidc_claim_staff: str = "staff_number"
    oidc_claim_duty: str = "duty"
    oidc_skew_s: int = Field(default=60, ge=0, le=300)
    passkey_rp_id: str = ""
    passkey_origins: tuple[str, ...] = ()
    max_upload_bytes: int = 32 * 1024 * 1024
    max_body_bytes: int = 1024 * 1024
    max_rows: int = 200_000
    batch_leaves: int = Field(default=1024, ge=1, le=4096)
    session_hours: int = 8
    request_days: int = 7
    chain_grace_s: int = 4 * 3600
    checkpoint_interval_s: float = 1.0
    # Verifier keys of the log's witnesses, and how many of them make a checkpoint a witnessed one.
    witnesses: tuple[str, ...] = ()
    witness_quorum: int = Field(default=1, ge=1, le=64)
    signature_skew_s: int = 10
    signature_life_s: int = 60
    idempotency_days: int = 7
    counter_lookups_per_day: int = Field(default=60, ge=1)
    counter_visit_minutes: int = Field(default=20, ge=1)
    webhook_timeout_s: float = Field(default=10.0, gt=0)
    webhook_pause_s: float = Field(default=5.0, gt=0)
    webhook_attempts: int = Field(default=12, ge=1)
    # Reminders of notices: none, a folder of files, or a mail server.
    reminders: Literal["none", "file", "smtp"] = "none"
    smtp_host: str = ""
    smtp_port: int = Field(default=465, ge=1, le=65535)
    smtp_security: Literal["tls", "starttls", "none"] = "tls"
    smtp_from: str = ""
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_password: SecretStr = SecretStr("")
    smtp_ca_file: Path | None = None
    # Seals of a real authority: PKCS#12 files, roots and revocation lists; without it the embedded demo authority.
    seals_dir: Path | None = None
    seals_password_file: Path | None = None
    timestamp_url: str = ""
    # Whoever brings it may read /metrics; without one only connections from this machine may.
    metrics_token: SecretStr = SecretStr("")
    erasure_cooling_s: int = Field(default=15 * 86_400, ge=0)
    backup_key_days: int = Field(default=35, ge=1, le=400)

    @property
    def store_url(self) -> str:
        """The database, by default SQLite inside the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir / 'mydata.sqlite3'}"

    @property
    def base_url(self) -> str:
        """How people reach the service; goes into QR codes and Link headers."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def rp_id(self) -> str:
        """The relying party of passkeys (WebAuthn): a host name, for browsers make none for bare addresses."""
        host = urlsplit(self.base_url).hostname or ""
        return self.passkey_rp_id or ("localhost" if host in LOOPBACK else host)

    @property
    def rp_origins(self) -> tuple[str, ...]:
        """Origins whose pages may use passkeys."""
        if self.passkey_origins:
            return self.passkey_origins
        parts = urlsplit(self.base_url)
        if parts.hostname in LOOPBACK:
            return (f"{parts.scheme}://localhost" + (f":{parts.port}" if parts.port else ""),)
        return (f"{parts.scheme}://{parts.netloc}",)

    @property
    def witness_keys(self) -> tuple[NoteKey, ...]:
        """The witnesses' keys, read."""
        return tuple(parse_witness_key(text) for text in self.witnesses)

    @model_validator(mode="after")
    def _witnesses_hold(self) -> "Settings":
        try:
            handles = {key.handle for key in self.witness_keys}
        except FormatError:
            raise ValueError("settings.witness_key") from None
        if len(handles) != len(self.witnesses):
            raise ValueError("settings.witness_twice")
        if self.witnesses and self.witness_quorum > len(self.witnesses):
            raise ValueError("settings.witness_quorum")
        return self

    @model_validator(mode="after")
    def _production_refuses_development(self) -> "Settings":
        if self.environment is Environment.PRODUCTION:
            if self.identity_provider == "development":
                raise ValueError("settings.dev_identity_in_production")
            if self.engine == "embedded":
                raise ValueError("settings.embedded_engine_in_production")
            if self.crash_point:
                raise ValueError("settings.crash_point_in_production")
            if self.reminders == "file":
                raise ValueError("settings.file_reminders_in_production")
            remote = self.smtp_host not in LOOPBACK
            if self.reminders == "smtp" and self.smtp_security == "none" and remote:
                raise ValueError("settings.smtp_unencrypted_in_production")
            if not self.public_url.startswith("https://"):
                raise ValueError("settings.public_url_must_be_https")
            if self.identity_provider == "oidc" and not self.oidc_issuer.startswith("https://"):
                raise ValueError("settings.oidc_issuer_must_be_https")
        if self.reminders == "smtp" and not (self.smtp_host and self.smtp_from):
            raise ValueError("settings.smtp_incomplete")
        if self.identity_provider == "oidc" and not (self.oidc_issuer and self.oidc_client_id):
            raise ValueError("settings.oidc_incomplete")
        return self
