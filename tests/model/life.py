"""What requests, grants and copies must do, said a second time and independently: plain data, no product code.

Written from the tables of states in the design of grants; times are UTC milliseconds. An operation answers `OK`, or
`NO` where it must be refused; a pull answers `OK` or the reason that its recipient must be told.
"""

from dataclasses import dataclass, field

DAY = 86_400_000
OK, NO = "ok", "refused"
DELETE_IN = 7 * DAY
ESCALATE_AFTER = 7 * DAY
ANSWER_IN = 7 * DAY
AGREED_LIFE = 1095 * DAY
ENDED = {"expired", "exhausted", "revoked", "terminated", "invalidated", "superseded"}
TAKEN_BACK = {"revoked", "terminated", "invalidated"}
REASONS = {
    "paused": "pull.grant_paused",
    "expired": "pull.grant_ended",
    "exhausted": "pull.uses_exhausted",
    "revoked": "pull.grant_revoked",
    "terminated": "pull.grant_terminated",
    "invalidated": "pull.grant_invalidated",
    "superseded": "pull.grant_superseded",
}


@dataclass
class Request:
    """A question of an entity's to a holder."""

    id: str
    holder: int
    entity: int
    lapses: int
    state: str = "requested"
    extends: str | None = None
    optional: bool = True

    def shown(self, now: int) -> str:
        return "lapsed" if self.state == "requested" and now >= self.lapses else self.state


@dataclass
class Grant:
    """A consent. `noted` is the state on record; ends by time and use hold before anybody notes them."""

    id: str
    request: str
    holder: int
    entity: int
    fields: frozenset[str]
    until: int
    most: int
    noted: str = "active"
    used: int = 0
    case: str | None = None
    ended_at: int = 0

    def shown(self, now: int) -> str:
        if self.noted in ENDED:
            return self.noted
        if now >= self.until:
            return "expired"
        if self.noted == "active" and self.used >= self.most:
            return "exhausted"
        return self.noted


@dataclass
class Copy:
    """What was delivered: the same fields in the same form under the same grant are the same copy."""

    id: str
    grant: str
    life_end: int
    state: str = "held"
    due: int | None = None


@dataclass(frozen=True)
class Pull:
    """A call that was answered, to be repeated."""

    key: str
    grant: str
    form: str
    fields: frozenset[str] | None
    copy: str


@dataclass
class Model:
    """Everything, and the time."""

    now: int = 0
    requests: dict[str, Request] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    copies: dict[str, Copy] = field(default_factory=dict)

    # Requests

    def decidable(self, request: Request) -> bool:
        return request.shown(self.now) == "requested"

    def approve(self, request: Request) -> str:
        if not self.decidable(request):
            return NO
        if request.extends is not None and not self.extendable(self.grants[request.extends]):
            return NO
        return OK

    def approved(self, request: Request, grant: Grant) -> None:
        request.state = "approved"
        self.grants[grant.id] = grant
        if request.extends is not None:
            self.replaced(self.grants[request.extends])

    # Grants

    def move(self, grant: Grant, name: str) -> str:
        """One of the five moves; the state follows where it is allowed."""
        before = grant.shown(self.now)
        allowed = {
            "pause": {"active"},
            "resume": {"paused"},
            # Consent can be withdrawn also after it ran out: what was taken under it must go the sooner.
            "revoke": {"active", "paused", "expired", "exhausted"},
            "invalidate": {"active", "paused", "expired", "exhausted"},
            "terminate": {"active", "paused"},
        }[name]
        if before not in allowed:
            return NO
        after = {"pause": "paused", "resume": "active", "revoke": "revoked"}
        self._become(grant, after.get(name, name + ("d" if name.endswith("e") else "")))
        return OK

    def _become(self, grant: Grant, state: str) -> None:
        if state in ENDED and grant.noted != state:
            grant.ended_at = self.now
        grant.noted = state
        if state in ENDED:
            for copy in self.copies.values():
                if copy.grant == grant.id:
                    self._order(copy)

    def freeze(self, grant: Grant, case: str) -> str:
        if grant.shown(self.now) in ENDED or grant.case is not None:
            return NO
        grant.case = case
        return OK

    def unfreeze(self, grant: Grant, case: str) -> str:
        if grant.case != case:
            return NO
        grant.case = None
        return OK

    def extendable(self, grant: Grant) -> bool:
        return grant.shown(self.now) in {"active", "paused", "expired", "exhausted"} and grant.case is None

    def replaced(self, grant: Grant) -> None:
        if grant.shown(self.now) in {"active", "paused"}:
            self._become(grant, "superseded")

    def ask_extension(self, grant: Grant) -> str:
        waits = any(one.extends == grant.id and self.decidable(one) for one in self.requests.values())
        return OK if self.extendable(grant) and not waits else NO

    # Pulls

    def pull(self, grant: Grant, fields: frozenset[str] | None, entity: int, *, repeat: bool = False) -> str:
        if grant.entity != entity:
            return "pull.not_found"
        state = "active" if repeat and grant.noted == "exhausted" else grant.noted
        if state != "active":
            return REASONS[state]
        if grant.case is not None:
            return "pull.grant_frozen"
        if self.now >= grant.until:
            return "pull.grant_ended"
        if grant.used - repeat >= grant.most:
            return "pull.uses_exhausted"
        if fields is not None and not fields <= grant.fields:
            return "pull.field_outside_grant"
        return OK

    def delivered(self, grant: Grant, copy_id: str, *, repeat: bool = False) -> None:
        if not repeat:
            grant.used += 1
        copy = self.copies.get(copy_id)
        if copy is None:
            self.copies[copy_id] = Copy(copy_id, grant.id, self.now + AGREED_LIFE)
            return
        if not repeat:
            copy.life_end = self.now + AGREED_LIFE
        if copy.state == "deleted" or (not repeat and copy.state in {"delete_due", "retained"}):
            copy.state, copy.due = "held", None

    # Copies

    def _order(self, copy: Copy) -> None:
        """A copy whose grant is over, or whose agreed life nears its end, must be gone by a date."""
        if copy.state not in {"held", "delete_due"}:
            return
        grant = self.grants[copy.grant]
        ended = grant.shown(self.now) in ENDED
        if grant.noted in TAKEN_BACK:
            due = min(grant.ended_at + DELETE_IN, copy.life_end)
        elif ended or self.now >= copy.life_end - DELETE_IN:
            due = copy.life_end
        else:
            return
        due = max(due, self.now + DAY)
        if copy.state == "held" or (copy.due is not None and due < copy.due):
            copy.state, copy.due = "delete_due", due

    def delete(self, copy: Copy) -> str:
        if copy.state == "deleted":
            return NO
        copy.state, copy.due = "deleted", None
        return OK

    def retain(self, copy: Copy, until: int, *, too_late: bool) -> str:
        if copy.state not in {"delete_due", "overdue"} or too_late:
            return NO
        copy.state, copy.due = "retained", until
        return OK

    # The worker

    def turn(self) -> None:
        for grant in self.grants.values():
            shown = grant.shown(self.now)
            if grant.noted not in ENDED and shown in ENDED:
                self._become(grant, shown)
        for request in self.requests.values():
            request.state = request.shown(self.now)
        for copy in self.copies.values():
            before = copy.state
            if before in {"held", "delete_due"}:
                self._order(copy)
            due = copy.due
            if due is None or due > self.now:
                continue
            if before == "retained":
                copy.state, copy.due = "delete_due", self.now + DELETE_IN
            elif before == "delete_due":
                copy.state = "overdue"
            elif before == "overdue" and due + ESCALATE_AFTER <= self.now:
                copy.state = "escalated"
