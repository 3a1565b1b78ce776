"""An editable installation, too, brings what Jupyter reads: pyproject.toml asks for this."""

from setuptools.command.build_py import build_py


class BuildPy(build_py):
    """Put data files into the wheel of an editable installation, which leaves them out."""

    def run(self):
        """Build, and add them."""
        super().run()
        if self.editable_mode:
            self.run_command("install_data")
