"""The oracle: client histories in, four numbers and a list of broken promises out.

Every test client records what it is about to do and what came of it (`Recorder`); the histories are
merged (`read_histories`) and judged (`judge`). The oracle knows nothing of msgq: it judges any
queue, so nothing in the code under test can talk it into a good verdict.
"""

from tests.oracle.accounting import Accounting, account, duplicate_bound, recovered_bound
from tests.oracle.event import Event, HistoryError, fingerprint
from tests.oracle.history import Delivery, History, Send, Settle, merge, read_histories
from tests.oracle.recorder import Call, Recorder
from tests.oracle.verdict import Limits, Verdict, Violation, judge

__all__ = [
    "Accounting",
    "Call",
    "Delivery",
    "Event",
    "History",
    "HistoryError",
    "Limits",
    "Recorder",
    "Send",
    "Settle",
    "Verdict",
    "Violation",
    "account",
    "duplicate_bound",
    "fingerprint",
    "judge",
    "merge",
    "read_histories",
    "recovered_bound",
]
