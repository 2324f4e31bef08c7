"""Who somebody is: identity providers, sessions of people, passkeys, keys and nonces of machines."""

from api.services.identity.development import DEVELOPMENT_ISSUER, TOKEN_LIFE_S, DevelopmentProvider
from api.services.identity.machines import MachineParty, machine_party, spend_nonce, use_nonce
from api.services.identity.sessions import (
    COUNTER_DUTY,
    Claims,
    SignedIn,
    act_for,
    canonical_number,
    session_of,
    sign_in,
    sign_out,
)

__all__ = [
    "COUNTER_DUTY",
    "DEVELOPMENT_ISSUER",
    "TOKEN_LIFE_S",
    "Claims",
    "DevelopmentProvider",
    "MachineParty",
    "SignedIn",
    "act_for",
    "canonical_number",
    "machine_party",
    "session_of",
    "sign_in",
    "sign_out",
    "spend_nonce",
    "use_nonce",
]
