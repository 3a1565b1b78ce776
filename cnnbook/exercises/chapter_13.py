"""Exercises of chapter 13, the variational autoencoder."""

import math

import numpy as np

from cnnbook.exercises.exercise import Exercise

# ---------------------------------------------------------------- 13.1 the price of a code

PRICE = Exercise(
    "13.1",
    "The price of a code",
    right=(6, sum(0.5 * (1 + 2**2 - 1 - math.log(1)) for _ in range(3))),
    wrong={
        "that is one latent; there are three, and their costs add up.": 2,
        "the whole sum is halved.": 12,
        "the mean is squared.": 3,
        "σ² − 1 is 0: only μ² is left.": 7.5,
        "those are bits; with natural logarithms it is nats.": 6 / math.log(2),
    },
    why="σ² − 1 − log σ² is 0 at σ² = 1, so each latent costs ½ μ² = 2 nats.",
    hints=(
        "What does the boxed formula become for σ² = 1?",
        "½ μ² for each latent.",
        "½ · 4, three times.",
    ),
)

# ---------------------------------------------------------------- 13.2 halfway

HALFWAY = Exercise(
    "13.2",
    "Halfway is nearer to 0",
    right=(10, 20 * ((1 / 2) ** 2 + (1 / 2) ** 2)),
    wrong={
        "that is the squared length of an end.": 20,
        "variances are halved twice, and there are two of them: (1 + 1)/4.": 5,
        "that is the length; asked is its square.": math.sqrt(10),
        "that is one latent; there are twenty.": 0.5,
        "only the difference of two codes has the variance 2; halfway is divided by 2.": 40,
    },
    why="Halfway has the variance (1 + 1)/4 = ½ in each latent: 10 in place of 20.",
    hints=(
        "What is the variance of z₁ + z₂, for one latent?",
        "2. What happens to a variance when the number is divided by 2?",
        "(1 + 1)/4, times the number of latents.",
    ),
)

# ---------------------------------------------------------------- 13.3 the first term


def kl(mean, log_variance):
    return 0.5 * float(np.sum(np.exp(log_variance) + mean**2 - 1 - log_variance))


def kl_by_loop(mean, log_variance):
    variances = [math.exp(v) for v in log_variance]
    pairs = zip(mean, variances, strict=True)
    return sum((v + m * m - 1 - math.log(v)) / 2 for m, v in pairs)


KL = Exercise(
    "13.3",
    "The first term",
    right=(kl, kl_by_loop),
    wrong={
        "σ stands where σ² belongs.": lambda m, v: kl(m, v / 2),
        "the factor ½ is missing.": lambda m, v: 2 * kl(m, v),
        "latents are independent: their costs are summed, not averaged.": lambda m, v: (
            kl(m, v) / len(m)
        ),
        "log σ² was taken for σ²: take its exponential.": lambda m, v: (
            0.5 * np.sum(v + m**2 - 1 - np.log(np.abs(v) + 1e-9))
        ),
        "that is −KL: a divergence is never negative.": lambda m, v: -kl(m, v),
        "the mean is squared.": lambda m, v: 0.5 * np.sum(np.exp(v) + np.abs(m) - 1 - v),
        "one number for the code, not one for each latent.": lambda m, v: (
            0.5 * (np.exp(v) + m**2 - 1 - v)
        ),
    },
    why="½ Σ (σ² + μ² − 1 − log σ²), with σ² = exp(log σ²): 0 for N(0, 1), else positive.",
    hints=(
        "The argument is log σ². How do you get σ²?",
        "np.exp(log_variance) + mean² − 1 − log_variance for each latent.",
        "Sum it, and take half.",
    ),
    cases=(
        (np.zeros(2), np.zeros(2)),
        (np.array([1.0]), np.array([0.0])),
        (np.array([2.0, 0.5]), np.array([0.5, -1.2])),
        *((r.normal(size=n).round(1), r.normal(size=n).round(1))
          for n, r in ((3, np.random.default_rng(13)), (6, np.random.default_rng(31)))),
    ),
)  # fmt: skip

