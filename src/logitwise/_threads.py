"""How many threads a call may use."""

from __future__ import annotations

from logitwise._errors import InvalidValueError
from logitwise._requirements import check_integer
from logitwise.kernels.cpu.threads import number_of_threads, set_number_of_threads

MOST_THREADS = 4096


def threads(count: int | None = None) -> int:
    """Set how many threads a large call may use, the calling one included, and return it.

    Where torch is imported, the work is done by torch's threads, so that none of them is in the way of another, and
    there are never more than `torch.get_num_threads()`; without torch, this library starts threads of its own. No
    result depends on the number, to the last bit; small calls stay on the calling thread. At first it is the number of
    cores the process may use.

    Args:
        count: 1 or more; None leaves the number as it is.

    Returns:
        The number in force.

    Raises:
        TypeError: A count that is not an integer.
        ValueError: A count below 1, or above 4,096.

    Example:
        >>> import logitwise as lw
        >>> before = lw.threads()
        >>> lw.threads(1)
        1
        >>> lw.threads(before) == before
        True
    """
    if count is not None:
        count = check_integer(count, "count")
        if count < 1:
            raise InvalidValueError("count", "be 1 or more", count)
        if count > MOST_THREADS:
            raise InvalidValueError("count", f"be at most {MOST_THREADS}", count)
        set_number_of_threads(count)
    return number_of_threads()
