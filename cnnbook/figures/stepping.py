"""What the pictures share that go over the outputs of a layer one at a time."""

import math


class OverOutputs:
    """Number the outputs row by row; a picture adds `step` and `output_shape`."""

    @property
    def steps(self):
        """Number of outputs."""
        return math.prod(self.output_shape)

    @property
    def position(self):
        """Row and column of the output at this step."""
        return divmod(self.step, self.output_shape[1])
