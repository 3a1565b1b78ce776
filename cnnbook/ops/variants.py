"""The 1-D and the 3-D operation beside a 2-D one: the same arguments, another number of axes."""

import inspect


def variants(operation, core, *first):
    """Make the 1-D and the 3-D operation that go with a 2-D `operation`.

    `core` is called with `first`, the number of axes, and all arguments in their order.
    """
    signature = inspect.signature(operation)
    return [_variant(operation, signature, core, first, axes) for axes in (1, 3)]


def _variant(operation, signature, core, first, axes):
    def variant(*arguments, **options):
        given = signature.bind(*arguments, **options)
        given.apply_defaults()
        return core(*first, axes, *given.args)

    name = operation.__name__
    variant.__name__ = variant.__qualname__ = name.replace("2d", f"{axes}d")
    variant.__doc__ = f"As `{name}`, over {'one axis' if axes == 1 else 'three axes'}."
    variant.__module__, variant.__signature__ = operation.__module__, signature
    return variant
