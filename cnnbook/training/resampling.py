"""Which images to learn from more often: adaptive resampling by a latent distribution."""

import torch

from cnnbook.checks import whole
from cnnbook.recording import evaluating
from cnnbook.training.evaluation import check_data, device_of

COMBINATIONS = ("max", "product")
MOST_BINS = 1_000_000  # of one histogram: there is one for each latent, and all are kept


def latent_means(model, images):
    """Encode images, scaled as for training, in evaluation mode: (N, latents), on the CPU."""
    if not images.is_floating_point():
        raise TypeError(f"images is {images.dtype}, expected float, scaled as for training")
    with evaluating(model):
        batches = (part.to(device_of(model)) for part in images.split(500))
        return torch.cat([model.encode(batch).mean.cpu() for batch in batches])


def resampling_probabilities(means, *, alpha, bins=10, combine="max"):
    """Give rare images a greater probability, common ones a smaller: (N,), float64.

    For each latent i, a histogram of the means of all images estimates the density Q_i. An image
    weighs 1 / (Q_i + α) there, divided by the sum over all images. The weights of its latents are
    combined, and made to sum to 1 again.

    The means (N, latents) are those of faces only, see `latent_means`. With `alpha` 0 every
    occupied bin of a latent gets the same probability in all; towards infinity (which may be given)
    every image gets the same. `combine` is "max" or "product": the paper multiplies the weights, as
    if the latents were independent; the code that its authors teach with takes the greatest.
    Amini et al. (2019), equation 4 and algorithm 1, doi:10.1145/3306618.3314243.

    >>> means = torch.tensor([[0.0], [0.1], [0.2], [1.0]])
    >>> resampling_probabilities(means, alpha=0, bins=2)
    tensor([0.1667, 0.1667, 0.1667, 0.5000], dtype=torch.float64)
    """
    if means.ndim != 2 or not means.numel() or not means.isfinite().all():
        raise ValueError(f"means must be finite, (N, latents), got shape {tuple(means.shape)}")
    if not alpha >= 0:
        raise ValueError(f"alpha is {alpha}, must not be negative")
    bins = whole("bins", bins, most=MOST_BINS)
    if combine not in COMBINATIONS:
        raise ValueError(f"combine is {combine!r}, must be one of {', '.join(COMBINATIONS)}")
    if alpha == float("inf"):
        return torch.full((len(means),), 1 / len(means), dtype=torch.float64)
    log_weights = -(densities(means, bins=bins) + alpha).log()
    log_weights -= log_weights.logsumexp(0)
    # a product of many weights is a sum of logarithms: no number becomes too small
    joint = log_weights.amax(1) if combine == "max" else log_weights.sum(1)
    return joint.softmax(0)


def densities(means, *, bins=10):
    """Estimate by a histogram for each latent how dense the means are where each image is.

    That is the share of the images in its bin, divided by the bin's width: never 0. The bins go
    from the least mean to the greatest, by steps of 1 if there is a single value.
    """
    bins = whole("bins", bins, most=MOST_BINS)
    means = means.double()
    low, span = means.amin(0), means.amax(0) - means.amin(0)
    span = torch.where(span > 0, span, float(bins))
    index = ((means - low) / span * bins).long().clamp(max=bins - 1)
    counts = torch.zeros(bins, means.shape[1], dtype=torch.float64)
    counts.scatter_add_(0, index, torch.ones_like(means))
    return counts.gather(0, index) / len(means) * bins / span


def effective_sample_size(probabilities):
    """Count how many images, drawn evenly, would vary as little as these do: 1 / Σ p².

    The probabilities (N,) are scaled to add up to 1. N even ones give N; one image that is always
    drawn gives 1. Kish (1965), Survey Sampling, section 11.7.

    >>> effective_sample_size(torch.tensor([0.5, 0.25, 0.25]))
    2.6666666666666665
    """
    p = _shares(probabilities)
    return float(1 / (p**2).sum())


def expected_distinct(probabilities, draws, among=None):
    """Count how many images, on average, are among some draws with replacement: Σ 1 − (1 − p)ᵈ.

    The probabilities (N,) are scaled to add up to 1. `among`, a mask (N,), counts its images alone.
    """
    p, draws = _shares(probabilities), whole("draws", draws)
    p = p if among is None else p[among]
    return float(-(draws * torch.log1p(-p)).expm1().sum())


def _shares(probabilities):
    p = torch.as_tensor(probabilities).double()
    if p.ndim != 1 or not (p.isfinite().all() and (p >= 0).all() and p.sum() > 0):
        found = f"got shape {tuple(p.shape)}, sum {float(p.sum()):g}"
        raise ValueError(f"probabilities must be (N,), finite, not negative, not all 0; {found}")
    return p / p.sum()


def adaptive(alpha, *, bins=10, combine="max"):
    """Make a `draw` for `fit`: half faces, the rare ones more often, and half non-faces.

    The model as it is before each epoch estimates the distribution of the faces, images of the
    label 1; all others are drawn uniformly. For the rest see `resampling_probabilities`.
    """

    def draw(model, data):
        check_data(data, 1)
        faces = data.labels == 1
        if not 0 < (count := int(faces.sum())) < len(faces):
            raise ValueError(f"{count} of {len(faces)} images are faces, need both kinds")
        means = latent_means(model, data.images[faces])
        weights = resampling_probabilities(means, alpha=alpha, bins=bins, combine=combine)
        probabilities = (~faces).double() / (~faces).sum() / 2
        probabilities[faces] = weights / 2
        return probabilities

    return draw
