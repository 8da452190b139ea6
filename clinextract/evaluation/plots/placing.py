"""Labels beside points so that none hides another: each takes the nearest free place, the crowded ones first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_DISTANCES = (0.0, 0.07, 0.15, 0.25, 0.38, 0.55, 0.8, 1.1)
"""Inches between a point's sign and its label."""
_DIRECTIONS = 16
_RADIUS = 0.06
"""Of a point's sign, in inches."""


@dataclass(frozen=True, slots=True)
class Box:
    """A label's place, in inches from the lower left corner of the axes."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return self.left + self.width / 2, self.bottom + self.height / 2

    def overlap(self, other: Box) -> float:
        """The area that both cover, in square inches."""
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        up = min(self.bottom + self.height, other.bottom + other.height) - max(self.bottom, other.bottom)
        return max(across, 0.0) * max(up, 0.0)

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """The point of it that is nearest to another point."""
        x = min(max(point[0], self.left), self.left + self.width)
        y = min(max(point[1], self.bottom), self.bottom + self.height)
        return x, y


def placed(
    points: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], room: tuple[float, float]
) -> list[Box]:
    """A place for the label of each point.

    Args:
        points: In inches from the lower left corner of the axes.
        sizes: Width and height of the labels, in inches.
        room: Width and height of the axes, in inches; labels stay inside.

    Returns:
        In the order of the points. Where there is no free place left the one that hides least.
    """
    signs = [Box(x - _RADIUS, y - _RADIUS, 2 * _RADIUS, 2 * _RADIUS) for x, y in points]
    crowd = [sum(math.dist(one, other) < 0.6 for other in points) for one in points]
    boxes: dict[int, Box] = {}
    for place in sorted(range(len(points)), key=lambda one: (-crowd[one], points[one], one)):
        taken, others = [*signs, *boxes.values()], [one for one in points if one != points[place]]
        boxes[place] = min(
            _candidates(points[place], sizes[place]),
            key=lambda one: _hidden(one, taken, room) + _doubtful(one, points[place], others),
        )
    return [boxes[place] for place in range(len(points))]


def _candidates(point: tuple[float, float], size: tuple[float, float]) -> list[Box]:
    """The nearest ones first: of like cost the first is taken."""
    boxes = []
    for distance in _DISTANCES:
        for number in range(_DIRECTIONS):
            angle = 2 * math.pi * number / _DIRECTIONS
            x, y = math.cos(angle), math.sin(angle)
            reach = _RADIUS + 0.02 + distance
            # The label's middle lies so far out that its edge is at the distance wanted.
            middle = (point[0] + x * (reach + size[0] / 2), point[1] + y * (reach + size[1] / 2))
            boxes.append(Box(middle[0] - size[0] / 2, middle[1] - size[1] / 2, *size))
    return boxes


def _hidden(box: Box, taken: Sequence[Box], room: tuple[float, float]) -> float:
    """The area of a label that others cover, or that lies outside, in square inches."""
    outside = box.width * box.height - box.overlap(Box(0.0, 0.0, *room))
    return round(sum(box.overlap(other) for other in taken) + outside, 9)


def _doubtful(box: Box, point: tuple[float, float], others: Sequence[tuple[float, float]]) -> float:
    """How much a label looks like that of another point, which counts less than hiding."""
    own = math.dist(point, box.nearest(point))
    nearer = sum(math.dist(other, box.nearest(other)) < own + 0.02 for other in others)
    return 0.0005 * nearer + 0.0003 * own
