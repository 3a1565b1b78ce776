"""What the codes of a network know about a property of the images."""

import torch

RIDGE = 0.1  # so little that it only keeps the equations solvable


def explained(codes, values):
    """Return R²: how much of a property can be read off codes (N, latents), at most 1.

    The codes and their squares are fitted to the values (N,) by least squares on the first four
    fifths of the images and judged on the last: 0 is as good as the mean, and it can be negative.
    The squares let a latent of the head's turn tell how far it is turned, to whichever side.
    """
    if codes.ndim != 2 or values.shape != codes.shape[:1]:
        shapes = f"values has shape {tuple(values.shape)}, codes {tuple(codes.shape)}"
        raise ValueError(f"{shapes}, expected (N,) and (N, latents)")
    codes, values = codes.double(), values.double()
    split = 4 * len(values) // 5
    features = torch.cat([codes, codes**2, torch.ones(len(codes), 1, dtype=torch.float64)], 1)
    fitted, judged = features[:split], values[split:]
    weights = torch.linalg.solve(
        fitted.T @ fitted + RIDGE * torch.eye(features.shape[1], dtype=torch.float64),
        fitted.T @ values[:split],
    )
    spread = judged.var(correction=0)
    if not spread > 0:
        raise ValueError(f"values of the last {len(judged)} images are all the same")
    return float(1 - ((features[split:] @ weights - judged) ** 2).mean() / spread)


def directions(codes, values):
    """Find how a code changes where one property grows by 1 and all others stay: (K, latents).

    `values` (N, K) hold a property in each column; codes (N, latents) are fitted to them, and a
    constant, by least squares. Adding a direction to a code then changes one thing that has a name,
    where a single latent may change several.
    """
    if codes.ndim != 2 or values.ndim != 2 or len(values) != len(codes):
        shapes = f"values has shape {tuple(values.shape)}, codes {tuple(codes.shape)}"
        raise ValueError(f"{shapes}, expected (N, K) and (N, latents)")
    values = values.double() - values.double().mean(0)
    rank = int(torch.linalg.matrix_rank(values))
    if rank < values.shape[1]:
        raise ValueError(f"values has {values.shape[1]} columns, but {rank} are independent")
    found = torch.linalg.lstsq(values, codes.double() - codes.double().mean(0)).solution
    return found.to(codes.dtype)
