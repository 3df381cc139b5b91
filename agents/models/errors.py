"""What can go wrong with a model, beside the errors of any backend::

BackendError
├── ContextTooLong        the prompt does not fit into the model's window
├── BudgetExceeded        the user allowed no more
└── BackendUnavailable
    └── ModelBusy         asking again later may help
"""

from ...sandbox.errors import BackendError, BackendUnavailable


class ContextTooLong(BackendError):
    """The prompt does not fit into the model's window; a smaller model context helps."""


class BudgetExceeded(BackendError):
    """The calls so far have used up what the user allowed; the next one is not made."""


class ModelBusy(BackendUnavailable):
    """The server cannot answer now: overloaded, limiting, out of reach for a moment.

    Parameters
    ----------
    what, why, remedy:
        As for :class:`BackendUnavailable`.
    retry_after:
        Seconds after which the server wants to be asked again, if it said so.
    """

    def __init__(
        self, what: str, *, why: str, remedy: str, retry_after: float | None = None
    ) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.retry_after = retry_after