# ---------------------------------------------------------------- 13.4 one draw


def draw(mean, log_variance, noise):
    sigma = np.exp(log_variance / 2)
    return mean + sigma * noise, np.ones_like(mean), sigma * noise / 2


def draw_by_differences(mean, log_variance, noise, step=1e-5):
    def z(m, v):
        return m + np.sqrt(np.exp(v)) * noise

    by_mean = (z(mean + step, log_variance) - z(mean - step, log_variance)) / (2 * step)
    by_log = (z(mean, log_variance + step) - z(mean, log_variance - step)) / (2 * step)
    return z(mean, log_variance), by_mean, by_log


def _draws():
    rng = np.random.default_rng(4)
    yield np.array([0.5]), np.array([0.0]), np.array([2.0])
    for n in (2, 5):
        yield tuple(rng.normal(size=n).round(1) for _ in range(3))


DRAW = Exercise(
    "13.4",
    "One draw and its slopes",
    right=(draw, draw_by_differences),
    wrong={
        "σ is exp(½ log σ²): the ½ is forgotten.": lambda m, v, e: (
            m + np.exp(v) * e,
            np.ones_like(m),
            np.exp(v) * e,
        ),
        "that is the slope by σ; asked is the one by log σ².": lambda m, v, e: (
            *draw(m, v, e)[:2],
            e,
        ),
        "the slope by log σ² has a factor ½, from exp(½ log σ²).": lambda m, v, e: (
            *draw(m, v, e)[:2],
            np.exp(v / 2) * e,
        ),
        "log σ² was taken for σ.": lambda m, v, e: (m + v * e, np.ones_like(m), e),
        "the noise has the mean 0: μ is added once.": lambda m, v, e: (
            m + np.exp(v / 2) * (m + e),
            *draw(m, v, e)[1:],
        ),
        "the slope by μ is 1: z moves as far as μ.": lambda m, v, e: (
            draw(m, v, e)[0],
            m,
            draw(m, v, e)[2],
        ),
    },
    why="z = μ + σε with σ = exp(½ log σ²): ∂z/∂μ = 1 and ∂z/∂log σ² = ½σε.",
    hints=(
        "First σ: the square root of exp(log σ²).",
        "z = μ + σε. If μ grows by 1, what does z do?",
        "∂σ/∂log σ² = σ/2, so the last slope is ½σε.",
    ),
    cases=tuple(_draws()),
)

# ---------------------------------------------------------------- 13.5 the weight in disguise


def weight(pixels, latents, averaged):
    return pixels / latents if averaged else pixels


def weight_by_losses(pixels, latents, averaged):
    kl_share = 1 / latents if averaged else 1
    return kl_share / (1 / pixels)


WEIGHT = Exercise(
    "13.5",
    "The weight in disguise",
    right=(weight, weight_by_losses),
    wrong={
        "a mean divides by the number of pixels: multiply the whole loss by it.": lambda p, k, a: (
            1 / p
        ),
        "the code costs more here, not less.": lambda p, k, a: k / p if a else 1 / p,
        "if the KL is averaged, too, its weight is divided by the latents.": lambda p, k, a: p,
        "averaging the KL makes it smaller: divide by the latents.": lambda p, k, a: (
            p * k if a else p
        ),
        "only the ratio of the two matters.": lambda p, k, a: p - k if a else p,
        "that is the weight that was written; the mean over pixels hides another one.": (
            lambda p, k, a: 1
        ),
    },
    why="Multiply the loss by the number of pixels: then they are summed, and the KL weighs more.",
    hints=(
        "By what must the loss be multiplied so that the pixels are summed?",
        "By their number. What stands in front of the KL then?",
        "The number of pixels; divided by that of the latents if the KL was averaged over them.",
    ),
    cases=((784, 10, False), (784, 10, True), (12288, 20, False), (12288, 64, True), (6, 3, True)),
)

# ---------------------------------------------------------------- 13.6 the second term


def laplace_nats(x, decoded, scale):
    return float(np.sum(np.abs(x - decoded) / scale + np.log(2 * scale)))


