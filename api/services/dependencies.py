"""What the service needs that others run: the identity provider, the mail server, the timestamp authority.

The worker alone looks at them, each in a thread of its own with a limit of time, and writes what it saw into one file
of the data directory; whoever asks reads that. So no page waits for somebody else's machine, and none that hangs holds
a worker's turn up. What was seen is a code and times: no address, and no word of theirs. Witnesses are judged by what
they signed, for they come to the service and not it to them.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from api.errors import ApiError, Kind
from api.services import log, reminders
from api.services.context import Context
from api.services.identity.oidc import OidcProvider
from api.services.status import Part
from api.settings import Settings

SIGN_IN, MAIL, TIMESTAMPS, WITNESSES = "sign_in", "mail", "timestamps", "witnesses"
PROBED = (SIGN_IN, MAIL, TIMESTAMPS)
FILE = "observed.json"
EVERY_S = 60.0
PATIENCE_S = 15.0
OLD_MS = 5 * 60_000
BEHIND_MS = 15 * 60_000
UNSET = "unset"
NOT_OBSERVED, NO_ANSWER = "operations.not_observed", "operations.no_answer"
WITNESSES_BEHIND = "operations.witnesses_behind"
_SERVER_ERROR = 500
Probe = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the worker saw of a dependency: when it looked, when it last found it well (UTC milliseconds).

    `since_ms` and `reason`, a code, say since when and why it does not; null where it does.
    """

    at_ms: int
    seen_ms: int | None
    since_ms: int | None
    reason: str | None


def probes(settings: Settings) -> dict[str, Probe]:
    """How each dependency that the settings name is looked at; raises ApiError with the code of what is wrong."""
    found: dict[str, Probe] = {}
    if settings.identity_provider == "oidc":
        # A provider made anew: one that is remembered would answer out of its memory.
        found[SIGN_IN] = lambda: _ignore(OidcProvider(settings, "").metadata())
    if settings.reminders == "smtp":
        sender = reminders.sender_of(settings)
        assert isinstance(sender, reminders.SmtpSender)
        found[MAIL] = sender.probe
    if settings.timestamp_url:
        found[TIMESTAMPS] = lambda: _answers(settings.timestamp_url)
    return found


def _ignore(_: object) -> None:
    return None


def _answers(url: str) -> None:
    """Whether a timestamp authority answers at all. A stamp is not asked for: each may cost."""
    try:
        answer = httpx.get(url, timeout=PATIENCE_S, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        raise ApiError("seals.no_timestamp", Kind.UNAVAILABLE) from None
    if answer.status_code >= _SERVER_ERROR:
        raise ApiError("seals.no_timestamp", Kind.UNAVAILABLE)


@dataclass(slots=True)
class Watcher:
    """The worker's looks. `look` takes as long as `patience_s` at most, whatever the others' machines do."""

    folder: Path
    probes: Mapping[str, Probe]
    patience_s: float = PATIENCE_S
    _under_way: dict[str, threading.Thread] = field(default_factory=dict)
    _found: dict[str, str | None] = field(default_factory=dict)

    def look(self) -> None:
        """Look at each once and write what was seen. One that still hangs from before is not asked again."""
        for name, probe in self.probes.items():
            hanging = self._under_way.get(name)
            if hanging is None or not hanging.is_alive():
                self._found.pop(name, None)
                self._under_way[name] = threading.Thread(target=self._one, args=(name, probe), daemon=True)
                self._under_way[name].start()
        until = time.monotonic() + self.patience_s
        for name in self.probes:
            self._under_way[name].join(max(0.0, until - time.monotonic()))
        before, now = read(self.folder), _now_ms()
        _write(
            self.folder, {name: _next(before.get(name), self._found.get(name, NO_ANSWER), now) for name in self.probes}
        )

    def _one(self, name: str, probe: Probe) -> None:
        try:
            probe()
        except ApiError as error:
            self._found[name] = error.code
        except Exception:
            # What another's machine sends is not to end the worker's look.
            self._found[name] = NO_ANSWER
        else:
            self._found[name] = None


def _next(before: Seen | None, reason: str | None, now: int) -> Seen:
    if reason is None:
        return Seen(now, now, None, None)
    since = now if before is None or before.since_ms is None else before.since_ms
    return Seen(now, None if before is None else before.seen_ms, since, reason)


def read(folder: Path) -> dict[str, Seen]:
    """What the worker wrote last; nothing where it has not, or where the file is none of ours."""
    try:
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {name: Seen(**told[name]) for name in PROBED if name in told}
    except (OSError, ValueError, TypeError):
        return {}


def _write(folder: Path, seen: Mapping[str, Seen]) -> None:
    text = json.dumps({name: {key: getattr(one, key) for key in Seen.__slots__} for name, one in seen.items()})
    made = folder / f"{FILE}.new"
    made.write_text(text, encoding="utf-8")
    made.replace(folder / FILE)


def parts(ctx: Context) -> list[Part]:
    """Each of `PROBED` as the worker last saw it, and the witnesses."""
    wanted, seen, now = probes(ctx.settings), read(ctx.settings.data_dir), _now_ms()
    return [*(_part(name, name in wanted, seen.get(name), now) for name in PROBED), _witnesses(ctx, now)]


def _part(name: str, wanted: bool, seen: Seen | None, now: int) -> Part:
    if not wanted:
        return Part(name, True, UNSET)
    if seen is None:
        return Part(name, False, "unknown", NOT_OBSERVED)
    if now - seen.at_ms > OLD_MS:
        return Part(name, False, "unknown", NOT_OBSERVED, seen.at_ms)
    if seen.reason is not None:
        return Part(name, False, "halted", seen.reason, seen.since_ms)
    return Part(name, True, "ok")


def behind(ctx: Context) -> list[tuple[str, int]]:
    """Of each witness, by its place in the settings from 1, how many entries on the chain it has not signed yet."""
    seen = log.health(ctx)
    size = 0 if seen.anchored is None else seen.anchored.size
    return [(str(at), max(0, size - (one.size or 0))) for at, one in enumerate(seen.witnesses, 1)]


def _witnesses(ctx: Context, now: int) -> Part:
    """Whether as many as the quorum asks keep up with what stands on the chain."""
    try:
        seen = log.health(ctx)
    except ApiError as error:
        return Part(WITNESSES, False, error.code)
    if not seen.witnesses:
        return Part(WITNESSES, True, UNSET)
    size = 0 if seen.anchored is None else seen.anchored.size
    signed = sorted((one.size or 0, (one.signed_at_s or 0) * 1000) for one in seen.witnesses)
    least, when = signed[-ctx.settings.witness_quorum]
    if least >= size or now - when <= BEHIND_MS:
        return Part(WITNESSES, True, "ok")
    return Part(WITNESSES, False, "delayed", WITNESSES_BEHIND, when or None)


def _now_ms() -> int:
    return round(time.time() * 1000)
