"""The development identity provider: it vouches for whoever claims to be somebody."""

import time

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from api.errors import ApiError, Kind
from api.settings import Environment, Settings

TOKEN_LIFE_S = 300
# The same whatever port the service got: a proof made today must hold after a restart on another one.
DEVELOPMENT_ISSUER = "urn:mydata:development-provider"


class DevelopmentProvider:
    """Vouches for whoever claims to be somebody. Loopback and development only: settings refuse it in production."""

    mints = True

    def __init__(self, settings: Settings, key: bytes) -> None:
        if settings.environment is Environment.PRODUCTION or settings.identity_provider != "development":
            raise ApiError("auth.dev_provider_refused", Kind.FORBIDDEN)
        self.issuer = DEVELOPMENT_ISSUER
        private = ec.derive_private_key(int.from_bytes(key, "big"), ec.SECP256R1())
        self._key = ECKey.import_key(private)

    def public_jwk(self) -> dict[str, str]:
        """P-256 public key as a JWK (RFC 7517)."""
        return {name: str(value) for name, value in self._key.as_dict(private=False).items()}

    def public_jwks(self) -> list[dict[str, str]]:
        """The one key that it has."""
        return [self.public_jwk()]

    def token(self, subject: str, nonce: str, /) -> str:
        """An ID token in OIDC's form (RS: iss, sub, aud, nonce, iat, exp), ES256."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": "mydata",
            "nonce": nonce,
            "iat": now,
            "exp": now + TOKEN_LIFE_S,
        }
        return jwt.encode({"alg": "ES256"}, claims, self._key)
