"""PyTorch on a task of `benchmarks.tasks`, eager, in a plain loop over tensors.

The LSTM is the fused `nn.LSTM`. The RNN and the GRU are modules that go through time
step by step, as every cell has to that is not built in.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks import tasks
from benchmarks.workers.protocol import (
    LEARNING_RATE,
    MOMENTUM,
    Model,
    Worker,
    main,
    timed,
)


class Stepwise(nn.Module):
    """A recurrent layer over (batch, time, inputs); subclasses write one step."""

    def __init__(self, inputs: int, units: int, gates: int) -> None:
        super().__init__()
        self.units = units
        self.of_input = nn.Linear(inputs, gates * units)
        self.of_state = nn.Linear(units, gates * units, bias=False)

    def step(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        projected = self.of_input(sequence)
        h = sequence.new_zeros(len(sequence), self.units)
        states = []
        for x in projected.unbind(1):
            h = self.step(x, h)
            states.append(h)
        return torch.stack(states, 1)


class Rnn(Stepwise):
    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units, 1)

    def step(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.of_state(h))


class Gru(Stepwise):
    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units, 3)

    def step(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        x_new, x_gates = x.split((self.units, 2 * self.units), 1)
        w_new, w_gates = self.of_state.weight.split((self.units, 2 * self.units))
        r, z = torch.sigmoid(x_gates + h @ w_gates.T).chunk(2, 1)
        new = torch.relu(x_new + (r * h) @ w_new.T)
        return torch.lerp(h, new, z)


class Lstm(nn.Module):
    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, units, batch_first=True)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        return self.lstm(sequence)[0]


CELLS = {"rnn": Rnn, "gru": Gru, "lstm": Lstm}


def network(task: tasks.Task) -> nn.Module:
    """Return the task's model."""
    if task.key == "autoencoder":
        return nn.Sequential(
            *(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU()),
            *(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 784)),
        )
    if task.key == "convolution":
        return nn.Sequential(
            *(nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(512, 10)),
        )
    layer = CELLS[task.cell](task.inputs, task.units)
    return nn.Sequential(layer, nn.Linear(task.units, task.outputs))


class PyTorch(Model):
    def __init__(self, task: tasks.Task, arrays: tasks.Arrays, threads: int) -> None:
        inputs = arrays.inputs
        if task.key == "convolution":
            inputs = inputs.transpose(0, 3, 1, 2).copy()
        labels = arrays.targets.ndim == 1
        targets = arrays.targets.astype(np.int64) if labels else arrays.targets
        self.inputs, self.targets = map(torch.from_numpy, (inputs, targets))
        self.batch, self.threads = task.batch, threads
        self.loss = functional.cross_entropy if labels else functional.mse_loss
        torch.set_num_threads(threads)
        self.model = network(task)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=LEARNING_RATE,
            momentum=MOMENTUM,
            nesterov=True,
            fused=True,
        )

    def epoch(self) -> float:
        torch.set_num_threads(self.threads)
        return timed(self.train)

    def train(self) -> None:
        for rows in torch.randperm(len(self.inputs)).split(self.batch):
            x = self.inputs.index_select(0, rows)
            y = self.targets.index_select(0, rows)
            self.optimizer.zero_grad(set_to_none=True)
            self.loss(self.model(x), y).backward()
            self.optimizer.step()


class PyTorchTasks(Worker):
    def load(self, folder: Path) -> tasks.Arrays:
        return tasks.load(tasks.BY_KEY[self.option], folder)

    def variants(
        self, arrays: tasks.Arrays, batch: int
    ) -> dict[str, Callable[[], Model]]:
        torch.manual_seed(13)
        task = tasks.BY_KEY[self.option]
        counts = dict.fromkeys((torch.get_num_threads(), 1, os.cpu_count() or 1))
        return {
            f"{n} thread{'s' * (n > 1)}": lambda n=n: PyTorch(task, arrays, n)
            for n in counts
        }


if __name__ == "__main__":
    main(PyTorchTasks)
