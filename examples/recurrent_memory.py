"""Remember three numbers: the task that plain recurrent networks find hard.

Each sequence begins with three random numbers, and then there is silence. In the
last three steps the network has to say them again. Only these steps count: the
others have a weight of 0.
"""

import argparse
import math

import numpy as np
import optax

import theanets

VALUES = 3
BATCH = 64


def main() -> None:
    options = arguments()
    rng = np.random.default_rng(options.seed)
    train = sequences(options.examples, options.length, rng)
    valid = sequences(500, options.length, rng)
    test = sequences(500, options.length, rng)
    net = theanets.recurrent.Regressor(
        [1, (options.units, options.layer, "tanh"), 1], weighted=True, rng=options.seed
    )
    print(net)
    # Large steps find out what to remember, small ones how exactly.
    updates = options.epochs * math.ceil(options.examples / BATCH)
    net.train(
        train,
        valid,
        algo="adam",
        learning_rate=optax.cosine_decay_schedule(0.02, updates),
        max_gradient_norm=1,
        batch_size=BATCH,
        validate_every=5,
        max_epochs=options.epochs,
    )
    inputs, targets, _ = test
    asked, said = targets[:, -VALUES:], net.predict(inputs)[:, -VALUES:]
    error = np.square(said - asked).mean()
    print(f"\nmean squared error: {error:.4f}; of saying 0: 1.0")
    print("to remember         said")
    for target, answer in zip(asked[:5], said[:5], strict=True):
        print(numbers(target), numbers(answer))


def sequences(
    count: int, length: int, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Return inputs, targets and weights, each (count, length, 1)."""
    values = rng.standard_normal((count, VALUES, 1)).astype("f4")
    inputs, targets, weights = np.zeros((3, count, length, 1), "f4")
    inputs[:, :VALUES] = targets[:, -VALUES:] = values
    weights[:, -VALUES:] = 1
    return inputs, targets, weights


def numbers(values: np.ndarray) -> str:
    return "".join(f"{value:6.2f}" for value in values.ravel())


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--layer", default="lstm", help="a recurrent form: lstm, gru")
    parser.add_argument("--units", type=int, default=32, help="size of the layer")
    parser.add_argument("--length", type=int, default=20, help="steps of a sequence")
    parser.add_argument("--examples", type=int, default=6400, help="to train on")
    parser.add_argument("--epochs", type=int, default=40, help="passes over them")
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    options = parser.parse_args()
    if options.length < 2 * VALUES:
        parser.error(f"--length is {options.length}; it has to be {2 * VALUES} or more")
    return options


if __name__ == "__main__":
    main()
