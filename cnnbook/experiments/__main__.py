"""Run studies: ``python -m cnnbook.experiments --help``."""

import argparse
from pathlib import Path

import torch

from cnnbook.checks import whole
from cnnbook.datasets import DatasetError
from cnnbook.experiments.generation import VAE_STUDY
from cnnbook.experiments.handwriting import ALEXNET_DIGITS, DIGITS, MNIST
from cnnbook.experiments.photographs import ABLATION, ACTIVATION, CIFAR10
from cnnbook.experiments.portraits import PORTRAITS
from cnnbook.experiments.sharing import SHARING
from cnnbook.experiments.study import check_request, run_study
from cnnbook.experiments.table import result_table, write_table
from cnnbook.experiments.worlds import DEBIASING_SETTINGS, DEBIASING_WORLDS
from cnnbook.files import own_folder

# in the order of the README's table
_ALL = MNIST, DIGITS, ALEXNET_DIGITS, CIFAR10, ACTIVATION, ABLATION, VAE_STUDY, PORTRAITS
_ALL += DEBIASING_SETTINGS, DEBIASING_WORLDS, SHARING
STUDIES = {study.name: study for study in _ALL}
MOST_THREADS = 1024  # beyond, some systems end the process without a word


class _Parser(argparse.ArgumentParser):
    def error(self, message):  # in one line, without repeating how it is used
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments=None):
    """Run the studies that the command line names; else end with a line that says why.

    The code is 2 for what is impossible, 1 for data or a disk that fail, 130 for Ctrl-C.
    """
    parser = _Parser("python -m cnnbook.experiments")
    parser.description = f"Run a study: results/NAME.json and weights go to {own_folder()}."
    parser.epilog = "\n".join(f"{study.name}: {study.question}" for study in STUDIES.values())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    told = "a study; or table: what was measured, as in the README"
    add("name", choices=[*STUDIES, "table"], nargs="+", help=told)
    add("--write", metavar="FILE", help="put the table in its place in this file")
    add("--data", help="folder of data sets; else CNNBOOK_DATA, else that folder")
    add("--seeds", type=int, help="runs of each variant")
    add("--only", nargs="+", metavar="VARIANT", help="these variants alone")
    add("--threads", type=int, help="of PyTorch")
    add("--fresh", action="store_true", help="make all runs again; the old ones stay until then")
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster, whose workers make the runs")
    chosen = parser.parse_args(arguments)
    if chosen.data is not None and not Path(chosen.data).is_dir():
        parser.error(f"argument --data: {chosen.data!r} is no folder")
    if chosen.write is not None and "table" not in chosen.name:
        parser.error("argument --write: goes with table")
    names = ("data", "seeds", "only", "fresh", "scheduler")
    options = {name: getattr(chosen, name) for name in names}
    studies = [STUDIES[name] for name in dict.fromkeys(chosen.name) if name != "table"]
    try:
        if chosen.threads is not None:
            torch.set_num_threads(whole("--threads", chosen.threads, most=MOST_THREADS))
        for study in studies:  # before the first runs for hours
            check_request(study, chosen.seeds, chosen.only)
        for study in studies:
            run_study(study, **options)
        table = result_table(STUDIES.values()) if "table" in chosen.name else ""
        if chosen.write is None:
            print(table, end="")
        else:
            write_table(chosen.write, table)
    except ValueError as error:
        parser.error(str(error))
    except (DatasetError, OSError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, f"{parser.prog}: stopped; the runs before are kept\n")


if __name__ == "__main__":
    main()
