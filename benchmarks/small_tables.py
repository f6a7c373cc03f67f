"""The small tables of scikit-learn, with nothing but ``valid=0.1`` and ``scale=True``.

    python -m benchmarks.small_tables

Prints, for theanets and for scikit-learn's MLP with early stopping and inputs scaled by
hand, the mean score over five splits with its standard error, and seconds a training.
Both have one hidden layer of 100. Scores are on a quarter of the examples that neither
has seen: accuracy, or R2.
"""

import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import theanets

TABLES = {
    "breast cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
}
SEEDS = range(5)
Score = Callable[[np.ndarray, np.ndarray], float]


def of_theanets(x: np.ndarray, y: np.ndarray, classes: int, seed: int) -> Score:
    """Train, and return the function that scores."""
    inputs = dict(size=x.shape[1], scale=True)
    if classes:
        net = theanets.Classifier([inputs, 100, classes], rng=seed)
    else:
        net = theanets.Regressor([inputs, 100, 1], rng=seed)
    net.train((x, y), 0.1, progress=False)
    return net.score


def of_sklearn(x: np.ndarray, y: np.ndarray, classes: int, seed: int) -> Score:
    """Train, and return the function that scores."""
    kind = MLPClassifier if classes else MLPRegressor
    mlp = kind(early_stopping=True, random_state=seed)
    return make_pipeline(StandardScaler(), mlp).fit(x, y).score


def main() -> None:
    """Measure all, and print a line for each table and library."""
    warnings.simplefilter("ignore")
    for name, load in TABLES.items():
        x, y = load(return_X_y=True)
        classes = 0 if name == "diabetes" else len(np.unique(y))
        for fit in (of_theanets, of_sklearn):
            scores, seconds = [], []
            for seed in SEEDS:
                kept, test, y_kept, y_test = train_test_split(
                    x, y, random_state=seed, stratify=y if classes else None
                )
                begun = time.perf_counter()
                score = fit(kept, y_kept, classes, seed)
                seconds.append(time.perf_counter() - begun)
                scores.append(score(test, y_test))
            error = np.std(scores, ddof=1) / len(scores) ** 0.5
            print(
                f"{name:14} {fit.__name__[3:]:9} {np.mean(scores):.4f} +- {error:.4f}  "
                f"{np.median(seconds):.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
