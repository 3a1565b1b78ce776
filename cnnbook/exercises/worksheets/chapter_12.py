"""Questions of chapter 12, what a CNN sees."""

import numpy as np

from cnnbook import ops
from cnnbook.exercises.worksheets.question import ask
from cnnbook.receptive_field import Layer, receptive_field


def pixels_of_a_unit(draw):
    """Which pixels a climb can change."""
    r, c = draw.randint(1, 8), draw.randint(1, 8)
    field = receptive_field([Layer(5, padding=2), Layer(2, 2), Layer(5)], input_size=28)[-1]
    spans = [field.rectangle(unit, clip=True) for unit in (r, c)]
    return ask(
        "In a LeNet for 28 × 28 (convolution 5 with padding 2, pooling 2, convolution 5) the unit "
        "in row {r}, column {c} of the second convolution is maximised by changing pixels. Which "
        "pixels can change: rows from … to …, columns from … to …? How many are they?",
        {
            "rows": (spans[0].start, spans[0].stop - 1),
            "columns": (spans[1].start, spans[1].stop - 1),
            "pixels": spans[0].size * spans[1].size,
        },
        "The field is 14, the jump 2, the start −2; what lies beyond the border does not exist.",
        r=r, c=c,
    )  # fmt: skip


def best_input(draw):
    """The best input of a linear unit."""
    w, length = draw.choice((((3, 4), 5), ((2, 1, 2), 3), ((2, 3, 6), 7), ((1, 4, 8), 9)))
    w = np.array(draw.order(w), float) * [draw.choice((-1, 1)) for _ in w]
    times = draw.randint(2, 5)
    x = times * w
    return ask(
        "A linear unit computes w · x. Among all x of length {allowed}, which one gives the "
        "largest value, and which value is that?",
        {"x": x, "value": ops.linear(x, w[None]).item()},
        "x points along w: w times {allowed} / {length}, where {length} is the length of w.",
        w=w, allowed=times * length, length=length,
    )  # fmt: skip


def saliency(draw):
    """Saliency of a small network."""
    v = draw.grid(2, low=1, high=3) * draw.order((1, -1))
    x, w, b = layer = draw.until(
        lambda layer: ops.linear(*layer).all() and ops.linear(*layer).max() > 0,
        lambda: (draw.grid(3), draw.grid(2, 3, low=-2, high=3), draw.grid(2, low=-2, high=2)),
    )
    z = ops.linear(*layer)
    by_x = ops.linear_backward(ops.relu_backward(v, z).grad_x, *layer).grad_x
    return ask(
        "z = W x + b, and the score is v · ReLU(z). Compute the score, its gradient by the three "
        "pixels of x (the saliency), and the sum of gradient × input over the pixels. What that "
        "sum lacks, or has too much, comes from the biases.",
        {
            "score": (v @ ops.relu(z)).item(),
            "saliency": by_x,
            "gradient × input, summed": (by_x @ x).item(),
        },
        "A unit with z below 0 passes nothing on; the others pass v times their row of W.",
        W=w, b=b, v=v, x=x,
    )  # fmt: skip


def occlusion(draw):
    """Occlusion."""
    x, w = draw.grid(3, 3, high=3), draw.grid(3, 3, low=-2, high=3)
    x[1, 1] = draw.randint(1, 3)
    return ask(
        "The score of an image x of 3 × 3 is the sum of w · x over all pixels. A black patch (0) "
        "of 2 × 2 is laid on each of its four places. How much does the score drop? (A negative "
        "drop is a score that grows.)",
        {
            "score": ops.correlate(x, w, "valid").item(),
            "drop": ops.conv2d((w * x)[None], np.ones((1, 1, 2, 2)))[0],
        },
        "What was under the patch is missing: the sum of w · x there.",
        x=x, w=w,
    )  # fmt: skip


def variation(draw):
    """Total variation."""
    x = draw.grid(3, 3, high=5)
    step = np.array([[-1.0, 1.0]])
    total = sum(np.abs(ops.correlate(x, s, "valid")).sum() for s in (step, step.T))
    return ask(
        "The total variation is the sum of the absolute differences of all pairs of neighbours, "
        "side by side and one above the other. What is it for this image?",
        {"total variation": total},
        "Six pairs side by side, six above each other.",
        image=x,
    )  # fmt: skip


def nearest(draw):
    """Nearest by cosine."""

    def cosines(vectors):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return ops.linear(unit[1:], unit[:1])[:, 0]

    def clear(vectors):
        if not vectors.any(1).all():
            return False
        first, second = np.sort(cosines(vectors))[:-3:-1]
        far = np.linalg.norm(vectors[1:] - vectors[0], axis=1)
        near = np.sort(far)
        apart = first - second > 0.1 and near[1] - near[0] > 0.3
        return apart and cosines(vectors).argmax() != far.argmin()

    vectors = draw.until(clear, lambda: draw.grid(4, 2, high=6))
    distances = np.linalg.norm(vectors[1:] - vectors[0], axis=1)
    return ask(
        "Four images have these features, one image in each row. Which of the images 1, 2, 3 is "
        "most like image 0 by the cosine of the angle, and which one is nearest by distance? (Draw "
        "the four arrows.)",
        {
            "by cosine": int(cosines(vectors).argmax()) + 1,
            "by distance": int(distances.argmin()) + 1,
        },
        "The cosine looks at the direction alone, not at the length.",
        features=vectors,
    )  # fmt: skip


def precision(draw):
    """Precision@5."""
    labels = np.array([[draw.choice((3, 8)) for _ in range(5)] for _ in range(4)], float)
    own = np.array([draw.choice((3, 8)) for _ in range(4)], float)
    hits = int((labels == own[:, None]).sum())
    return ask(
        "Four query images show the digits in the first table. For each of them a row of the "
        "second table lists what its five nearest images show. What is the precision@5, in %?",
        {"hits": hits, "precision@5 in %": 100 * hits / 20},
        "Hits of 20.",
        queries=own, nearest=labels,
    )  # fmt: skip


TITLE = "What a CNN sees"
QUESTIONS = (
    pixels_of_a_unit, best_input, saliency, occlusion, variation, nearest, precision,
)  # fmt: skip
