"""The graph of a space's codes, each tied to its nearest, and shortest paths along it: walks over real codes only.

Codes may fall into groups that no neighbour joins.  Such groups are tied by the shortest link there is between them, a
bridge, and a path tells how many it took: a bridge is a gap in the data.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from latent import curve
from latent.jobs import Cancellation, Progress
from latent.neighbours import nearest_with_distances
from latent.space import LatentSpace

K = 10
BRIDGED = "Crosses {count} gap{s} between groups of codes that no neighbour joins."
STOPPED = "Stopped before its path was found: this is the straight line."
# What a link between equal codes is taken to be long: a sparse matrix has no room for links of no length.
_NOTHING = 1e-12


@dataclass(frozen=True, eq=False)
class Graph:
    """`codes` (N, D), the indices and distances of each one's k nearest others, (N, k), nearest first."""

    codes: np.ndarray
    neighbours: np.ndarray
    distances: np.ndarray

    @cached_property
    def bridges(self) -> np.ndarray:
        """Pairs of codes, (B, 2), that tie the groups which no neighbour joins; the shortest link of each group."""
        links, bridges = self._links(self._pairs), np.empty((0, 2), np.int64)
        while True:
            count, group = csgraph.connected_components(links, directed=False)
            if count == 1:
                return bridges
            largest = np.bincount(group).argmax()
            found = [self._shortest(group == g) for g in range(count) if g != largest]
            bridges = np.unique(np.sort(np.concatenate([bridges, found]), axis=1), axis=0)
            links = self._links(np.concatenate([self._pairs, bridges]))

    @cached_property
    def links(self) -> sparse.csr_array:
        """Lengths of all links, bridges included, both ways, (N, N)."""
        return self._links(np.concatenate([self._pairs, self.bridges]))

    @property
    def _pairs(self) -> np.ndarray:
        count, k = self.neighbours.shape
        return np.stack([np.repeat(np.arange(count), k), self.neighbours.ravel()], 1)

    def _links(self, pairs: np.ndarray) -> sparse.csr_array:
        pairs = np.unique(np.sort(pairs, axis=1), axis=0)
        lengths = np.linalg.norm(np.subtract(*self.codes[pairs.T].astype(np.float64)), axis=1).clip(_NOTHING)
        (i, j), count = pairs.T, len(self.codes)
        return sparse.csr_array(
            (np.tile(lengths, 2), (np.concatenate([i, j]), np.concatenate([j, i]))), shape=(count, count)
        )

    def _shortest(self, inside: np.ndarray) -> tuple[int, int]:
        """The nearest pair of a code inside and one outside."""
        within, without = np.flatnonzero(inside), np.flatnonzero(~inside)
        rows, apart = nearest_with_distances(self.codes[without], 1, self.codes[within])
        best = apart[:, 0].argmin()
        return within[best], without[rows[best, 0]]


_GRAPHS: WeakKeyDictionary[LatentSpace, Graph] = WeakKeyDictionary()


def of(space: LatentSpace) -> Graph:
    """The graph of a space's codes, made once as long as the space is there."""
    if space not in _GRAPHS:
        k = min(K, len(space) - 1)
        rows, apart = nearest_with_distances(space.codes, k) if k else (np.empty((1, 0), np.int64), np.empty((1, 0)))
        _GRAPHS[space] = Graph(space.codes, rows, apart)
    return _GRAPHS[space]


@dataclass(frozen=True, eq=False)
class Route:
    """Codes a path goes over, in order: indices `rows` (n,), and how many bridges are among its links."""

    rows: np.ndarray
    bridges: int


def routes(graph: Graph, a: np.ndarray, b: np.ndarray) -> list[Route]:
    """The shortest paths along the graph from each `a` to each `b`, (P, D) each, which need not be codes of it.

    An end is tied to its k nearest codes.  Euclidean lengths in latent units.  (Dijkstra 1959)
    """
    count, pairs = len(graph.codes), len(a)
    near, apart = nearest_with_distances(graph.codes, min(K, count), np.concatenate([a, b]))
    places = np.repeat(np.arange(count, count + 2 * pairs), near.shape[1])
    start = np.arange(2 * pairs).repeat(near.shape[1]) < pairs
    from_, to = np.where(start, places, near.ravel()), np.where(start, near.ravel(), places)
    # Links lead away from a start and towards an end, so that no path takes its way over another pair's ends.
    ends = sparse.coo_array((apart.ravel().clip(_NOTHING), (from_, to)), shape=(count + 2 * pairs, count + 2 * pairs))
    links = graph.links.tocoo()
    links = (sparse.coo_array((links.data, (links.row, links.col)), shape=ends.shape) + ends).tocsr()
    bridges = {tuple(pair) for pair in graph.bridges.tolist()}
    return [_route(links, count + n, count + pairs + n, bridges) for n in range(pairs)]


def _route(links: sparse.csr_array, start: int, end: int, bridges: set[tuple[int, int]]) -> Route:
    before = csgraph.dijkstra(links, indices=start, return_predecessors=True)[1]
    way, at = [], before[end]
    while at != start:
        way.append(int(at))
        at = before[at]
    crossed = sum(tuple(sorted(link)) in bridges for link in pairwise(way))
    return Route(np.array(way[::-1], np.int64), crossed)


def frames(graph: Graph, route: Route, a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Frames at equal latent distances along a route; (D,), (D,) -> (steps, D) float32, ends exact."""
    polyline = np.concatenate([a[None], graph.codes[route.rows], b[None]])
    path = curve.along(polyline, np.linalg.norm(np.diff(polyline, axis=0), axis=1), steps)
    path[0], path[-1] = a, b
    return path


def walk(
    space: LatentSpace, a: np.ndarray, b: np.ndarray, steps: int, *, progress: Progress, cancelled: Cancellation
) -> tuple[np.ndarray, list[str]]:
    """Paths along the graph between pairs of codes, and a note on each; (P, D), (P, D) -> (P, steps, D), P notes.

    A pair that `cancelled` came before goes by the straight line.
    """
    codes, notes = curve.lerp(a, b, steps), [STOPPED] * len(a)
    if cancelled():
        return codes, notes
    progress(0.0, "Nearest codes")
    known = of(space)
    for n in range(len(a)):
        if cancelled():
            break
        progress(n / len(a), f"Path {n + 1} of {len(a)} along the data")
        (route,) = routes(known, a[n : n + 1], b[n : n + 1])
        codes[n] = frames(known, route, a[n], b[n], steps)
        notes[n] = BRIDGED.format(count=route.bridges, s="s" * (route.bridges > 1)) if route.bridges else ""
    return codes, notes