def laplace_by_density(x, decoded, scale):
    pairs = zip(np.ravel(x), np.ravel(decoded), strict=True)
    return -sum(math.log(math.exp(-abs(a - b) / scale) / (2 * scale)) for a, b in pairs)


LAPLACE = Exercise(
    "13.6",
    "The second term, whole",
    right=(laplace_nats, laplace_by_density),
    wrong={
        "the constant log 2b is left out: no bound is right without it.": lambda x, d, b: (
            np.sum(abs(x - d)) / b
        ),
        "the constant is paid by each pixel.": lambda x, d, b: (
            np.sum(abs(x - d)) / b + np.log(2 * b)
        ),
        "pixels are independent: sum, do not average.": lambda x, d, b: (
            laplace_nats(x, d, b) / x.size
        ),
        "that is the normal density: here the error is not squared.": lambda x, d, b: np.sum(
            (x - d) ** 2 / (2 * b**2) + np.log(2 * np.pi * b**2) / 2
        ),
        "the density is divided by 2b: its −log has + log 2b.": lambda x, d, b: np.sum(
            abs(x - d) / b - np.log(2 * b)
        ),
        "the error is divided by the scale.": lambda x, d, b: np.sum(
            abs(x - d) * b + np.log(2 * b)
        ),
    },
    why="−log of exp(−|x − x̂|/b)/2b is |x − x̂|/b + log 2b, summed over all pixels.",
    hints=(
        "Take −log of one pixel's density.",
        "|x − x̂|/b + log 2b.",
        "Sum it over the pixels; the constant once for each.",
    ),
    cases=tuple(
        (r.uniform(size=size).round(2), r.uniform(size=size).round(2), b)
        for size, b, r in (
            ((1, 2), 1.0, np.random.default_rng(1)),
            ((2, 3), 0.3, np.random.default_rng(2)),
            ((4, 4), 0.05, np.random.default_rng(3)),
        )
    ),
)

# ---------------------------------------------------------------- 13.7 the best scale


def best_scale(x, decoded):
    return float(np.mean(np.abs(x - decoded)))


def scale_by_search(x, decoded):
    error, low, high = np.abs(x - decoded).sum(), 1e-4, 10.0
    for _ in range(80):  # the slope −error/b² + n/b changes its sign at the best b
        middle = (low + high) / 2
        low, high = (middle, high) if x.size * middle < error else (low, middle)
    return low


SCALE = Exercise(
    "13.7",
    "The best scale",
    right=(best_scale, scale_by_search),
    wrong={
        "that is best for squared errors; here they are absolute.": lambda x, d: np.sqrt(
            np.mean((x - d) ** 2)
        ),
        "the sum grows with the image: there is one log 2b for each pixel.": lambda x, d: np.sum(
            abs(x - d)
        ),
        "set the derivative by b to 0: it gives the mean, not the median.": lambda x, d: np.median(
            abs(x - d)
        ),
        "the 2 in log 2b is a constant: it does not move the best b.": lambda x, d: (
            best_scale(x, d) / 2
        ),
        "errors of different sign must not cancel.": lambda x, d: abs(np.mean(x - d)),
        "not squared.": lambda x, d: np.mean((x - d) ** 2),
    },
    why="−Σ|x − x̂|/b² + n/b is 0 where b is the mean absolute error.",
    hints=(
        "Write the loss of exercise 13.6 as a function of b alone: E/b + n log 2b.",
        "Its derivative is −E/b² + n/b.",
        "It is 0 at b = E/n.",
    ),
    cases=tuple(
        (r.uniform(size=size).round(2), r.uniform(size=size).round(2))
        for size in ((1, 3), (2, 3), (5, 4))
        for r in (np.random.default_rng(size),)
    ),
)  # fmt: skip

# ---------------------------------------------------------------- 13.8 between any two


def kl_between(m1, v1, m2, v2):
    return 0.5 * (v1 / v2 + (m1 - m2) ** 2 / v2 - 1 - math.log(v1 / v2))


