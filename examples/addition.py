"""Add two numbers that stand far apart in a long sequence.

At each step the network reads a random number and a mark. Two numbers are marked, one
in each half, and their sum is asked for at the end. Who always says 1, the mean of such
sums, has a mean squared error of 0.167.
"""

import argparse

import numpy as np

import theanets


def main() -> None:
    options = arguments()
    rng = np.random.default_rng(options.seed)
    train = sums(options.examples, options.length, rng)
    valid = sums(500, options.length, rng)
    net = theanets.recurrent.Regressor(
        [2, (options.units, options.layer), 1], weighted=True, rng=options.seed
    )
    print(net)
    net.train(
        train,
        valid,
        algo="adam",
        learning_rate=0.005,
        max_gradient_norm=1,
        batch_size=64,
        validate_every=5,
        max_epochs=options.epochs,
    )
    inputs, targets, _ = valid
    asked, said = targets[:, -1, 0], net.predict(inputs)[:, -1, 0]
    error = np.square(said - asked).mean()
    print(f"\nmean squared error: {error:.4f}; of saying 1: 0.167")
    for (values, marks), target, answer in zip(
        inputs[:5].transpose(0, 2, 1), asked[:5], said[:5], strict=True
    ):
        first, second = values[marks == 1]
        print(f"{first:.2f} + {second:.2f} = {target:.2f}, said {answer:.2f}")


def sums(count: int, length: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return inputs (count, length, 2), targets and weights (count, length, 1)."""
    inputs = np.zeros((count, length, 2), "f4")
    inputs[..., 0] = rng.random((count, length))
    half = length // 2
    each = np.arange(count)
    inputs[each, rng.integers(0, half, count), 1] = 1
    inputs[each, rng.integers(half, length, count), 1] = 1
    targets, weights = np.zeros((2, count, length, 1), "f4")
    targets[:, -1, 0] = inputs.prod(axis=2).sum(axis=1)
    weights[:, -1] = 1
    return inputs, targets, weights


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--layer", default="gru", help="a recurrent form: lstm, gru")
    parser.add_argument("--units", type=int, default=32, help="size of the layer")
    parser.add_argument("--length", type=int, default=30, help="steps of a sequence")
    parser.add_argument("--examples", type=int, default=6400, help="to train on")
    parser.add_argument("--epochs", type=int, default=40, help="passes over them")
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    options = parser.parse_args()
    if options.length < 2:
        parser.error(f"--length is {options.length}; it has to be 2 or more")
    return options


if __name__ == "__main__":
    main()
