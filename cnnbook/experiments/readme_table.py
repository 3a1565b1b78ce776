"""The README's table of results, made from the result files."""

from cnnbook.experiments.study import has_result, load_result

BOTH = ("test_accuracy", "foreign_accuracy")
RACE = ("epochs_to_25_percent_error",)
FAIR = ("gap", "accuracy")
JUDGED = ("validation_accuracy",)

ROWS = {
    ("mnist", "mlp"): (BOTH, "784-300-100-10, 266,610 parameters, 5 epochs"),
    ("mnist", "lenet"): (BOTH, "61,706 parameters, 5 epochs"),
    ("mnist", "lenet_augmented"): (BOTH, "the same with augmentation, 60 epochs"),
    ("mnist", "lenet5"): (BOTH, "LeNet-5 of 1998, 60,000 parameters, 10 epochs"),
    ("digits", "mlp"): (BOTH[:1], "the same MLP on the digits of scikit-learn, 40 epochs"),
    ("digits", "lenet"): (BOTH[:1], "LeNet on the digits of scikit-learn, 40 epochs"),
    ("digits", "lenet_augmented"): (BOTH[:1], "the same with augmentation"),
    ("alexnet_digits", "small_alexnet"): (BOTH[:1], "trained live in chapter 10, 9 epochs"),
    ("cifar10", "small_alexnet"): (
        ("test_accuracy", "ten_crop_accuracy"),
        "506,090 parameters, the ablation's best setting, 20 epochs",
    ),
    ("activation", "relu 0.01"): (RACE, "half as wide, ReLU at its best rate of three"),
    ("activation", "tanh 0.01"): (RACE, "the same with tanh"),
    ("ablation", "none"): (JUDGED, "half as wide, no idea of AlexNet's, 8 epochs"),
    ("ablation", "dropout"): (JUDGED, "with dropout"),
    ("ablation", "lrn"): (JUDGED, "with local response normalisation"),
    ("ablation", "overlapping"): (JUDGED, "with overlapping pooling"),
    ("ablation", "augmentation"): (JUDGED, "with shifts and mirror images"),
    ("ablation", "overlapping and augmentation"): (JUDGED, "with these two"),
    ("ablation", "all"): (JUDGED, "with all four"),
    ("ablation", "none, 30 epochs"): (JUDGED, "the first row, trained for longer"),
    ("ablation", "augmentation, 30 epochs"): (JUDGED, "augmentation, trained for longer"),
    ("ablation", "both, batches of 64"): (JUDGED, "overlapping and augmentation, 8 epochs"),
    ("ablation", "both, batches of 64, shifts of 2"): (JUDGED, "the same with smaller shifts"),
    ("vae", "conv"): (
        ("test_nelbo", "test_importance_weighted"),
        "nats a digit of MNIST, 20 latents; weighted: 50 samples",
    ),
    ("vae", "dense"): (("test_nelbo",), "nats, 2 latents"),
    ("debiasing", "standard"): (FAIR, "face detector that saw few dark faces and few profiles"),
    ("debiasing", "resampled by group"): (FAIR, "the same, told the groups"),
    ("debiasing", "DB-VAE 0"): (FAIR, "debiasing VAE, α = 0"),
    ("debiasing", "DB-VAE inf"): (FAIR, "debiasing VAE without its resampling"),
}
"""What is stated of each variant, and what it is. One that has not been run is left out."""

HEAD = """\
| study | network | measured | mean ± spread | runs | CPU seconds a run | what it is |
|---|---|---|---|---|---|---|"""


def readme_table(home=None):
    """Write the table of results in Markdown.

    Parameters
    ----------
    home : path, optional
        Results are in ``home/results``; without it, see `load_result`.

    Returns
    -------
    str
        Shares in per cent with two digits, all else with one; no spread of a single run.
    """
    lines = [HEAD]
    for (study, variant), (measures, words) in ROWS.items():
        there = load_result(study, home=home)["variants"] if has_result(study, home=home) else {}
        kept = there.get(variant)
        for measure in (m for m in measures if kept and m in kept["mean"]):
            seconds = round(kept["mean"]["cpu_seconds"])
            cells = f"`{study}`", f"`{variant}`", f"`{measure}`", _value(kept, measure)
            lines.append(f"| {' | '.join(cells)} | {kept['n']} | {seconds} | {words} |")
    return "\n".join(lines)


def _value(kept, measure):
    share = measure.endswith(("accuracy", "gap"))
    numbers = [kept["mean"][measure], kept["std"][measure]][: kept["n"]]
    shown = [f"{100 * n:.2f}" if share else f"{n:.1f}" for n in numbers]
    return " ± ".join(shown) + (" %" if share else "")
