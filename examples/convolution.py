"""Learn to read handwritten digits with small filters that look at every place.

Two layers of 5 x 5 filters, each followed by the largest of 2 x 2 neighbours, and one
output for each digit. It writes a picture of the filters of the first layer.
"""

import argparse
import time
from pathlib import Path

import theanets


def main(given: list[str] | None = None) -> None:
    options = arguments(given)
    options.out.mkdir(parents=True, exist_ok=True)
    picture_file = options.out / "convolution-filters.png"

    train, valid, test = (
        (images[: options.examples], labels[: options.examples])
        for images, labels in theanets.datasets.load_mnist(flatten=False)
    )
    first, second = options.filters
    net = theanets.convolution.Classifier(
        [
            (28, 28, 1),
            {"form": "conv2", "size": first, "filter_size": 5},
            {"form": "pool2", "pool_size": 2},
            {"form": "conv2", "size": second, "filter_size": 5},
            {"form": "pool2", "pool_size": 2},
            "flat",
            10,
        ]
    )
    print(net)

    began = time.perf_counter()
    net.train(
        train,
        valid,
        algo="adam",
        learning_rate=1e-3,
        batch_size=64,
        max_epochs=options.epochs,
        validate_every=1,
    )
    print(f"\ntrained for {time.perf_counter() - began:.0f} s")
    print(f"test accuracy: {net.score(*test):.2%}")

    # One column for each filter, as the picture wants them.
    filters = net.find("hid1", "w").get_value().reshape(first, 25).T
    ax = theanets.plotting.features(filters, shape=(5, 5))
    ax.figure.savefig(picture_file, dpi=100)
    print(f"filters: {picture_file}")


def arguments(given: list[str] | None) -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details)
    parser.add_argument(
        "--epochs",
        type=int,
        default=5,
        metavar="N",
        help="passes over the training images (default: 5)",
    )
    parser.add_argument(
        "--examples",
        type=int,
        metavar="N",
        help="how many images to train with, and at most to test with (default: all)",
    )
    parser.add_argument(
        "--filters",
        type=int,
        nargs=2,
        default=(16, 32),
        metavar="N",
        help="number of filters of the two layers (default: 16 32)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="where to write convolution-filters.png (default: the current folder)",
    )
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
