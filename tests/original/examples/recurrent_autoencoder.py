"""Noise that goes through a recurrent layer and comes back."""

import numpy.random as rng

import theanets

TIME = 10
BATCH_SIZE = 32

exp = theanets.Experiment(theanets.recurrent.Autoencoder, layers=(3, ("rnn", 10), 3))


def generate():
    return [rng.randn(BATCH_SIZE, TIME, 3).astype("f")]


batch = generate()
theanets.log.info("data batches: %s", batch[0].shape)

exp.train(generate)

print(f"R2: {exp.network.score(generate()[0]):.4f}")
