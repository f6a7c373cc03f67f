"""Draw a wave from memory: a plain recurrent layer against a clockwork one.

The target is a sum of sine waves of several periods. The input says only when to begin,
so the network has to keep the time by itself. The modules of a clockwork layer
tick at different rates; the slow ones hold what the fast ones would forget. Both train
for the same number of epochs, and a picture shows what each has learned.
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np

import theanets

PERIODS = (1, 2, 4, 8, 16, 32, 64)


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    inputs, targets = waves(options.length)
    size = options.units - options.units % len(PERIODS)
    hidden = {
        "rnn": {"form": "rnn", "size": size, "activation": "tanh"},
        "clockwork": {
            "form": "clockwork",
            "size": size,
            "activation": "tanh",
            "periods": PERIODS,
        },
    }
    drawn = {}
    for name, layer in hidden.items():
        net = theanets.recurrent.Regressor([1, layer, 1], rng=options.seed)
        net.train(
            (inputs, targets),
            algo="adam",
            learning_rate=0.003,
            max_gradient_norm=1,
            max_epochs=options.epochs,
            validate_every=50,
            patience=options.epochs,
            progress=False,
        )
        drawn[name] = net.predict(inputs)[0, :, 0]
        error = np.square(drawn[name] - targets[0, :, 0]).mean()
        print(
            f"{name:10s} mean squared error after {options.epochs} epochs: {error:.2g}"
        )

    picture = options.out / "sinusoids.png"
    draw(targets[0, :, 0], drawn, picture)
    print(f"picture: {picture}")


def waves(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets, both (1, length, 1)."""
    time = np.arange(length)
    target = sum(np.sin(2 * np.pi * time / period) for period in (16, 37, 90)) / 3
    inputs = np.zeros((1, length, 1), "f4")
    inputs[0, 0] = 1
    return inputs, target.reshape(1, -1, 1).astype("f4")


def draw(target: np.ndarray, drawn: dict[str, np.ndarray], file: Path) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(drawn), sharex=True, figsize=(9, 5))
    for ax, (name, values) in zip(axes, drawn.items(), strict=True):
        ax.plot(target, color="0.7", label="target")
        ax.plot(values, label=name)
        ax.legend(loc="upper right")
    axes[-1].set_xlabel("time step")
    figure.savefig(file, dpi=100)
    pyplot.close(figure)


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--units", type=int, default=70, help="size of the layers")
    parser.add_argument("--length", type=int, default=200, help="steps of the wave")
    parser.add_argument("--epochs", type=int, default=1500, help="updates of each")
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="FOLDER", help="for the picture"
    )
    options = parser.parse_args()
    if options.units < len(PERIODS):
        parser.error(
            f"--units is {options.units}; it has to be {len(PERIODS)} or more, one "
            "for each period"
        )
    return options


if __name__ == "__main__":
    main()
