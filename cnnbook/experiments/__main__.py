"""Run studies: ``python -m cnnbook.experiments --help``."""

import argparse
import sys

import torch

from cnnbook.datasets import DatasetError
from cnnbook.experiments.debiasing import DEBIASING
from cnnbook.experiments.generation import VAE_STUDY
from cnnbook.experiments.handwriting import ALEXNET_DIGITS, DIGITS, MNIST
from cnnbook.experiments.photographs import ABLATION, ACTIVATION, CIFAR10
from cnnbook.experiments.readme_table import readme_table
from cnnbook.experiments.study import run_study

STUDIES = {
    study.name: study
    for study in (
        DIGITS,
        ALEXNET_DIGITS,
        MNIST,
        ACTIVATION,
        ABLATION,
        CIFAR10,
        VAE_STUDY,
        DEBIASING,
    )
}


def main(arguments=None):
    """Read the command line and run the studies that it names."""
    parser = argparse.ArgumentParser(
        prog="python -m cnnbook.experiments",
        description="Run a study and write data/results/NAME.json and data/weights.",
        epilog="\n".join(f"{study.name}: {study.question}" for study in STUDIES.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "name",
        choices=[*STUDIES, "table"],
        nargs="+",
        help="a study; or table: print what was measured, as in the README",
    )
    parser.add_argument("--data", help="folder of data sets; else CNNBOOK_DATA, else data/")
    parser.add_argument("--seeds", type=int, help="runs of each variant")
    parser.add_argument("--only", nargs="+", metavar="VARIANT", help="these variants alone")
    parser.add_argument("--threads", type=int, help="of PyTorch")
    parser.add_argument("--fresh", action="store_true", help="forget the runs of before")
    chosen = parser.parse_args(arguments)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    options = {"data": chosen.data, "seeds": chosen.seeds, "only": chosen.only}
    try:
        for name in chosen.name:
            if name == "table":
                print(readme_table())
            else:
                run_study(STUDIES[name], fresh=chosen.fresh, **options)
    except (ValueError, DatasetError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
