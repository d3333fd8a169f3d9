"""Places a chart in layers: every arrow leads down, or is drawn against its direction.

Deterministic, in five steps: arrows that close a ring are turned; each node gets the layer below
its longest way; arrows become chains of points, one a layer, the middle one with room for the
label; orders within the layers are improved by medians and exchanges, and the fewest crossings
win; the x are least squares that keep the distances (pool adjacent violators); then arrows are
straightened. After Sugiyama, Tagawa and Toda (1981) and Gansner et al. (1993).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import inf

ORDER_ROUNDS = 40
PLACE_ROUNDS = 120
GAP = 14.0
"""Distance between neighbours in a layer, in pixels."""


@dataclass(slots=True, eq=False)
class Spot:
    """A node, or the point of an arrow in one layer."""

    layer: int
    width: float
    height: float
    is_node: bool
    x: float = 0.0
    above: list[Spot] = field(default_factory=list)
    below: list[Spot] = field(default_factory=list)


@dataclass(slots=True)
class Placed:
    """Nodes by name, the chain of each arrow from top to bottom, the arrows that were turned round,
    and the layers."""

    nodes: dict[str, Spot]
    chains: list[list[Spot]]
    turned: list[bool]
    layers: list[list[Spot]]


Size = tuple[float, float]


def place(sizes: Mapping[str, Size], arrows: Sequence[tuple[str, str, Size]]) -> Placed:
    """Place nodes of the given sizes and arrows with labels of the given sizes.

    No arrow leads from a node to itself.
    """
    turned = _turned(sizes, arrows)
    ends = [(b, a) if back else (a, b) for (a, b, _), back in zip(arrows, turned, strict=True)]
    depth = _layers(sizes, ends)
    nodes = {name: Spot(2 * depth[name], *size, True) for name, size in sizes.items()}
    chains = [
        _chain(nodes[top], nodes[bottom], label)
        for (top, bottom), (_, _, label) in zip(ends, arrows, strict=True)
    ]
    layers: list[list[Spot]] = [[] for _ in range(max(s.layer for s in nodes.values()) + 1)]
    for spot in dict.fromkeys([*nodes.values(), *(s for chain in chains for s in chain)]):
        layers[spot.layer].append(spot)
    layers = _ordered(layers)
    _put(layers)
    _straighten(chains, layers)
    return Placed(nodes, chains, turned, layers)


def _turned(names: Iterable[str], arrows: Sequence[tuple[str, str, Size]]) -> list[bool]:
    """Which arrows lead back to a node that is still being visited."""
    out: dict[str, list[int]] = defaultdict(list)
    for index, (before, _, _) in enumerate(arrows):
        out[before].append(index)
    turned, state = [False] * len(arrows), dict.fromkeys(names, 0)
    for root in list(state):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(out[root]))]
        while stack:
            name, rest = stack[-1]
            for index in rest:
                after = arrows[index][1]
                turned[index] = state[after] == 1
                if state[after] == 0:
                    state[after] = 1
                    stack.append((after, iter(out[after])))
                    break
            else:
                state[name] = 2
                stack.pop()
    return turned


def _layers(names: Iterable[str], ends: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way from a top to each node; then as near to what follows as that allows."""
    depth = dict.fromkeys(names, 0)
    for _ in depth:
        for top, bottom in ends:
            depth[bottom] = max(depth[bottom], depth[top] + 1)
    for name in depth:
        below = [depth[b] for a, b in ends if a == name]
        above = sum(b == name for _, b in ends)
        if below and above < len(below):
            depth[name] = min(below) - 1
    return depth


def _chain(top: Spot, bottom: Spot, label: Size) -> list[Spot]:
    middle = (top.layer + bottom.layer) // 2
    middle += 1 - middle % 2  # labels are in the odd layers, between nodes
    chain = [top]
    for layer in range(top.layer + 1, bottom.layer):
        width, height = label if layer == middle else (4.0, 0.0)
        chain.append(Spot(layer, width, height, False))
    chain.append(bottom)
    for upper, lower in pairwise(chain):
        upper.below.append(lower)
        lower.above.append(upper)
    return chain


def _ordered(layers: list[list[Spot]]) -> list[list[Spot]]:
    """The order with the fewest crossings that sweeps of medians find."""
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(ORDER_ROUNDS):
        down = sweep % 2 == 0
        steps = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for index in steps:
            fixed = {spot: i for i, spot in enumerate(layers[index - 1 if down else index + 1])}
            layers[index].sort(key=partial(_median, fixed=fixed, down=down))
        _exchange(layers)
        found = _crossings(layers)
        if found < fewest:
            best, fewest = [list(layer) for layer in layers], found
    return best


