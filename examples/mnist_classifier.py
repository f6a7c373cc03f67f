"""Learn to read handwritten digits: train, test, save, load, and predict.

This is the model of the tutorial: 784 pixels, 100 hidden units, 10 classes,
trained by Nesterov's accelerated gradient until the validation loss no longer
improves. It writes the trained model and a picture of what each hidden unit
looks for.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import theanets


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    model_file = options.out / "mnist.safetensors"
    picture_file = options.out / "mnist-features.png"

    train, valid, test = theanets.datasets.load_mnist()
    net = theanets.Classifier(layers=[784, 100, 10])
    print(net)

    began = time.perf_counter()
    net.train(
        train,
        valid,
        algo="nag",
        learning_rate=1e-3,
        momentum=0.9,
        max_epochs=options.epochs,
    )
    print(f"\ntrained for {time.perf_counter() - began:.0f} s")

    images, labels = test
    print(f"test accuracy: {net.score(images, labels):.2%}\n")
    print(table(confusion(labels, net.predict(images))))

    net.save(model_file)
    ax = theanets.plotting.features(net.find("hid1", "w"), shape=(28, 28))
    ax.figure.savefig(picture_file, dpi=100)
    print(f"\nmodel:    {model_file}\nfeatures: {picture_file}\n")

    loaded = theanets.load(model_file)
    print("The loaded model reads the first test digits:")
    for image, label in zip(images[:3], labels[:3], strict=True):
        print(f"{drawing(image)}\npredicted {loaded.predict(image)}, it is a {label}\n")


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=details)
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="stop after N passes over the training images (default: when the "
        "validation loss stops improving)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="where to write mnist.safetensors and mnist-features.png (default: "
        "the current folder)",
    )
    return parser.parse_args()


def confusion(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Count the examples of each class (row) that were given each class (column)."""
    cells = 10 * labels.astype(int) + predicted.astype(int)
    return np.bincount(cells, minlength=100).reshape(10, 10)


def table(counts: np.ndarray) -> str:
    """Return a confusion matrix as text, a dot for zero."""
    heads = "".join(f"{digit:6d}" for digit in range(10))
    lines = ["digit   predicted as", " " * 5 + heads + "   right"]
    for digit, row in enumerate(counts):
        cells = "".join(f"{count or '.':>6}" for count in row)
        lines.append(f"{digit:5d}{cells}  {row[digit] / max(1, row.sum()):6.1%}")
    return "\n".join(lines)


def drawing(image: np.ndarray) -> str:
    """Return a picture of 28 x 28 pixels as text."""
    pixels = image.reshape(14, 2, 28).mean(axis=1)
    levels = (pixels * 4.99).astype(int)
    shades = np.array(list(" .:*#"))[levels[levels.any(axis=1)]]
    return "\n".join("".join(row).rstrip() for row in shades)


if __name__ == "__main__":
    main()
