"""Phonemes of speech by three bidirectional layers, on segments of unlike length."""

import numpy as np

import theanets
from data import load_chime

BATCH_SIZE = 32


# Returns a callable that chooses utterances.
def batches(dataset):
    def sample():
        chosen = np.random.choice(len(dataset[0]), BATCH_SIZE, replace=False)
        return [array[chosen] for array in dataset]

    return sample


def layer(n):
    return dict(form="bidirectional", worker="lstm", size=n)


train, valid = load_chime(640, seed=1), load_chime(128, seed=2)

exp = theanets.Experiment(
    theanets.recurrent.Classifier,
    layers=(39, layer(156), layer(300), layer(102), 51),
    weighted=True,
)
exp.train(
    batches(train),
    batches(valid),
    input_noise=0.6,
    train_batches=30,
    valid_batches=3,
    batch_size=BATCH_SIZE,
)

print(f"accuracy on valid: {exp.network.score(*valid):.4f}")
