"""Classify digits with few labels, after hidden layers have learned from digits alone.

Only some training digits have a label. The hidden layers of one classifier first learn
to give back their input, from all digits, without labels; its twin learns from the
labelled ones alone. The picture shows what the first hidden units of both look for.
"""

import argparse
from pathlib import Path

import numpy as np

import theanets


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    (images, labels), (held, _), test = theanets.datasets.load_mnist()
    images, labels = images[: options.examples], labels[: options.examples]
    labelled = images[: options.labelled], labels[: options.labelled]

    hidden = [(size, "logistic") for size in options.sizes]
    nets = {
        name: theanets.Classifier([784, *hidden, 10]) for name in ("with", "without")
    }
    nets["with"].train(
        [images],
        [held],
        algo="pretrain",
        subalgo="adam",
        batch_size=64,
        input_noise=0.2,
        max_epochs=options.stage_epochs,
    )
    for name, net in nets.items():
        net.train(labelled, algo="adam", hidden_dropout=0.1, max_epochs=options.epochs)
        print(f"{name} pretraining: test accuracy {net.score(*test):.2%}")

    units = [net.find("hid1", "w").get_value()[:, :50] for net in nets.values()]
    ax = theanets.plotting.features(np.concatenate(units, axis=1), columns=10)
    ax.figure.savefig(options.out / "deep-classifier.png", dpi=100)


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--sizes", type=int, nargs="+", default=[256, 128, 64], help="hidden units")
    add("--examples", type=int, default=20000, help="digits without labels")
    add("--labelled", type=int, default=1000, help="digits with labels")
    add("--stage-epochs", type=int, default=5, help="passes over digits in each stage")
    add("--epochs", type=int, default=100, help="passes over the labelled ones")
    add("--out", type=Path, default=Path(), help="folder of the picture")
    return parser.parse_args()


if __name__ == "__main__":
    main()
