"""Run studies: ``python -m cnnbook.experiments --help``."""

import argparse
from pathlib import Path

import torch

from cnnbook.datasets import DatasetError
from cnnbook.experiments.debiasing import DEBIASING
from cnnbook.experiments.generation import VAE_STUDY
from cnnbook.experiments.handwriting import ALEXNET_DIGITS, DIGITS, MNIST
from cnnbook.experiments.photographs import ABLATION, ACTIVATION, CIFAR10
from cnnbook.experiments.study import check_request, run_study
from cnnbook.experiments.table import result_table, write_table
from cnnbook.files import own_folder

_ALL = MNIST, DIGITS, ALEXNET_DIGITS, CIFAR10, ACTIVATION, ABLATION, VAE_STUDY, DEBIASING
STUDIES = {study.name: study for study in _ALL}
"""In the order of the README's table."""

MOST_THREADS = 1024  # beyond, some systems end the process without a word


class _Parser(argparse.ArgumentParser):
    def error(self, message):  # in one line, without repeating how it is used
        self.exit(2, f"{self.prog}: {message}\n")


def _count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, must be a whole number of at least 1")
    return int(text)


def main(arguments=None):
    """Read the command line and run the studies that it names.

    Ends with 2 if what is asked for is impossible, 1 if the data or the disk are not as they must
    be, 130 if the reader stopped it; one line says why.
    """
    parser = _Parser("python -m cnnbook.experiments")
    parser.description = f"Run a study: results/NAME.json and weights go to {own_folder()}."
    parser.epilog = "\n".join(f"{study.name}: {study.question}" for study in STUDIES.values())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    told = "a study; or table: print what was measured, as in the README"
    add("name", choices=[*STUDIES, "table"], nargs="+", help=told)
    add("--write", metavar="FILE", help="put the table in its place in this file")
    add("--data", help="folder of data sets; else CNNBOOK_DATA, else that folder")
    add("--seeds", type=_count, help="runs of each variant")
    add("--only", nargs="+", metavar="VARIANT", help="these variants alone")
    add("--threads", type=_count, help="of PyTorch")
    add("--fresh", action="store_true", help="make all runs again; the old ones stay until then")
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster, whose workers make the runs")
    chosen = parser.parse_args(arguments)
    if chosen.data is not None and not Path(chosen.data).is_dir():
        parser.error(f"argument --data: {chosen.data!r} is no folder")
    if (chosen.threads or 1) > MOST_THREADS:
        parser.error(f"argument --threads: {chosen.threads}, must be at most {MOST_THREADS}")
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    if chosen.write is not None and "table" not in chosen.name:
        parser.error("argument --write: goes with table")
    options = {name: getattr(chosen, name) for name in ("data", "seeds", "fresh", "scheduler")}
    names = list(dict.fromkeys(chosen.name))
    try:
        for name in names:  # before the first runs for hours
            if name != "table":
                check_request(STUDIES[name], chosen.seeds, chosen.only)
        for name in names:
            if name != "table":
                run_study(STUDIES[name], only=chosen.only, **options)
            elif chosen.write is None:
                print(result_table(STUDIES.values()), end="")
            else:
                write_table(chosen.write, result_table(STUDIES.values()))
    except ValueError as error:
        parser.error(str(error))
    except (DatasetError, OSError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, f"{parser.prog}: stopped; the runs before are kept\n")


if __name__ == "__main__":
    main()
