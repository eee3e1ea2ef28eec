"""Product quantisation: a table of vectors in a byte per few dimensions (Jégou, Douze and Schmid 2011).

The dimensions are cut into groups of equal size. A vector keeps the number of the nearest of 256 centroids
in each group; the centroids are found by k-means. Decoding copies numbers and rounds nothing, so a packed
table is the same on every machine.

Letters: V vectors, D dimensions, G groups, d = D / G dimensions of a group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CENTROIDS = 256  # a byte tells them apart
SAMPLE = 16_384  # vectors that k-means learns from
ITERATIONS = 12
BLOCK = 4_096  # vectors assigned or decoded at a time, so that they stay in the cache

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Quantised:
    """A table of vectors as codes."""

    codes: NDArray[np.uint8]  # (V, G)
    centroids: NDArray[np.float16]  # (G, 256, d)

    def decode(self) -> NDArray[np.float16]:
        """Return the table (V, D)."""
        vectors, groups = self.codes.shape
        size = self.centroids.shape[2]
        # The numbers of a group are copied as one, if there is a type of that many bits
        whole = {1: np.uint16, 2: np.uint32, 4: np.uint64}.get(size)
        flat = np.ascontiguousarray(self.centroids).reshape(groups * CENTROIDS, size)
        table = np.empty((vectors, groups, size), np.float16)
        source = flat if whole is None else flat.view(whole)[:, 0]
        target = table if whole is None else table.view(whole)[:, :, 0]
        first = np.arange(groups) * CENTROIDS  # of each group in `flat`
        for start in range(0, vectors, BLOCK):
            some = slice(start, start + BLOCK)
            # No code can be out of bounds, and `clip` is faster than `raise`
            target[some] = source.take(self.codes[some] + first, axis=0, mode="clip")
        return table.reshape(vectors, groups * size)


def quantise(table: Floats, groups: int, seed: int = 0) -> Quantised:
    """Quantise a table (V, D), its dimensions cut into `groups` groups.

    Raises ValueError where `groups` does not divide D.
    """
    if table.shape[1] % groups:
        raise ValueError(f"{groups} groups do not divide {table.shape[1]} dimensions")
    generator = np.random.default_rng(seed)
    sample = np.sort(generator.permutation(len(table))[:SAMPLE])
    parts = table.reshape(len(table), groups, -1)
    centroids = np.empty((groups, CENTROIDS, parts.shape[2]), np.float16)
    codes = np.empty((len(table), groups), np.uint8)
    for group in range(groups):
        values = np.ascontiguousarray(parts[:, group])
        centroids[group] = find_centroids(values[sample], generator)
        codes[:, group] = nearest(values, centroids[group].astype(np.float32))
    return Quantised(codes, centroids)


def find_centroids(values: Floats, generator: np.random.Generator) -> Floats:
    """Return centroids (256, d) of values (n, d) by k-means (Lloyd 1982); zeros follow where n is smaller.

    A centroid that is no longer the nearest to any value moves to a random value.
    """
    start = generator.permutation(len(values))[:CENTROIDS]
    centroids = np.zeros((CENTROIDS, values.shape[1]), np.float32)
    centroids[: len(start)] = values[start]
    if len(values) <= CENTROIDS:
        return centroids
    for _ in range(ITERATIONS):
        found = nearest(values, centroids)
        counts = np.bincount(found, minlength=CENTROIDS)
        for dimension in range(values.shape[1]):
            sums = np.bincount(found, values[:, dimension], minlength=CENTROIDS)
            centroids[:, dimension] = sums / np.maximum(counts, 1)
        empty = np.flatnonzero(counts == 0)
        centroids[empty] = values[generator.integers(len(values), size=len(empty))]
    return centroids


def nearest(values: Floats, centroids: Floats) -> NDArray[np.uint8]:
    """Return the number of the centroid (256, d) nearest to each value (n, d)."""
    half_squared = np.float32(0.5) * (centroids * centroids).sum(axis=1)
    codes = np.empty(len(values), np.uint8)
    for start in range(0, len(values), BLOCK):
        scores = values[start : start + BLOCK] @ centroids.T - half_squared
        codes[start : start + BLOCK] = scores.argmax(axis=1)
    return codes


def balanced_groups(variances: Floats, groups: int) -> NDArray[np.int64]:
    """Return an order of the dimensions (D,) in which the variances of groups have similar products.

    The greedy allocation of Ge et al. (2013), "Optimized product quantization", section 4.1, which makes the
    codes of independent dimensions as exact as codes of that size can be.
    """
    size = len(variances) // groups
    members: list[list[int]] = [[] for _ in range(groups)]
    products = np.zeros(groups)
    logarithms = np.log(np.maximum(variances, np.finfo(np.float32).tiny))
    logarithms -= logarithms.min()  # a fuller group has the larger product
    for dimension in np.argsort(-variances, kind="stable").tolist():
        group = min((g for g in range(groups) if len(members[g]) < size), key=lambda g: (products[g], g))
        members[group].append(dimension)
        products[group] += logarithms[dimension]
    return np.array([dimension for group in members for dimension in group], np.int64)
