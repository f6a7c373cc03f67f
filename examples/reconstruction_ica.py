"""Find the strokes that digits are made of, by independent component analysis.

Reconstruction ICA is a linear autoencoder with tied weights and a sparse code: to
the error of the reconstruction it adds a smooth magnitude of the code, which is a
regularizer of our own here. Source: Q. V. Le et al. (2011), ICA with Reconstruction
Cost for Efficient Overcomplete Feature Learning.
"""

import argparse
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import theanets


class SparseCode(theanets.Regularizer):
    """Mean of log cosh of the hidden outputs, a smooth magnitude."""

    aliases = ("sparse_code",)
    default_role = "hidden"

    def penalty(self, evaluation):
        """Return the mean."""
        names = self.targets(evaluation.outputs, evaluation.roles)
        code = jnp.abs(jnp.concatenate([evaluation.outputs[name] for name in names]))
        # log cosh, written so that nothing overflows.
        return (code + jnp.log1p(jnp.exp(-2 * code)) - jnp.log(2.0)).mean()


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    (images,), *_ = theanets.datasets.load_mnist(flatten=False, labels=False)
    patches = cut(images[..., 0], options.side, options.patches)
    white, back = whitened(patches, options.directions)

    net = theanets.Autoencoder([white.shape[1], (options.units, "linear"), "tied"])
    net.train(
        [white],
        algo="adam",
        batch_size=128,
        learning_rate=0.002,
        sparse_code=options.sparsity,
        max_epochs=options.epochs,
    )
    print(f"R² of the reconstruction: {net.score(white):.3f}")
    code = np.abs(net.encode(white))
    quiet = (code < code.max(axis=0) / 10).mean()
    print(f"part of the code that is below a tenth of its largest value: {quiet:.1%}")

    features = back @ net.find("hid1", "w").get_value()
    shape = (options.side, options.side)
    ax = theanets.plotting.features(features, shape)
    ax.figure.savefig(options.out / "reconstruction-ica.png", dpi=100)


def cut(images: np.ndarray, side: int, count: int) -> np.ndarray:
    """Return square patches from random places that are not empty, as rows."""
    rng = np.random.default_rng(0)
    windows = np.lib.stride_tricks.sliding_window_view(images, (side, side), (1, 2))
    places = [rng.integers(0, n, 3 * count) for n in windows.shape[:3]]
    patches = windows[tuple(places)].reshape(3 * count, side * side)
    return patches[patches.std(axis=1) > 0.1][:count]


def whitened(rows: np.ndarray, directions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows without correlations, and the matrix that leads back to pixels."""
    centred = rows - rows.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(centred, rowvar=False))
    spread = np.sqrt(variances[-directions:])
    vectors = vectors[:, -directions:]
    return centred @ (vectors / spread), vectors * spread


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--units", type=int, default=100, help="size of the code")
    add("--side", type=int, default=12, help="height and width of a patch, in pixels")
    add("--directions", type=int, default=64, help="dimensions kept by whitening")
    add("--patches", type=int, default=30000, help="patches to learn from")
    add("--sparsity", type=float, default=1.0, help="weight of the sparse code")
    add("--epochs", type=int, default=30, help="passes over them")
    add("--out", type=Path, default=Path(), help="folder of the picture")
    return parser.parse_args()


if __name__ == "__main__":
    main()
