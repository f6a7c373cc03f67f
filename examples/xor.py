"""Learn the exclusive or of two bits, which no model without a hidden layer can.

Four examples, three hidden units, all examples in one batch.
"""

import argparse

import numpy as np

import theanets


def main() -> None:
    options = arguments()
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([[0], [1], [1], [0]])

    net = theanets.Regressor([2, (options.units, "tanh"), (1, "logistic")])
    net.train(
        (x, y),
        algo="rprop",
        learning_rate=0.01,
        patience=20,
        max_epochs=options.epochs,
    )
    for (a, b), (answer,) in zip(x, net.predict(x), strict=True):
        print(f"{a} xor {b} = {answer:.3f}")


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--units", type=int, default=3, help="hidden units")
    parser.add_argument("--epochs", type=int, default=1000, help="updates")
    return parser.parse_args()


if __name__ == "__main__":
    main()
