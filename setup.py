"""What pyproject.toml cannot say: an editable installation, too, brings what Jupyter reads."""

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildPy(build_py):
    """Put data files into the wheel of an editable installation, which leaves them out."""

    def run(self):
        """Build, and add them."""
        super().run()
        if self.editable_mode:
            self.run_command("install_data")


setup(cmdclass={"build_py": BuildPy})
