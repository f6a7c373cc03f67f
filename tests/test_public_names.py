"""What users import: each path, and the names that it has for them."""

import importlib

import pytest

import theanets

PUBLIC = {
    "theanets": """
        __version__ Activation activations Autoencoder callbacks CheckpointError
        Classifier clear_cache ConcurrencyError config ConfigurationError Controls
        convolution data DataError Dataset datasets enable_default_logging errors
        Experiment feedforward Layer layers load log Loss losses minimize ModelFileError
        Network NonFiniteError Optimizer optimizers Parameter plotting recurrent
        Regressor Regularizer regularizers TheanetsError TrainOptions""",
    "theanets.activations": """
        Activation Custom Elu LGrelu Leak Lgrelu Maxout Prelu REGISTRY build largest
        linear softmax""",
    "theanets.callbacks": "Callback Report",
    "theanets.config": "config",
    "theanets.convolution": "Classifier Regressor",
    "theanets.data": "LazyArray",
    "theanets.datasets": "load_mnist load_text",
    "theanets.errors": """
        CheckpointError ConcurrencyError ConfigurationError DataError ModelFileError
        NonFiniteError TheanetsError UnknownNameError""",
    "theanets.feedforward": "Autoencoder Classifier Regressor",
    "theanets.initializers": "as_seed random_matrix random_vector stream",
    "theanets.layers": "Layer Feedforward Flatten Input Tied Recurrent LSTM GRU RNN",
    "theanets.layers.base": "Layer Shape",
    "theanets.layers.convolution": "Conv1 Conv2",
    "theanets.layers.feedforward": "Feedforward Tied Classifier",
    "theanets.layers.recurrent": "LSTM GRU RNN Bidirectional Clockwork",
    "theanets.losses": "Loss MeanAbsoluteError MeanSquaredError",
    "theanets.optimizers": "ALGORITHMS Hyperparam keywords resolve",
    "theanets.plotting": "features",
    "theanets.recurrent": "Autoencoder Classifier Regressor Text batches padded",
    "theanets.regularizers": """
        Regularizer WeightL1 WeightL2 HiddenL1 Contractive RecurrentNorm RecurrentState
        from_kwargs""",
}

HOMES = {
    "theanets.Classifier": "theanets.models.feedforward",
    "theanets.Dataset": "theanets.data.dataset",
    "theanets.Experiment": "theanets.models.experiment",
    "theanets.Layer": "theanets.layers.base",
    "theanets.Network": "theanets.models.network",
    "theanets.Parameter": "theanets.models.parameters",
    "theanets.minimize": "theanets.models.minimize",
    "theanets.convolution.Classifier": "theanets.models.convolution",
    "theanets.recurrent.Text": "theanets.datasets.text",
    "theanets.recurrent.padded": "theanets.datasets.padding",
    "theanets.recurrent.Regressor": "theanets.models.recurrent",
}


@pytest.mark.parametrize("path", PUBLIC)
def test_names_are_where_users_import_them(path):
    module = importlib.import_module(path)
    missing = [name for name in PUBLIC[path].split() if not hasattr(module, name)]
    assert not missing


def test_the_list_is_whole():
    assert set(theanets.__all__) <= set(PUBLIC["theanets"].split())


@pytest.mark.parametrize("name", HOMES)
def test_they_come_from_the_folder_of_their_subject(name):
    path, _, last = name.rpartition(".")
    assert getattr(importlib.import_module(path), last).__module__ == HOMES[name]
