"""Settings: one frozen object, read from the environment (prefix MYDATA_) by composition roots only."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    confirmations: int = Field(default=0, ge=0)
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    public_url: str = ""
    identity_provider: str = "development"
    max_upload_bytes: int = 32 * 1024 * 1024
    max_body_bytes: int = 1024 * 1024
    max_rows: int = 200_000
    batch_leaves: int = Field(default=1024, ge=1, le=4096)
    session_hours: int = 8
    request_days: int = 7
    chain_grace_s: int = 4 * 3600
    checkpoint_interval_s: float = 1.0
    signature_skew_s: int = 10
    signature_life_s: int = 60
    idempotency_days: int = 7

    @property
    def store_url(self) -> str:
        """The database, by default SQLite inside the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir / 'mydata.sqlite3'}"

    @property
    def base_url(self) -> str:
        """How people reach the service; goes into QR codes and Link headers."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @model_validator(mode="after")
    def _production_refuses_development(self) -> "Settings":
        if self.environment is Environment.PRODUCTION:
            if self.identity_provider == "development":
                raise ValueError("settings.dev_identity_in_production")
            if self.engine == "embedded":
                raise ValueError("settings.embedded_engine_in_production")
            if not self.public_url.startswith("https://"):
                raise ValueError("settings.public_url_must_be_https")
        return self
