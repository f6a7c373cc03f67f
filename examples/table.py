"""From a table in a CSV file to a saved classifier, and back to predictions.

Without --csv a table of customers is made up. Every column but the target is read as
numbers if it holds numbers, and as categories if it holds texts.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

import theanets


def main() -> None:
    options = arguments()
    table = pd.read_csv(options.csv, na_values=["?"]) if options.csv else customers()
    rng = np.random.default_rng(1)
    test = rng.random(len(table)) < 0.2

    # The classes are numbered; `classes` gets them back.
    classes, labels = np.unique(table.pop(options.target), return_inverse=True)
    median = table[~test].median(numeric_only=True)
    inputs = numbers(table, median)

    net = theanets.Classifier(
        [dict(size=inputs.shape[1], scale=True), 50, len(classes)]
    )
    net.train((inputs[~test], labels[~test]), 0.1, max_epochs=options.epochs)

    # Whether that is good: what comes of always naming the commonest class?
    commonest = np.bincount(labels[~test]).argmax()
    print(f"test accuracy {net.score(inputs[test], labels[test]):.4f}, ", end="")
    print(f"of the commonest class {(labels[test] == commonest).mean():.4f}")
    predicted = net.predict(inputs[test])
    print(
        pd.crosstab(classes[labels[test]], classes[predicted], colnames=["predicted"])
    )

    # The model knows its columns; what else new rows need is kept beside it.
    net.save(options.save)
    beside = {"classes": classes.tolist(), "median": median.to_dict()}
    options.save.with_suffix(".json").write_text(json.dumps(beside))

    again = theanets.load(options.save)
    known = json.loads(options.save.with_suffix(".json").read_text())
    row = numbers(table.head(1), pd.Series(known["median"]))
    # A row has few of the categories; the others are 0.
    row = row.reindex(columns=again.columns["in"], fill_value=0)
    print(f"the first row is: {known['classes'][again.predict(row)[0]]}")


def numbers(table: pd.DataFrame, median: pd.Series) -> pd.DataFrame:
    """Return a table of numbers: gaps filled, and a column for each category."""
    return pd.get_dummies(table.fillna(median), dtype=float)


def customers() -> pd.DataFrame:
    """Return customers who stay or leave, with some incomes unknown."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 90, 2000)
    income = np.where(rng.random(2000) < 0.1, np.nan, rng.lognormal(10.5, 0.5, 2000))
    city = rng.choice(["Lille", "Lyon", "Paris"], 2000)
    chance = 1 / (1 + np.exp((age - 45) / 8 + 2 * (city == "Paris")))
    churned = np.where(rng.random(2000) < chance, "yes", "no")
    return pd.DataFrame(
        {"age": age, "income": income, "city": city, "churned": churned}
    )


def arguments() -> argparse.Namespace:
    summary, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--csv", type=Path, help="file of the table, with names in its first line")
    add("--target", default="churned", help="name of the column to predict")
    add("--epochs", type=int, default=200, help="most passes over the table")
    add("--save", type=Path, default="table.safetensors", help="file for the model")
    return parser.parse_args()


if __name__ == "__main__":
    main()
