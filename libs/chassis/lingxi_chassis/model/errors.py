"""What can go wrong with a model: one class, one code each.

A `detail` is made of our own words and a status number, never of the provider's: provider texts
may quote keys and prompts. `retryable` says whether the same request may succeed if tried again.
"""


class ModelFailure(Exception):
    """The model did not answer."""

    code = "model_unavailable"
    retryable_by_default = True

    def __init__(
        self,
        detail: str = "",
        *,
        retryable: bool | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        said = (self.__doc__ or "").partition("\n")[0]
        self.detail = f"{said.rstrip('.')} ({detail})." if detail else said
        self.retryable = self.retryable_by_default if retryable is None else retryable
        self.retry_after_seconds = retry_after_seconds
        super().__init__(self.detail)


class ModelRateLimited(ModelFailure):
    """The model's provider takes no more requests for now."""

    code = "model_rate_limited"


class ModelTimeout(ModelFailure):
    """The model did not answer in time."""

    code = "model_timeout"


class ModelUnavailable(ModelFailure):
    """The model's provider cannot be reached or failed."""


class ModelAuth(ModelFailure):
    """The model's provider does not accept the API key."""

    code = "model_auth"
    retryable_by_default = False


class ModelNotFound(ModelFailure):
    """The model's provider does not know this model."""

    code = "model_not_found"
    retryable_by_default = False


class ModelRefused(ModelFailure):
    """The model or its provider refused this request."""

    code = "model_refused"
    retryable_by_default = False


class ContextTooLong(ModelFailure):
    """The conversation is longer than the model can read."""

    code = "context_too_long"
    retryable_by_default = False


class BadAnswer(ModelFailure):
    """The model's answer was empty, cut short or not understood."""

    code = "bad_answer"


FAILURES: tuple[type[ModelFailure], ...] = (
    ModelRateLimited,
    ModelTimeout,
    ModelUnavailable,
    ModelAuth,
    ModelNotFound,
    ModelRefused,
    ContextTooLong,
    BadAnswer,
)
