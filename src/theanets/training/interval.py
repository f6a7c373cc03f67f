"""How often a file is written."""

import time
from dataclasses import dataclass, field

from theanets.utils.checks import is_whole, number


@dataclass
class Interval:
    """Says when a file is due: every so many epochs, or every so many minutes.

    >>> interval = Interval(3)
    >>> [epoch for epoch in range(1, 10) if interval.due(epoch)]
    [3, 6, 9]
    """

    every: float
    """Epochs, if an int; minutes, if a float; 0: never."""
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def checked(cls, every: object, what: str, never: bool) -> "Interval":
        """Make one from the keyword ``what``, which may be 0 if ``never`` is True."""
        least = "from 0 on" if never else "more than 0"
        minutes = number(
            every,
            what,
            f"a number of epochs (an int) or of minutes (a float), {least}",
            lambda x: x > 0 or (never and x == 0),
        )
        return cls(int(every) if is_whole(every) else minutes)

    def due(self, epochs: int | None = None) -> bool:
        """Return whether it is due after this number of epochs, or within an epoch."""
        if not self.every:
            return False
        if isinstance(self.every, int):
            return epochs is not None and epochs % self.every == 0
        return time.monotonic() - self.began >= 60 * self.every

    def restart(self) -> None:
        """Begin to count the minutes again."""
        self.began = time.monotonic()
