"""Learn a short code for handwritten digits, and draw what comes back from it.

An autoencoder with one hidden layer reads noisy digits and learns to give back clean
ones. It writes a picture of what each hidden unit looks for, and one of digits above
their reconstructions.
"""

import argparse
from pathlib import Path

import numpy as np

import theanets


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    (train,), (valid,), (test,) = theanets.datasets.load_mnist(labels=False)

    net = theanets.Autoencoder([784, (options.units, "logistic"), ("tied", 784)])
    net.train(
        train[: options.examples],
        valid,
        algo="adam",
        batch_size=64,
        input_noise=options.noise,
        max_epochs=options.epochs,
    )
    print(f"R² of the reconstruction of test digits: {net.score(test):.3f}")

    ax = theanets.plotting.features(net.find("hid1", "w"))
    ax.figure.savefig(options.out / "autoencoder-features.png", dpi=100)
    both = np.concatenate([test[:10], net.predict(test[:10])])
    ax = theanets.plotting.features(both.T, columns=10)
    ax.figure.savefig(options.out / "autoencoder-digits.png", dpi=100)


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--units", type=int, default=100, help="size of the code")
    add("--noise", type=float, default=0.3, help="noise that is added to the input")
    add("--examples", type=int, default=50000, help="digits to learn from")
    add("--epochs", type=int, default=20, help="passes over them")
    add("--out", type=Path, default=Path(), help="folder of the pictures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
