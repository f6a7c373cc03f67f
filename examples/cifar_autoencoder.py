"""Learn features of small colour pictures with a denoising autoencoder.

It reads the binary version of CIFAR-10, the one for C programs, from a folder that you
name: data_batch_1.bin and so on. Each of its records is a byte for the label and 3072
for 32 x 32 pixels: first all red values, then green, then blue. A picture shows some
images and, below each, what the network gives back.
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np

import theanets

SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE


def main() -> None:
    options = arguments()
    images = read(options.folder)
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"{len(images)} images")
    pixels = images.reshape(len(images), -1)
    count = max(1, len(pixels) // 10)
    train, valid = pixels[:-count], pixels[-count:]

    net = theanets.Autoencoder(
        [pixels.shape[1], (options.units, "logistic"), ("tied", pixels.shape[1])]
    )
    net.train(
        train,
        valid,
        algo="adam",
        batch_size=64,
        input_noise=0.1,
        validate_every=1,
        max_epochs=options.epochs,
    )
    print(f"R² of the reconstruction: {net.score(valid):.3f}")
    picture = options.out / "cifar-autoencoder.png"
    draw(valid[:10], net.predict(valid[:10]), picture)
    print(f"picture: {picture}")


def read(folder: Path) -> np.ndarray:
    """Return the images of a folder, (count, 32, 32, 3), from 0 to 1."""
    files = sorted(folder.glob("data_batch_*.bin"))
    if not files:
        raise SystemExit(
            f"{folder} has no file data_batch_*.bin. Unpack the binary version of "
            "CIFAR-10 there (cifar-10-binary.tar.gz)."
        )
    images = []
    for file in files:
        data = np.fromfile(file, np.uint8)
        if not len(data) or len(data) % RECORD:
            raise SystemExit(
                f"{file} has {len(data)} bytes, which is no number of records of "
                f"{RECORD} bytes. It is damaged, or not of CIFAR-10."
            )
        planes = data.reshape(-1, RECORD)[:, 1:].reshape(-1, 3, SIDE, SIDE)
        images.append(planes.transpose(0, 2, 3, 1).astype("f4") / 255)
    found = np.concatenate(images)
    if len(found) < 2:
        raise SystemExit(f"{folder} has one image; at least 2 are needed.")
    return found


def draw(originals: np.ndarray, given_back: np.ndarray, file: Path) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [
        np.concatenate([*part.reshape(-1, SIDE, SIDE, 3)], axis=1)
        for part in (originals, given_back)
    ]
    pyplot.imsave(file, np.clip(np.concatenate(rows), 0, 1))


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where the .bin files are")
    parser.add_argument("--units", type=int, default=256, help="size of the code")
    parser.add_argument("--epochs", type=int, default=5, help="passes over the images")
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="FOLDER", help="for the picture"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
