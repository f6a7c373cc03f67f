"""What ``train(..., callbacks=...)`` calls while a model trains.

`Callback` is the base class of your own, `Report` is what each of its methods gets. A
function f(epoch, training, validation) works too.

>>> import numpy as np, theanets
>>> class Learning(theanets.callbacks.Callback):
...     def on_start(self, report):
...         print("at a rate of", report.learning_rate)
...     def on_epoch(self, report):
...         print("epoch", report.epoch, "of", report.max_epochs)
...     def on_finish(self, report):
...         print(report.reason.partition(":")[0])
>>> x = np.linspace(-1, 1, 64)[:, None]
>>> net = theanets.Regressor([1, 8, 1])
>>> _ = net.train((x, x**2), max_epochs=2, callbacks=Learning(), progress=False)
at a rate of 0.001
epoch 1 of 2
epoch 2 of 2
reached max_epochs=2
"""

from theanets.training.callbacks import Callback
from theanets.training.report import Report

__all__ = ["Callback", "Report"]
