"""Paint layered mountain landscapes with numpy: sky, sun or moon, ridges, mist, trees, water.

Only used by ``make_media.py``; the demo itself needs neither numpy nor this file.
"""

# mypy: ignore-errors
# ruff: noqa: PLR0917, PLR2004
# numpy is not locked with the project, so its types are not there; the numbers are the picture.

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Colour = tuple[int, int, int]

NOISE_PERIOD = 4096


@dataclass(frozen=True, kw_only=True)
class Light:
    """A sun or a moon: its place (0..1 in both directions), size and colours."""

    x: float
    y: float
    radius: float
    disc: Colour
    glow: Colour
    reach: float = 0.35
    strength: float = 0.8


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that makes one picture; heights and places are fractions of the picture."""

    seed: int
    sky: tuple[tuple[float, Colour], ...]
    light: Light
    far: Colour
    near: Colour
    haze: Colour
    horizon: float = 0.52
    layers: int = 6
    relief: float = 0.30
    mist: float = 0.6
    clouds: float = 0.0
    cloud_colour: Colour = (255, 255, 255)
    stars: int = 0
    aurora: tuple[Colour, ...] = field(default=())
    trees: bool = True
    water: float | None = None


def paint(scene: Scene, width: int, height: int, *, drift: float = 0.0) -> Image:
    """Paint a scene; `drift` moves the viewer sideways, near ridges more than far ones."""
    aspect = width / height
    x = np.linspace(0, aspect, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    image = _sky(scene, x, y, aspect, drift)
    for number in range(scene.layers):
        image = _ridge(image, scene, number, x, y, aspect, drift)
    if scene.water is not None:
        image = _mirror(image, scene, scene.water)
    grain = np.random.default_rng(scene.seed).normal(0, 1.1, image.shape[:2])
    vignette = 1 - 0.22 * ((x / aspect - 0.5) ** 2 + (y - 0.5) ** 2)
    return np.clip(image * vignette[..., None] + grain[..., None], 0, 255).astype(np.float32)


def _sky(scene: Scene, x: Image, y: Image, aspect: float, drift: float) -> Image:
    places = [place for place, _ in scene.sky]
    channels = [np.interp(y, places, [c[i] for _, c in scene.sky]) for i in range(3)]
    image = np.stack(channels, axis=-1) * np.ones((1, x.shape[1], 1))
    image = _stars(image, scene)
    image = _aurora(image, scene, x, y, aspect)
    light = scene.light
    distance = np.hypot(x - light.x * aspect, y - light.y)
    glow = light.strength * np.exp(-distance / light.reach * 2.2)
    image = _mix(image, light.glow, glow)
    disc = _smoothstep(light.radius + 0.003, light.radius - 0.003, distance)
    image = _mix(image, light.disc, disc)
    return _clouds(image, scene, x, y, drift)


def _stars(image: Image, scene: Scene) -> Image:
    rng = np.random.default_rng(scene.seed + 7)
    height, width = image.shape[:2]
    rows = (rng.random(scene.stars) ** 1.6 * scene.horizon * height).astype(int)
    columns = rng.integers(1, width - 1, scene.stars)
    brightness = rng.random(scene.stars) ** 3 * 190 + 25
    for row, column, value in zip(rows, columns, brightness, strict=True):
        image[row, column] += value
        if value > 130:
            image[row, column - 1 : column + 2] += value * 0.22
            image[max(row - 1, 0) : row + 2, column] += value * 0.22
    return image


def _aurora(image: Image, scene: Scene, x: Image, y: Image, aspect: float) -> Image:
    for number, colour in enumerate(scene.aurora):
        place = x / aspect
        base = (
            0.40
            - 0.055 * number
            + 0.10 * np.sin(place * (4.2 + number) + scene.seed + number * 1.7)
        )
        rays = 0.55 + 0.45 * _noise(place * 46 + number * 31, scene.seed + number)
        above = base - y
        curtain = np.where(above > 0, np.exp(-above * 6.5), np.exp(above * 38))
        fade = 0.35 + 0.65 * _noise(place * 3.1 + number * 9, scene.seed + 40 + number)
        image = _mix(image, colour, curtain * rays * fade * 0.85)
    return image


def _clouds(image: Image, scene: Scene, x: Image, y: Image, drift: float) -> Image:
    if not scene.clouds:
        return image
    cover = np.zeros(image.shape[:2], dtype=np.float32)
    for octave in range(4):
        scale = 2.0**octave
        cover += (
            _noise_2d((x + drift * 0.25) * 1.7 * scale, y * 7.5 * scale, scene.seed + octave)
            / scale
        )
    band = np.clip(1.6 - 1.6 * np.abs(y - scene.horizon * 0.4) / (scene.horizon * 0.52), 0, 1)
    alpha = _smoothstep(0.85, 1.5, cover) * band * scene.clouds
    return _mix(image, scene.cloud_colour, alpha)


def _ridge(
    image: Image, scene: Scene, number: int, x: Image, y: Image, aspect: float, drift: float
) -> Image:
    depth = number / max(scene.layers - 1, 1)
    place = x + drift * (0.06 + 0.9 * depth**1.6) + number * 37.3
    top = scene.horizon + 0.44 * depth**1.25
    relief = scene.relief * (1 - 0.55 * depth)
    ground = crest = top - relief * _mountain(place * (1.5 + 0.9 * depth), scene.seed + number)
    if scene.trees and depth > 0.7:
        crest = crest - _trees(place, scene.seed + number, size=0.035 + 0.06 * (depth - 0.7) / 0.3)
    colour = _lerp(scene.far, scene.near, depth**0.85)
    lit = _lerp(colour, scene.light.glow, 0.16 * (1 - depth))
    below = np.clip((y - ground) / 0.30, 0, 1)
    mist = scene.mist * (1 - depth) ** 0.8 * below**1.1
    towards = np.exp(-np.abs(x / aspect - scene.light.x) * 2.4)[..., None]
    surface = np.asarray(colour) * (1 - towards) + np.asarray(lit) * towards
    surface = _mix(np.broadcast_to(surface, image.shape), scene.haze, mist)
    edge = 1.1 / image.shape[0]
    cover = _smoothstep(-edge, edge, y - crest)[..., None]
    return image * (1 - cover) + surface * cover


def _mountain(place: Image, seed: int) -> Image:
    """Return a crest line between 0 and about 1: sharp peaks with finer and finer detail."""
    total = np.zeros_like(place)
    weight, scale, full = 1.0, 1.0, 0.0
    for octave in range(7):
        value = _noise(place * scale, seed * 13 + octave)
        ridged = 1 - np.abs(2 * value - 1)
        total += weight * (ridged if octave < 3 else value)
        full += weight
        weight, scale = weight * 0.47, scale * 2.05
    return total / full


def _trees(place: Image, seed: int, *, size: float) -> Image:
    """Return the height that a row of conifers adds to a crest line."""
    spacing = size * 0.30
    height = np.zeros_like(place)
    for shift in (-1, 0, 1):
        cell = np.floor(place / spacing) + shift
        chance = _hash(cell, seed)
        centre = (cell + 0.2 + 0.6 * _hash(cell, seed + 1)) * spacing
        tall = size * (0.35 + 0.65 * chance) * _smoothstep(0.12, 0.5, _noise(cell * 0.09, seed + 5))
        half = tall * 0.26 + 1e-6
        away = np.abs(place - centre) / half
        # Branches: the outline steps outwards as it goes down, like a fir's.
        profile = 1 - away - 0.10 * np.abs(np.mod(away * 6, 1) - 0.5)
        height = np.maximum(height, np.clip(profile, 0, 1) * tall)
    return height


def _mirror(image: Image, scene: Scene, shore: float) -> Image:
    """Turn everything below the shore line into still water that mirrors what is above it."""
    height, width = image.shape[:2]
    first = int(shore * height)
    rows = np.arange(first, height)
    depth = (rows - first) / max(height - first, 1)
    ripple = np.sin(depth**0.7 * 90 + np.sin(depth * 17) * 3) * (0.6 + 5 * depth)
    source = np.clip(first - (rows - first) * 1.15 + ripple * 0.6, 0, first - 1).astype(int)
    shifts = (ripple * 0.9).astype(int)
    water = np.stack(
        [np.roll(image[row], shift, axis=0) for row, shift in zip(source, shifts, strict=True)]
    )
    tint = np.asarray(scene.near, dtype=np.float32)
    amount = (0.16 + 0.30 * depth)[:, None, None]
    image = image.copy()
    image[first:] = water * (1 - amount) + tint * amount
    glint = np.exp(-((np.arange(height) - first) ** 2) / 6.0)[:, None, None]
    return _mix(image, scene.haze, np.broadcast_to(glint[..., 0] * 0.25, (height, width)))


def _noise(place: Image, seed: int) -> Image:
    """Smooth value noise in one dimension, between 0 and 1."""
    cell = np.floor(place)
    part = place - cell
    part = part * part * (3 - 2 * part)
    return _hash(cell, seed) * (1 - part) + _hash(cell + 1, seed) * part


def _noise_2d(x: Image, y: Image, seed: int) -> Image:
    row = np.floor(y)
    part = y - row
    part = part * part * (3 - 2 * part)
    upper = _rows(x, row, seed)
    lower = _rows(x, row + 1, seed)
    return upper * (1 - part) + lower * part


def _rows(x: Image, row: Image, seed: int) -> Image:
    return _noise(x + row * 71.37, seed)


def _hash(cell: Image, seed: int) -> Image:
    return _table(seed)[np.mod(cell, NOISE_PERIOD).astype(int)]


@cache
def _table(seed: int) -> Image:
    return np.random.default_rng(seed).random(NOISE_PERIOD).astype(np.float32)


def _smoothstep(start: float, end: float, value: Image) -> Image:
    part = np.clip((value - start) / (end - start), 0, 1)
    return part * part * (3 - 2 * part)


def _mix(image: Image, colour: Colour, amount: Image) -> Image:
    share = np.clip(amount, 0, 1)[..., None]
    return image * (1 - share) + np.asarray(colour, dtype=np.float32) * share


def _lerp(start: Colour, end: Colour, share: float) -> Colour:
    a, b = np.asarray(start), np.asarray(end)
    red, green, blue = a + (b - a) * share
    return int(red), int(green), int(blue)
