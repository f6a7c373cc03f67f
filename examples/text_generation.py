"""Learn to write, one character after the other.

A recurrent classifier reads a text (by default the beginning of "Pride and Prejudice")
and learns to predict the next character. Then it writes: each character it draws is
the next one it reads.
"""

import argparse
import math
from pathlib import Path

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
    print(f"{len(content)} characters, {size} kinds of them")

    net = theanets.recurrent.Classifier(
        [size, (options.units, options.layer), size], rng=options.seed
    )
    windows = {"steps": options.steps, "batch_size": 32, "rng": options.seed}
    valid = [held_out.classifier_batches(**windows)() for _ in range(4)]
    for epoch, (_, validation) in enumerate(
        net.itertrain(
            text.classifier_batches(**windows),
            valid,
            algo="adam",
            learning_rate=0.005,
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
