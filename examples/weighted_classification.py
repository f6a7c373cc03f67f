"""Classify where one class is rare, with and without weights for the examples.

Two clouds of points overlap, and few points are of the second one. Without weights a
model does best by overlooking them; weights make an error on either class as bad.
"""

import argparse

import numpy as np

import theanets


def main() -> None:
    options = arguments()
    points, labels = clouds(options.examples, options.rare, seed=0)
    tests = clouds(options.examples, options.rare, seed=1)

    # Each class gets the same sum of weights.
    counts = np.bincount(labels, minlength=2)
    weights = len(labels) / (2 * counts[labels])

    for weighted in (False, True):
        net = theanets.Classifier([2, (10, "tanh"), 2], weighted=weighted)
        data = (points, labels, weights) if weighted else (points, labels)
        net.train(data, algo="adam", learning_rate=0.01, max_epochs=options.epochs)
        right = net.predict(tests[0]) == tests[1]
        recalls = [right[tests[1] == label].mean() for label in (0, 1)]
        print(
            f"{'with' if weighted else 'without'} weights: of the common class "
            f"{recalls[0]:.1%} are found, of the rare one {recalls[1]:.1%}"
        )


def clouds(count: int, rare: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points in the plane around two centres, and which centre it was."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < rare).astype(int)
    return rng.normal(size=(count, 2)) + 1.5 * labels[:, None], labels


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--examples", type=int, default=5000, help="points to learn from, and to test")
    add("--rare", type=float, default=0.05, help="part of the rare class")
    add("--epochs", type=int, default=30, help="passes over the points")
    return parser.parse_args()


if __name__ == "__main__":
    main()
