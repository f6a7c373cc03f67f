"""What the contract tests check: every class of a catalogue, by its own example."""

from theanets.layers import FORMS


def parts(registry, skip="tests."):
    """Return the classes of a catalogue by name, without those that tests define."""
    classes = dict.fromkeys(registry[name] for name in registry)
    return {
        registry.label(cls): cls
        for cls in classes
        if skip is None or not cls.__module__.startswith(skip)
    }


def graphs(skip="tests."):
    """Return for each form of layer a small model, without its output."""
    return {
        form: [*cls.example_inputs, {"form": form, **cls.example}]
        for form, cls in parts(FORMS, skip).items()
    }