def kl_by_sum(m1, v1, m2, v2):
    z, step = np.linspace(m1 - 14 * v1**0.5, m1 + 14 * v1**0.5, 200_001, retstep=True)
    q, p = (-0.5 * (z - m) ** 2 / v - 0.5 * np.log(2 * np.pi * v) for m, v in ((m1, v1), (m2, v2)))
    return float(np.sum(np.exp(q) * (q - p)) * step)


BETWEEN = Exercise(
    "13.8",
    "Between any two",
    right=(kl_between, kl_by_sum),
    wrong={
        "it is not symmetric: that is the divergence of the second from the first.": (
            lambda a, v, b, w: kl_between(b, w, a, v)
        ),
        "the distance of the means is measured in variances of the second.": lambda a, v, b, w: (
            0.5 * (v / w + (a - b) ** 2 - 1 - math.log(v / w))
        ),
        "that is the divergence from N(0, 1).": lambda a, v, b, w: kl_between(a, v, 0, 1),
        "the logarithm is of v₁/v₂.": lambda a, v, b, w: (
            0.5 * (v / w + (a - b) ** 2 / w - 1 - math.log(v))
        ),
        "a divergence is never negative: check the sign of the logarithm.": lambda a, v, b, w: (
            0.5 * (v / w + (a - b) ** 2 / w - 1 + math.log(v / w))
        ),
        "the arguments are variances, not standard deviations.": lambda a, v, b, w: kl_between(
            a, v**2, b, w**2
        ),
    },
    why="Measured from the second one, in its units, the first is N((m₁ − m₂)/s₂, v₁/v₂).",
    hints=(
        "Shift and stretch both so that the second becomes N(0, 1). The divergence stays.",
        "Then the first has the mean (m₁ − m₂)/√v₂ and the variance v₁/v₂.",
        "Put these into the boxed formula.",
    ),
    cases=(
        (0.0, 1.0, 0.0, 1.0),
        (1.0, 1.0, 0.0, 1.0),
        (1.0, 0.5, -1.0, 2.0),
        (0.3, 2.0, 1.0, 0.25),
    ),
)

# ---------------------------------------------------------------- 13.9 many draws


def weighted_bound(log_weights):
    largest = np.max(log_weights)
    return float(largest + np.log(np.mean(np.exp(log_weights - largest))))


def bound_by_steps(log_weights):
    total = -math.inf
    for value in log_weights:
        total = np.logaddexp(total, value)
    return total - math.log(len(log_weights))


def _unsafe(log_weights):
    with np.errstate(all="ignore"):
        return np.log(np.mean(np.exp(log_weights)))


MANY = Exercise(
    "13.9",
    "Many draws, a tighter bound",
    right=(weighted_bound, bound_by_steps),
    wrong={
        "exp(−900) is 0 for a computer: take the largest out first.": _unsafe,
        "that is the average of the logarithms, the plain ELBO.": lambda w: np.mean(w),
        "divide by the number of draws: subtract its logarithm.": lambda w: (
            weighted_bound(w) + math.log(len(w))
        ),
        "that is the best draw alone.": lambda w: np.max(w),
        "that is the best draw, and the sum of the others is missing.": lambda w: (
            np.max(w) - math.log(len(w))
        ),
        "the largest, that was taken out, has to be put back.": lambda w: np.log(
            np.mean(np.exp(w - np.max(w)))
        ),
    },
    why="log of the mean of the weights; the largest is taken out, so that nothing becomes 0.",
    hints=(
        "The weights are exp(log_weights). Their mean, then its logarithm: why does it fail?",
        "Every e^w = e^m · e^(w − m). Let m be the largest.",
        "m + log of the mean of exp(log_weights − m).",
    ),
    cases=(
        (np.log([1.0, 3.0]),),
        (np.array([-2.0, -3.5, -1.0, -2.2]),),
        (np.array([-900.0, -905.0, -903.0]),),
        (np.array([-91.5]),),
    ),
)

EXERCISES = (PRICE, HALFWAY, KL, DRAW, WEIGHT, LAPLACE, SCALE, BETWEEN, MANY)