def _median(spot: Spot, fixed: Mapping[Spot, int], *, down: bool) -> float:
    places = sorted(fixed[other] for other in (spot.above if down else spot.below))
    if not places:
        return len(fixed) / 2
    return (places[len(places) // 2] + places[(len(places) - 1) // 2]) / 2


def _exchange(layers: list[list[Spot]]) -> None:
    """Exchange neighbours as long as that reduces the crossings."""
    for index, layer in enumerate(layers):
        near = [
            {spot: i for i, spot in enumerate(layers[k])} if 0 <= k < len(layers) else {}
            for k in (index - 1, index + 1)
        ]
        for i in range(len(layer) - 1):
            left, right = layer[i], layer[i + 1]
            if _pair(right, left, near) < _pair(left, right, near):
                layer[i], layer[i + 1] = right, left


def _pair(left: Spot, right: Spot, near: Sequence[Mapping[Spot, int]]) -> int:
    above, below = near
    return sum(above[a] > above[b] for a in left.above for b in right.above) + sum(
        below[a] > below[b] for a in left.below for b in right.below
    )


def _crossings(layers: Sequence[Sequence[Spot]]) -> int:
    total = 0
    for upper, lower in pairwise(layers):
        rank = {spot: i for i, spot in enumerate(lower)}
        seen: list[int] = []
        for spot in upper:
            targets = sorted(rank[b] for b in spot.below)
            total += sum(earlier > target for target in targets for earlier in seen)
            seen += targets
    return total


def _put(layers: list[list[Spot]]) -> None:
    """Give each spot its x: near its neighbours, and clear of those beside it."""
    for layer in layers:
        _place_layer(layer, [0.0] * len(layer), [1.0] * len(layer))
    for sweep in range(PLACE_ROUNDS):
        order = layers if sweep % 2 == 0 else layers[::-1]
        for layer in order:
            wanted, weights = [], []
            for spot in layer:
                pulls = [(other, _pull(spot, other)) for other in (*spot.above, *spot.below)]
                weight = sum(w for _, w in pulls)
                wanted.append(sum(o.x * w for o, w in pulls) / weight if pulls else spot.x)
                weights.append(weight or 1.0)
            _place_layer(layer, wanted, weights)


def _straighten(chains: Sequence[Sequence[Spot]], layers: Sequence[Sequence[Spot]]) -> None:
    """Let arrows run straight down as far as their neighbours leave room, the longest first."""
    index = {spot: i for layer in layers for i, spot in enumerate(layer)}
    for chain in sorted(chains, key=len, reverse=True):
        run: list[Spot] = []
        low, high = -inf, inf
        for spot in chain[1:-1]:
            left, right = _room(spot, layers[spot.layer], index[spot])
            if max(low, left) > min(high, right):
                _align(run, low, high)
                run, low, high = [], left, right
            run.append(spot)
            low, high = max(low, left), min(high, right)
        _align(run, low, high)


def _room(spot: Spot, layer: Sequence[Spot], place: int) -> tuple[float, float]:
    low, high = -inf, inf
    if place:
        left = layer[place - 1]
        low = left.x + (left.width + spot.width) / 2 + GAP
    if place + 1 < len(layer):
        right = layer[place + 1]
        high = right.x - (right.width + spot.width) / 2 - GAP
    return min(low, spot.x), max(high, spot.x)


def _align(run: Sequence[Spot], low: float, high: float) -> None:
    if run:
        x = sum(spot.x for spot in run) / len(run)
        for spot in run:
            spot.x = min(max(x, low), high)


def _pull(spot: Spot, other: Spot) -> float:
    """The weight by which an arrow is drawn straight: long arrows count more than short ones."""
    return (1.0, 2.0, 8.0)[(not spot.is_node) + (not other.is_node)]


def _place_layer(layer: Sequence[Spot], wanted: Sequence[float], weights: Sequence[float]) -> None:
    """The places that are nearest to the wanted ones and keep the order and the distances."""
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + GAP)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, count = want - offset, weight, 1
        while pools and pools[-1][0] > mean:
            before, heavy, number = pools.pop()
            mean = (before * heavy + mean * total) / (heavy + total)
            total, count = total + heavy, count + number
        pools.append((mean, total, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    for spot, mean, offset in zip(layer, means, offsets, strict=True):
        spot.x = mean + offset


__all__ = ["Placed", "Size", "Spot", "place"]
