"""Learn to write, one character after the other.

A recurrent classifier reads a text (by default the beginning of "Pride and Prejudice")
and learns to predict the next character. Measured on text it has not seen, it is
compared with what the two characters before tell: a trigram model. Then it writes: each
character it draws is the next one it reads.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import optax

import theanets


def main() -> None:
    options = arguments()
    content = (
        options.text.read_text(encoding="utf-8")
        if options.text
        else theanets.datasets.load_text()
    )
    # The last tenth is kept to measure with.
    cut = len(content) * 9 // 10
    text = theanets.recurrent.Text(content[:cut])
    held_out = theanets.recurrent.Text(content[cut:], alpha=text.alpha)
    size = 1 + len(text.alpha)
    print(f"{len(text.text)} characters to learn from, {len(held_out.text)} held out")
    known, unseen = (np.array(x.encode(x.text)) for x in (text, held_out))
    bits = trigram_bits(known, unseen, size)
    print(f"trigrams: {bits:.2f} bits per character of the held-out text")

    net = theanets.recurrent.Classifier(
        [size, (options.units, options.layer, "tanh"), size], rng=options.seed
    )
    windows = {"steps": options.steps, "batch_size": 32, "rng": options.seed}
    # All of the held-out text, as one sequence.
    valid = held_out.classifier_batches(steps=len(unseen) - 1, batch_size=1)()
    updates = options.epochs * options.batches
    for epoch, (_, validation) in enumerate(
        net.itertrain(
            text.classifier_batches(**windows),
            valid,
            algo="adam",
            learning_rate=optax.cosine_decay_schedule(0.01, updates),
            max_gradient_norm=1,
            train_batches=options.batches,
            validate_every=1,
            max_epochs=options.epochs,
            progress=False,
        ),
        start=1,
    ):
        bits = validation["err"] / math.log(2)
        print(f"epoch {epoch}: {bits:.2f} bits per character of the held-out text")

    seed = text.encode(options.prompt)
    labels = net.predict_sequence(seed, options.characters, rng=options.seed)
    print("\n" + options.prompt + text.decode(list(labels)))


def trigram_bits(known: np.ndarray, unseen: np.ndarray, size: int) -> float:
    """Return the bits per label of a smoothed trigram model.

    The frequency of a label after the two before is smoothed by that after the one
    before, as if counted some times more, and so on to one of ``size`` equal chances.
    How many times is chosen on the unseen text itself: the best it can do.
    """
    counts = [np.zeros((size,) * order) for order in (1, 2, 3)]
    for order, count in enumerate(counts, start=1):
        np.add.at(count, grams(known, order), 1)

    def bits(more: float) -> float:
        chances = np.full(size, 1 / size)
        for count in counts:
            chances = (count + more * chances) / (count.sum(-1, keepdims=True) + more)
        return float(-np.log2(chances[grams(unseen, 3)]).mean())

    return min(bits(2.0**power) for power in range(-3, 8))


def grams(labels: np.ndarray, order: int) -> tuple[np.ndarray, ...]:
    """Return the first, second, ... labels of all neighbours, ``order`` of them."""
    return tuple(labels[i : len(labels) - order + 1 + i] for i in range(order))


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--text", type=Path, metavar="FILE", help="another text")
    parser.add_argument("--layer", default="gru", help="a recurrent form: gru, lstm")
    parser.add_argument("--units", type=int, default=128, help="size of the layer")
    parser.add_argument("--steps", type=int, default=50, help="length of a window")
    parser.add_argument("--batches", type=int, default=200, help="in an epoch")
    parser.add_argument("--epochs", type=int, default=10, help="to train")
    parser.add_argument("--prompt", default="It is a truth ", help="to begin with")
    parser.add_argument("--characters", type=int, default=500, help="to write")
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    return parser.parse_args()


if __name__ == "__main__":
    main()
