"""The machine: every rule there is. A feature that comes later brings a mixin and is named here.

ordered keys, priority, expiry, deduplication   options of Sending, a clause of hand_out
subscriptions                                   names of readers: a mixin of Working
cancelling, rescheduling                        rules of Administering
"""

from __future__ import annotations

from tests.model.administering import Administering
from tests.model.looking import Looking
from tests.model.sending import Sending
from tests.model.working import Working


class Machine(Sending, Working, Looking, Administering):
    """Everything at once, but for processes that die: those are CrashMachine's."""
