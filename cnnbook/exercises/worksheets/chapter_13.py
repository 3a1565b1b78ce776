"""Questions of chapter 13, the variational autoencoder."""

import numpy as np

from cnnbook.exercises import chapter_13
from cnnbook.exercises.worksheets.question import ask


def price(draw):
    """The price of a code."""
    latents = draw.randint(3, 5)
    mean = draw.grid(latents, low=-3, high=3)
    mean[0] = draw.choice((1, 2, 3))
    log_variance = np.zeros(latents)
    return ask(
        "The cloud of an image has the means μ, and the variance σ² = 1 in each latent. How many "
        "nats does its code cost?",
        {"nats": chapter_13.kl(mean, log_variance)},
        "σ² − 1 − log σ² is 0, so each latent costs ½ μ².",
        "13.3", (mean, log_variance), **{"μ": mean},
    )  # fmt: skip


def wide_and_narrow(draw):
    """The first term."""
    mean, variance = (
        draw.grid(2, low=-2, high=2),
        np.array(draw.order(draw.choice(((4.0, 1), (0.25, 1))))),
    )
    return ask(
        "A code has two latents. How many nats does it cost? Use log 4 = 1.386.",
        {"nats": chapter_13.kl(mean, np.log(variance))},
        "½ Σ (σ² + μ² − 1 − log σ²); log 1 = 0, log ¼ = −1.386",
        "13.3", (mean, np.log(variance)), **{"μ": mean, "σ²": variance},
    )  # fmt: skip


def between_two(draw):
    """Between two codes."""
    parts, t = draw.randint(2, 5), draw.randint(1, 4)
    t = min(t, parts - 1)
    k = parts**2 * draw.randint(1, 4)
    rest = parts - t
    return ask(
        "Codes of {k} latents are drawn from N(0, I): mean 0, variance 1, all independent. What is "
        "the squared length of a code on average, and that of the point that lies {t}/{parts} of "
        "the way from one such code to another one?",
        {"a code": k, "the point": k * (t**2 + rest**2) // parts**2},
        "Each latent has the variance ({rest}/{parts})² + ({t}/{parts})².",
        k=k, t=t, parts=parts, rest=rest,
    )  # fmt: skip


def one_draw(draw):
    """One draw and its slopes."""
    mean, noise = draw.grid(2, low=-3, high=3), draw.grid(2, low=-2, high=2)
    sigma = np.array(draw.order((2.0, draw.choice((1.0, 0.5, 4.0)))))
    noise[noise == 0] = 1
    z, by_mean, by_log = chapter_13.draw(mean, 2 * np.log(sigma), noise)
    return ask(
        "z = μ + σ ε for two latents. Compute z, its slope by μ, and its slope by log σ².",
        {"z": z, "slope by μ": by_mean, "slope by log σ²": by_log},
        "σ = exp(½ log σ²), so the slope by log σ² is ½ σ ε.",
        "13.4", (mean, 2 * np.log(sigma), noise), **{"μ": mean, "σ": sigma, "ε": noise},
    )  # fmt: skip


def weight(draw):
    """The weight in disguise."""
    side, latents = draw.choice((8, 16, 28, 32)), draw.choice((2, 4, 8, 16))
    averaged = draw.choice((True, False))
    case = side**2, latents, averaged
    return ask(
        "A loss takes the mean of the error over {side} × {side} pixels, and adds the {kind} of "
        "the KL over {latents} latents. Which weight c has the same loss, up to a factor, when "
        "both are sums?",
        {"c": chapter_13.weight(*case)},
        "Multiply the whole loss by the number of pixels.",
        "13.5", case, side=side, latents=latents, kind="mean" if averaged else "sum",
    )  # fmt: skip


def picture(draw):
    """The second term, and the best scale."""
    errors = np.array(draw.order((1, 2, 3, draw.choice((2, 6))))) / 10
    decoded = np.array(draw.sample((0.2, 0.3, 0.4, 0.8, 0.9), 4))
    x = np.where(decoded > 0.5, decoded - errors, decoded + errors).round(1).reshape(2, 2)
    decoded = decoded.reshape(2, 2)
    return ask(
        "A picture x of four pixels, and what the decoder makes of it. How many nats is "
        "−log p(x | z) under a Laplace density of scale b = 0.5, with its constant log 2b for "
        "each pixel? And which scale b is the best for this picture?",
        {
            "nats": chapter_13.laplace_nats(x, decoded, 0.5),
            "best scale": chapter_13.best_scale(x, decoded),
        },
        "Σ |x − x̂| / 0.5, and log 1 = 0; the best scale is the mean of |x − x̂|.",
        x=x, **{"x̂": decoded},
    )  # fmt: skip


def two_clouds(draw):
    """Between any two clouds."""
    first, away, v = draw.randint(-3, 3), draw.choice((-4, -3, -2, 2, 3, 4)), draw.choice((1, 2, 4))
    case = float(first), float(v), float(first + away), float(v)
    return ask(
        "Two normal distributions have the means {first} and {second}, and both the variance {v}. "
        "What is the Kullback–Leibler divergence of the first from the second?",
        {"nats": chapter_13.kl_between(*case)},
        "Equal variances: only (m₁ − m₂)² / 2v is left.",
        "13.8", case, first=first, second=first + away, v=v,
    )  # fmt: skip


TITLE = "The variational autoencoder"
QUESTIONS = (price, wide_and_narrow, between_two, one_draw, weight, picture, two_clouds)
