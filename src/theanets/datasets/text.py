"""Text as a sequence of labels, and a text to try it with."""

import gzip
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal, overload

import numpy as np

from theanets.data.kinds.masked import unmasked
from theanets.datasets.sequences import Batches, Rng, Windows, windows
from theanets.errors import DataError
from theanets.utils.checks import check_int, shown

EMBEDDED = Path(__file__).parent / "text_data" / "pride_and_prejudice.txt.gz"


def load_text() -> str:
    """Load the first chapters of "Pride and Prejudice", some 190 000 characters.

    The novel by Jane Austen, of 1813, is in the public domain.

    Examples
    --------
    >>> import theanets
    >>> theanets.datasets.load_text()[:41]
    'It is a truth universally acknowledged, t'
    """
    return gzip.decompress(EMBEDDED.read_bytes()).decode("ascii")


class Text:
    """A text whose characters are labels for a recurrent classifier.

    Parameters
    ----------
    text : str
        The text.
    alpha : str, optional
        The alphabet: the characters to tell apart; the first has the label 1. By
        default all that occur often enough, sorted.
    min_count : int
        How often a character has to occur to be in the default alphabet.
    unknown : str
        The character that stands for all others, label 0.

    Attributes
    ----------
    alpha : str
        The alphabet, without the unknown character.
    text : str
        The text, with the unknown character for all outside the alphabet.

    Raises
    ------
    DataError
        If the text or the alphabet is empty, or a character is in it twice.

    Examples
    --------
    >>> import theanets
    >>> text = theanets.recurrent.Text("to be or not to be", unknown="?")
    >>> text.alpha, text.text
    (' beot', 'to be o? ?ot to be')
    >>> text.encode("tox"), text.decode([5, 4, 0])
    ([5, 4, 0], 'to?')
    >>> inputs, labels = text.classifier_batches(steps=4, batch_size=2, rng=1)()
    >>> inputs.shape, labels.shape
    ((2, 4, 6), (2, 4))
    """

    def __init__(
        self,
        text: str,
        alpha: str | None = None,
        min_count: int = 2,
        unknown: str = "\0",
    ) -> None:
        check_int(min_count, "min_count", 0, error=DataError)
        if not isinstance(text, str) or not text:
            raise DataError(
                f"text is {shown(text)}; it has to be a str that is not empty."
            )
        if not isinstance(unknown, str) or len(unknown) != 1:
            raise DataError(f"unknown is {shown(unknown)}; it has to be one character.")
        if alpha is None:
            counts = Counter(text)
            alpha = "".join(sorted(c for c, n in counts.items() if n >= min_count))
            alpha = alpha.replace(unknown, "")
            if not alpha:
                raise DataError(
                    f"no character of the text occurs {min_count} times, so the "
                    "alphabet is empty. Give alpha, a smaller min_count, or more text."
                )
        if not isinstance(alpha, str) or not alpha:
            raise DataError(
                f"alpha is {shown(alpha)}; it has to be a str of the characters to "
                "tell apart."
            )
        self.alpha = alpha
        self._characters = unknown + alpha
        self._labels = {c: i for i, c in enumerate(self._characters)}
        if len(self._labels) < len(self._characters):
            twice, _ = Counter(self._characters).most_common(1)[0]
            raise DataError(
                f"alpha holds {shown(twice)} twice, or it is the unknown character "
                "too. Each character needs one label."
            )
        self._encoded = np.array(self.encode(text), np.int32)
        self.text = self.decode(self._encoded)

    def encode(self, text: str) -> list[int]:
        """Return the labels of a text; of characters outside the alphabet 0."""
        if not isinstance(text, str):
            raise DataError(f"text is {shown(text)}; it has to be a str.")
        return [self._labels.get(c, 0) for c in text]

    def decode(self, labels: Iterable[int]) -> str:
        """Return the text of some labels.

        Raises
        ------
        DataError
            If there is a label beyond the alphabet.
        """
        listed = isinstance(labels, Iterable) and not hasattr(labels, "shape")
        numbers = np.asarray(list(labels) if listed else unmasked(labels, "labels"))
        count = len(self._characters)
        whole = numbers.dtype.kind in "iu"
        if numbers.size and not (whole and ((numbers >= 0) & (numbers < count)).all()):
            raise DataError(
                f"labels is {shown(numbers)}; they have to be whole numbers from "
                f"0, the unknown, to {count - 1}, the last of the alphabet."
            )
        return "".join(self._characters[label] for label in numbers.ravel())

    @overload
    def classifier_batches(
        self,
        steps: int = ...,
        batch_size: int = ...,
        rng: Rng = ...,
        stateful: Literal[False] = ...,
    ) -> Batches: ...

    @overload
    def classifier_batches(
        self,
        steps: int = ...,
        batch_size: int = ...,
        rng: Rng = ...,
        *,
        stateful: Literal[True],
    ) -> Windows: ...

    def classifier_batches(
        self,
        steps: int = 100,
        batch_size: int = 64,
        rng: Rng = None,
        stateful: bool = False,
    ) -> Batches | Windows:
        """Return a callable that gives batches to learn the next character from.

        Parameters
        ----------
        steps, batch_size, rng, stateful
            As of `theanets.recurrent.batches`.

        Returns
        -------
        callable, or iterable with ``stateful``
            Gives inputs, one-hot (batch_size, steps, 1 + len(alpha)), float32, and
            labels (batch_size, steps), int32: at each step the next character.
        """
        one_hot = np.eye(len(self._characters), dtype=np.float32)
        return windows(
            partial(self._cut, one_hot, steps),
            # The last character is only ever a label.
            len(self._encoded) - 1,
            steps,
            batch_size,
            rng,
            stateful,
            "up to its last character the text has",
        )

    def _cut(
        self, one_hot: np.ndarray, steps: int, starts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        places = starts[:, None] + np.arange(steps)
        return one_hot[self._encoded[places]], self._encoded[places + 1]
