"""What the verbs on accounts work with."""

from dataclasses import dataclass

from lingxi_chassis.eventlog import EventLog
from lingxi_chassis.postgres import Pool
from lingxi_gateway.application.check_access import AccessCheck
from lingxi_gateway.application.ports import Passwords, Tokens
from lingxi_gateway.domain.account import Account, AccountEvent
from lingxi_gateway.projections.audit import Audit


@dataclass(frozen=True, slots=True)
class Accounts:
    """The stores and helpers of accounts. `failed_logins_max` is a minute's; 0 = none."""

    pool: Pool
    log: EventLog[Account, AccountEvent]
    passwords: Passwords
    tokens: Tokens
    access: AccessCheck
    audit: Audit
    registration_open: bool
    failed_logins_max: int
