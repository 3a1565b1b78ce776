"""Every integer argument of the NumPy packages, given what no integer argument should be given.

The calls run in a process of their own: an alarm ends one that hangs, and its memory is limited.
What comes back is a right result, ValueError or TypeError.
"""

import faulthandler
import inspect
import resource
import subprocess
import sys

import numpy as np
import pytest

from cnnbook import derivation, numpy_net, ops, shapes

HUGE = [2**31, 2**40, 2**63 - 1, 2**63, 2**64, 10**30]
WRONG = [True, 2.0, float("nan"), float("inf"), None, "2", "", b"2", 1j, [], (), {}, object()]
WRONG += [np.array([]), np.array([[2]]), np.nan, np.float64(2), np.bool_(True)]
SMALL = [-(10**30), -(2**31), -1, 0]
MODULES = {"ops": ops, "shapes": shapes, "derivation": derivation, "numpy_net": numpy_net}
MEMORY = 6 * 2**30  # 2**31 float32 do not fit


def rand(*shape):
    return np.random.default_rng(0).normal(size=shape)


def settings(axes):
    """Arguments of each operation over `axes` axes, the integers small."""
    x, size = rand(1, 2, *(6, 5, 4)[:axes]), (3, 2, 1)[:axes]
    window = {"kernel_size": 2, "stride": 2, "padding": 1}
    conv = {"stride": 1, "padding": 1, "dilation": 1, "groups": 1}
    return {
        f"conv{axes}d": {"x": x, "weight": rand(4, 2, *size), **conv},
        f"conv_transpose{axes}d": {
            **{"x": x, "weight": rand(2, 4, *size)},
            **{"stride": 2, "padding": 0, "output_padding": 1, "groups": 1, "dilation": 1},
        },
        f"max_pool{axes}d": {"x": x, **window, "dilation": 1},
        f"avg_pool{axes}d": {"x": x, **window},
        f"adaptive_avg_pool{axes}d": {"x": x, "output_size": 2},
        f"adaptive_max_pool{axes}d": {"x": x, "output_size": 2},
    }


OPS = {name: given for axes in (1, 2, 3) for name, given in settings(axes).items()}
OPS["avg_pool2d"]["divisor_override"] = OPS["avg_pool3d"]["divisor_override"] = 3
columns = {"kernel_size": 2, "dilation": 1, "padding": 0, "stride": 2}
OPS |= {
    "unfold": {"x": rand(1, 2, 6, 4), **columns},
    "fold": {"x": rand(1, 8, 6), "output_size": (6, 4), **columns},
    "pad": {"x": rand(1, 2, 4, 3), "pad": (1, 1)},
    "local_response_norm": {"x": rand(1, 4, 2), "size": 2},
    "softmax": {"x": rand(2, 3), "dim": 1},
    "log_softmax": {"x": rand(2, 3), "dim": 1},
}
window = {"size": 5, "kernel_size": 3, "stride": 1, "dilation": 1}
channels = {"in_channels": 2, "out_channels": 4, "kernel_size": 3, "groups": 1}
features = {"in_features": 3, "out_features": 2}
step = {"stride": 1, "padding": 0}
axes = {"input_size": (4, 5), "kernel_size": (2, 3), **step}
TABLE = {
    "ops": OPS,
    "shapes": {
        "effective_kernel_size": {"kernel_size": 3, "dilation": 1},
        "output_size": {**window, "padding": 0},
        "pool_output_size": {**window, "padding": 0},
        "transposed_output_size": {**window, "padding": 0, "output_padding": 0},
        "same_padding_range": window,
        "same_padding": window,
        "participation_counts": {**window, "padding": 0},
        "conv_parameters": channels,
        "conv_macs": {**channels, "output_size": 4},
        "linear_parameters": features,
    },
    "derivation": {
        "dense_parameters": {"input_size": (4, 5), "output_size": (3, 2)},
        "locally_connected_parameters": {"output_size": (3, 2), "kernel_size": (2, 3)},
        "shared_parameters": {"kernel_size": (2, 3)},
        "offset_parameters": {"input_size": (4, 5), "output_size": (3, 2), "stride": 1},
        "locally_connected": {"x": rand(4, 5), "weight": rand(3, 3, 2, 3), **step},
        "weight_pattern": {**axes, "shared": True, "local": True},
        "local_weights": {"weight": rand(3, 3, 2, 3), "input_size": (4, 5), **step},
        "toeplitz": {"kernel": rand(2, 3), "input_size": (4, 5), **step},
    },
    "numpy_net": {
        "Conv2d": {**channels, "stride": 1, "padding": 0, "dilation": 1},
        "Linear": features,
        "MaxPool2d": {"kernel_size": 2, "stride": 2, "padding": 0, "dilation": 1},
        "AvgPool2d": {"kernel_size": 2, "stride": 2, "padding": 0, "divisor_override": 3},
        "simple_conv_net": {
            **{"input_dim": (1, 8, 8), "filter_num": 2, "filter_size": 3, "stride": 1, "pad": 0},
            **{"hidden_size": 4, "output_size": 3},
        },
        "lenet": {"in_channels": 1, "num_classes": 3, "padding": 2},
    },
}
NO_INTEGERS = {
    "ops": "conv2d_loops linear relu sigmoid tanh convolve correlate cross_entropy",
    "shapes": "Padding per_axis",
    "derivation": "dense from_offsets to_offsets place",
    "numpy_net": "SGD Adam CrossEntropyLoss Flatten Layer ReLU Sequential Tanh",
}


