"""Train a deep autoencoder with tied weights, from the outermost pair inwards.

Each tied layer undoes one before it with the transpose of its weights. The layerwise
training gives each layer a good start; then all are trained together. The same model
from random weights is trained for as many epochs beside it. The picture shows digits,
and below them what either model makes of their code.
"""

import argparse
from pathlib import Path

import numpy as np

import theanets


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    (train,), (valid,), (test,) = theanets.datasets.load_mnist(labels=False)
    train = train[: options.examples]

    def model() -> theanets.Autoencoder:
        hidden = [(size, "logistic") for size in options.sizes]
        inner = [("tied", "logistic")] * (len(hidden) - 1)
        return theanets.Autoencoder([784, *hidden, *inner, "tied"])

    common = {"batch_size": 64, "learning_rate": 0.002}
    layerwise, plain = model(), model()
    print(layerwise)
    layerwise.train(
        train,
        valid,
        algo="layerwise",
        subalgo="adam",
        max_epochs=options.stage_epochs,
        **common,
    )
    print(f"after the layerwise training: R² {layerwise.score(test):.3f}")
    layerwise.train(train, valid, algo="adam", max_epochs=options.epochs, **common)
    whole = options.epochs + len(options.sizes) * options.stage_epochs
    plain.train(train, valid, algo="adam", max_epochs=whole, **common)
    print(f"after all were trained together: R² {layerwise.score(test):.3f}")
    print(f"from random weights, {whole} epochs: R² {plain.score(test):.3f}")

    digits = test[:10]
    rows = np.concatenate([digits, layerwise.predict(digits), plain.predict(digits)])
    ax = theanets.plotting.features(rows.T, columns=10)
    ax.figure.savefig(options.out / "deep-autoencoder.png", dpi=100)


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--sizes", type=int, nargs="+", default=[256, 64, 16], help="hidden units")
    add("--examples", type=int, default=20000, help="digits to learn from")
    add("--stage-epochs", type=int, default=5, help="passes over them in each stage")
    add("--epochs", type=int, default=10, help="passes with all layers together")
    add("--out", type=Path, default=Path(), help="folder of the picture")
    return parser.parse_args()


if __name__ == "__main__":
    main()
