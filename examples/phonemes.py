"""Tell which phoneme is spoken at each moment, as in the CHiME challenge.

It reads a folder with two files for each utterance: NAME.features.npy, numbers (time,
features), and NAME.labels.npy, whole numbers (time,) from 0 on. Utterances differ in
length: all are padded to the longest, and a mask tells a bidirectional LSTM which steps
are real. --make-demo writes such a folder, with artificial speech, and then uses it.
"""

import argparse
from pathlib import Path

import numpy as np

import theanets


def main() -> None:
    options = arguments()
    if options.make_demo:
        make_demo(options.folder)
    utterances = read(options.folder)
    features = utterances[0][0].shape[1]
    classes = 1 + max(int(labels.max()) for _, labels in utterances)
    print(f"{len(utterances)} utterances, {features} features, {classes} phonemes")
    count = max(1, len(utterances) // 5)
    train, valid = padded(utterances[:-count]), padded(utterances[-count:])

    net = theanets.recurrent.Classifier(
        [
            features,
            {"form": "input", "name": "mask", "shape": (None,)},
            {
                "form": "bidirectional",
                "worker": "lstm",
                "size": options.units,
                "inputs": "in",
                "mask": "mask",
            },
            classes,
        ],
        weighted=True,
    )
    print(net)
    net.train(
        train,
        valid,
        algo="adam",
        learning_rate=0.005,
        max_gradient_norm=1,
        batch_size=16,
        validate_every=1,
        max_epochs=options.epochs,
    )
    x, mask, labels, weights = valid
    accuracy = net.score([x, mask], labels, weights)
    common = np.bincount(labels[weights > 0]).max() / weights.sum()
    print(f"right: {accuracy:.1%} of all moments; the commonest phoneme: {common:.1%}")


def read(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return features and labels of each utterance of a folder."""
    found = []
    for file in sorted(folder.glob("*.features.npy")):
        other = file.with_name(file.name.replace(".features.", ".labels."))
        if not other.is_file():
            raise SystemExit(f"{other} is missing; {file} has no labels.")
        try:
            # Arrays of Python objects would run code.
            features, labels = (np.load(f, allow_pickle=False) for f in (file, other))
        except (ValueError, EOFError) as error:
            raise SystemExit(f"{file} or {other.name} is no array: {error}") from None
        kinds = features.dtype.kind in "iuf" and labels.dtype.kind in "iu"
        if not kinds or features.ndim != 2 or labels.shape != features.shape[:1]:
            raise SystemExit(
                f"{file} has the shape {features.shape} of {features.dtype}, and its "
                f"labels {labels.shape} of {labels.dtype}; expected numbers (time, "
                "features), and whole numbers (time,)."
            )
        if found and features.shape[1] != found[0][0].shape[1]:
            raise SystemExit(
                f"{file} has {features.shape[1]} features, and the files before "
                f"{found[0][0].shape[1]}. All need the same."
            )
        found.append((features.astype("f4"), labels.astype("i4")))
    if len(found) < 2:
        raise SystemExit(
            f"{folder} has {len(found)} utterances; at least 2 are needed, as "
            "NAME.features.npy and NAME.labels.npy. Try --make-demo."
        )
    return found


def padded(
    utterances: list[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return features, masks, labels and weights, with zeros after each end."""
    longest = max(len(labels) for _, labels in utterances)
    shape = len(utterances), longest
    features = np.zeros((*shape, utterances[0][0].shape[1]), "f4")
    mask, labels = np.zeros(shape, "f4"), np.zeros(shape, "i4")
    for i, (x, y) in enumerate(utterances):
        features[i, : len(y)], labels[i, : len(y)], mask[i, : len(y)] = x, y, 1
    return features, mask, labels, mask


def make_demo(
    folder: Path, utterances: int = 100, classes: int = 8, features: int = 13
) -> None:
    """Write utterances whose phonemes last some steps and sound much alike."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    sounds = rng.standard_normal((classes, features))
    for number in range(utterances):
        phonemes = rng.integers(0, classes, rng.integers(4, 10))
        labels = np.repeat(phonemes, rng.integers(3, 9, len(phonemes)))
        noise = 1.5 * rng.standard_normal((len(labels), features))
        name = f"utterance{number:03d}"
        np.save(folder / f"{name}.features.npy", (sounds[labels] + noise).astype("f4"))
        np.save(folder / f"{name}.labels.npy", labels.astype("i4"))


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where the utterances are")
    parser.add_argument(
        "--make-demo", action="store_true", help="write artificial ones there first"
    )
    parser.add_argument("--units", type=int, default=64, help="size of the layer")
    parser.add_argument("--epochs", type=int, default=20, help="passes over them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