def public(module):
    own = getattr(module, "__all__", None)
    return own or [n for n, f in vars(module).items() if inspect.isfunction(f) and n[0] != "_"]


@pytest.mark.parametrize("module", MODULES)
def test_the_table_has_every_function_with_an_integer(module):
    covered = {*TABLE[module], *NO_INTEGERS[module].split()}
    forwards = {name.removesuffix("_backward") for name in public(MODULES[module])}
    imported = set("axis_count axis_rows check_memory integer like_arguments NamedTuple".split())
    assert forwards - imported <= covered


def variants(value, hostile):
    """The hostile value for the whole argument, and for each entry of a tuple."""
    yield hostile
    if isinstance(value, tuple):
        for i in range(len(value)):
            yield (*value[:i], hostile, *value[i + 1 :])


def calls(module):
    """List (name, argument, value, call) for each hostile value of each integer argument."""
    for name, given in TABLE[module].items():
        function = getattr(MODULES[module], name)
        names = [name, f"{name}_backward"] if module == "ops" else [name]
        out = function(**given) if module == "ops" else None
        for called in names:
            extra = {} if called == name else {"grad_out": out}
            function = getattr(MODULES[module], called)
            for argument, value in given.items():
                if isinstance(value, (np.ndarray, bool)):
                    continue
                for hostile in (*HUGE, *SMALL, *WRONG):
                    for variant in variants(value, hostile):
                        full = {**extra, **given, argument: variant}
                        yield called, argument, hostile, function, full


def same(one, other):
    if isinstance(one, tuple):
        return all(map(same, one, other))
    return one is other is None or np.array_equal(one, other)


def faults(module):
    """Make all calls; yield a line for each that ends otherwise than it may."""
    for name, argument, hostile, function, given in calls(module):
        label = f"{module}.{name}: {argument} = {given[argument]!r}"
        faulthandler.dump_traceback_later(60, exit=True)
        try:
            result = function(**given)
        except (ValueError, TypeError) as error:
            if not str(error) or "array is too big" in str(error) or "Maximum" in str(error):
                yield f"{label} -> {error!r}: NumPy's message, not ours"
        except BaseException as error:
            yield f"{label} -> {type(error).__name__}: {error}"
        else:
            huge = isinstance(hostile, int) and hostile > 2**30
            if huge and module == "ops" and argument != "divisor_override":
                # accepted: one window or one entry is left, as with any other large number
                like = str(given[argument]).replace(str(hostile), "1009")
                if not same(result, function(**{**given, argument: eval(like)})):
                    yield f"{label} -> another result than 1009"
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.parametrize("module", MODULES)
def test_hostile_integers_are_refused_or_right(module):
    command = [sys.executable, __file__, module]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout == ""


@pytest.mark.parametrize("module", MODULES)
def test_numpy_integers_are_integers(module):
    for name, given in TABLE[module].items():
        function = getattr(MODULES[module], name)
        for kind in (np.int8, np.uint16, np.int64, np.array)[: 3 if module == "numpy_net" else 4]:
            whole = {key: kind(n) for key, n in given.items() if type(n) is int and key != "p"}
            result, expected = function(**given | whole), function(**given)
            assert module == "numpy_net" or same(result, expected), (name, kind)


@pytest.mark.parametrize("wide", [2**31, 2**63, 10**30])
def test_formulas_are_exact_for_huge_numbers(wide):
    assert shapes.output_size(wide, 3, 2) == (wide - 3) // 2 + 1
    assert shapes.pool_output_size(wide, 2) == wide // 2
    assert shapes.transposed_output_size(wide, 2, 2) == 2 * wide
    assert sum(shapes.same_padding(wide, wide)) == wide - 1
    assert shapes.linear_parameters(wide, wide) == wide**2 + wide
    assert shapes.participation_counts(4, 3, padding=wide) == (3, 3, 3, 3)
    assert shapes.participation_counts(4, 3, wide, wide) == (1, 1, 1, 0)
    assert shapes.participation_counts(4, wide, padding=wide) == (wide,) * 4
    assert shapes.participation_counts(4, 2, dilation=wide, padding=wide) == (2,) * 4
    with pytest.raises(ValueError, match=f"size {wide}: would make an array of shape"):
        shapes.participation_counts(wide, 3)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in faults(sys.argv[1]):
        print(line)
