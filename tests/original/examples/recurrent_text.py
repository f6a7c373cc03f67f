"""The next character of a text, by six kinds of recurrent layers."""

import matplotlib.pyplot as plt
import numpy as np

import theanets

text = theanets.recurrent.Text(theanets.datasets.load_text().lower().replace("\n", " "))

seed = text.encode(text.text[20000:20010])
for layer in (
    dict(form="rnn", activation="sigmoid"),
    dict(form="gru", activation="sigmoid"),
    dict(form="scrn", activation="linear"),
    dict(form="lstm"),
    dict(form="mrnn", activation="sigmoid", factors=len(text.alpha)),
    dict(form="clockwork", activation="linear", periods=(1, 2, 4, 8, 16)),
):
    losses = []
    layer.update(size=100)
    net = theanets.recurrent.Classifier(
        [1 + len(text.alpha), layer, 1000, 1 + len(text.alpha)]
    )
    for tm, _ in net.itertrain(
        text.classifier_batches(30, 16),
        min_improvement=0.99,
        validate_every=50,
        patience=0,
        algo="rmsprop",
        learning_rate=0.0001,
    ):
        if np.isnan(tm["loss"]):
            break
        said = text.decode(net.predict_sequence(seed, 30))
        print(f"{layer['form']}: {text.decode(seed)}|{said} ({100 * tm['acc']:.1f}%)")
        losses.append(tm["loss"])
    plt.plot(losses, label=layer["form"], alpha=0.7)

plt.gca().set_ylabel("Loss")
plt.gca().set_xlabel("Training Epoch")
plt.legend()
plt.show()
