"""Toys made of ellipsoids and boxes: five kinds, each instance with its own proportions.

Axes: x forward, y left, z up; lengths are relative, `assemble` scales the whole toy.
"""

from dataclasses import dataclass, field

import numpy as np

KINDS = ("animal", "human", "airplane", "truck", "car")
"""In NORB's order: the class numbers are the positions."""

ELLIPSOID, BOX = 0, 1


@dataclass
class _Parts:
    """Parts put together one by one; angles in radians."""

    rng: np.random.Generator
    shapes: list[int] = field(default_factory=list)
    centres: list[np.ndarray] = field(default_factory=list)
    sizes: list[np.ndarray] = field(default_factory=list)
    turns: list[np.ndarray] = field(default_factory=list)
    greys: list[float] = field(default_factory=list)

    def add(self, shape, centre, size, grey, yaw=0.0, pitch=0.0, roll=0.0):
        """Add a part with half-sizes `size` along its own axes, turned by roll, pitch, then yaw."""
        self.shapes.append(shape)
        self.centres.append(np.array(centre, float))
        self.sizes.append(np.array(size, float))
        self.turns.append(_turn(yaw, pitch, roll))
        self.greys.append(float(np.clip(grey + self.rng.normal(0, 0.05), 0.15, 1.0)))

    def pair(self, shape, centre, size, grey, yaw=0.0, pitch=0.0, roll=0.0):
        """Add a part and its mirror image at the other side, y -> -y."""
        x, y, z = centre
        self.add(shape, (x, y, z), size, grey, yaw, pitch, roll)
        self.add(shape, (x, -y, z), size, grey, -yaw, pitch, -roll)


def _turn(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation whose rows are the turned axes in world coordinates, (3, 3)."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    return (about_z @ about_y @ about_x).T


def assemble(kind: int, instance: int, seed: int) -> tuple[np.ndarray, ...]:
    """The parts of a toy, for `lsh_dl.data.synthetic.render.render`.

    Parameters
    ----------
    kind: position in `KINDS`.
    instance: number of the toy among its kind; every number is another toy.
    seed: of all toys.

    Returns
    -------
    shapes (p,) int64: ELLIPSOID or BOX; centres (p, 3), sizes (p, 3) half-sizes and greys (p,) in
    [0, 1], float64; turns (p, 3, 3), rows are the part's axes. The toy fits in a unit ball.
    """
    parts = _Parts(np.random.default_rng([seed, 0x708, kind, instance]))
    (_animal, _human, _airplane, _truck, _car)[kind](parts, parts.rng.uniform)
    centres, sizes, turns = (np.array(a) for a in (parts.centres, parts.sizes, parts.turns))
    # Corners of every part's own box bound the toy; its middle goes to the origin.
    signs = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T
    corners = (centres[:, None] + np.einsum("ck,pk,pkd->pcd", signs, sizes, turns)).reshape(-1, 3)
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    scale = 1 / np.linalg.norm(corners - middle, axis=1).max()
    # Nobody puts ten toys on a turntable in exactly the same direction.
    aside = _turn(parts.rng.normal(0, 0.2), 0, 0)
    return (
        np.array(parts.shapes),
        np.ascontiguousarray((centres - middle) @ aside * scale),
        sizes * scale,
        np.ascontiguousarray(turns @ aside),
        np.array(parts.greys),
    )


def _animal(parts: _Parts, u) -> None:
    """Four legs, a long body, a neck with a head, a tail."""
    length, width, height = u(0.55, 0.9), u(0.2, 0.36), u(0.2, 0.36)
    leg, thick, fur = u(0.25, 0.7), u(0.06, 0.12), u(0.35, 0.9)
    back = leg + height * 0.8
    parts.add(ELLIPSOID, (0, 0, back), (length, width, height), fur)
    for x in (-0.65 * length, 0.65 * length):
        parts.pair(
            ELLIPSOID,
            (x, 0.6 * width, leg / 2 + 0.05),
            (thick, thick, leg / 2 + 0.15),
            fur * u(0.6, 1.0),
            pitch=u(-0.25, 0.25),
        )
    neck, lean = u(0.1, 0.55), u(0.2, 0.9)
    tip = np.array([length * 0.85 + np.sin(lean) * neck, 0, back + 0.1 + np.cos(lean) * neck])
    parts.add(
        ELLIPSOID,
        ((length * 0.75 + tip[0]) / 2, 0, (back + tip[2]) / 2),
        (thick * 1.4, thick * 1.4, neck / 2 + 0.15),
        fur,
        pitch=lean,
    )
    head = u(0.13, 0.22)
    parts.add(
        ELLIPSOID, np.add(tip, (head, 0, 0)), (head * u(1.2, 1.9), head, head), fur, pitch=u(0, 0.5)
    )
    parts.pair(
        ELLIPSOID,
        np.add(tip, (head * 0.3, head * 0.7, head)),
        (head * 0.3, head * 0.25, head * u(0.3, 0.8)),
        fur * 0.7,
    )
    parts.add(
        ELLIPSOID,
        (-length - 0.1, 0, back),
        (u(0.12, 0.3), 0.05, 0.05),
        fur * 0.8,
        pitch=u(-1.2, 0.6),
    )


def _human(parts: _Parts, u) -> None:
    """Upright: two legs, a torso, two arms in any pose, a head."""
    leg, torso, broad, cloth = u(0.6, 0.9), u(0.3, 0.42), u(0.2, 0.32), u(0.35, 0.9)
    limb, skin, stride = u(0.07, 0.12), u(0.6, 0.95), u(0, 0.5)
    trousers = u(0.25, 0.8)
    for side in (-1, 1):
        parts.add(
            ELLIPSOID,
            (side * stride * 0.3, side * broad * 0.5, leg / 2),
            (limb * 1.2, limb * 1.2, leg / 2 + 0.1),
            trousers,
            pitch=-side * stride,
            roll=side * u(0, 0.15),
        )
        swing, lift = u(-1.2, 1.2), u(0.05, 1.3)
        arm = u(0.28, 0.4)
        shoulder = np.array([0, side * (broad + limb * 0.5), leg + 1.7 * torso])
        flat = np.cos(lift)
        down = np.array([-np.sin(swing) * flat, side * np.sin(lift), -np.cos(swing) * flat])
        parts.add(
            ELLIPSOID,
            shoulder + down * arm,
            (limb, limb, arm),
            cloth,
            pitch=swing,
            roll=side * lift,
        )
    parts.add(
        BOX if u() < 0.4 else ELLIPSOID,
        (0, 0, leg + torso),
        (u(0.13, 0.2), broad, torso * u(1.0, 1.15)),
        cloth,
    )
    head = u(0.14, 0.2)
    parts.add(ELLIPSOID, (0.02, 0, leg + 2 * torso + head), (head, head, head * 1.2), skin)
    if u() < 0.5:
        hat = u(0.2, 0.9)
        parts.add(
            ELLIPSOID, (0, 0, leg + 2 * torso + 2 * head), (head * 1.3, head * 1.3, head * 0.4), hat
        )


def _airplane(parts: _Parts, u) -> None:
    """A hull, wings that may be swept, a tail with a fin, engines or a propeller."""
    hull, paint, belly = u(0.09, 0.17), u(0.45, 0.95), u(0.2, 0.35)
    span, sweep = u(0.55, 1.0), u(-0.05, 0.6)
    high = u(-0.8, 0.9) * hull
    parts.add(ELLIPSOID, (0, 0, belly), (1.0, hull, hull), paint)
    parts.pair(
        BOX,
        (u(-0.1, 0.2) - 0.5 * span * np.sin(sweep), 0.5 * span * np.cos(sweep), belly + high),
        (u(0.12, 0.24), 0.55 * span, 0.025),
        paint * u(0.7, 1.0),
        yaw=sweep,
        roll=u(-0.05, 0.15),
    )
    tail = u(0.22, 0.38)
    parts.pair(
        BOX,
        (-0.88, 0.5 * tail, belly + hull * u(0.3, 1.0)),
        (0.1, 0.5 * tail, 0.02),
        paint * u(0.7, 1.0),
        yaw=sweep * 0.7,
    )
    fin = u(0.12, 0.2)
    parts.add(BOX, (-0.88, 0, belly + hull + fin * 0.7), (0.12, 0.02, fin), u(0.3, 0.9), pitch=-0.4)
    if u() < 0.6:
        parts.pair(
            ELLIPSOID,
            (0.15, u(0.3, 0.5) * span, belly + high - 0.06),
            (0.16, 0.06, 0.06),
            u(0.25, 0.8),
        )
    else:
        parts.add(BOX, (1.0, 0, belly), (0.015, u(0.2, 0.3), 0.03), 0.3, roll=u(0, 3.1))
    parts.add(ELLIPSOID, (u(0.4, 0.7), 0, belly + hull * 0.8), (0.2, hull * 0.7, hull * 0.6), 0.25)


def _wheels(parts: _Parts, places, side: float, radius: float, grey: float) -> None:
    for x in places:
        parts.pair(ELLIPSOID, (x, side, radius), (radius, radius * 0.4, radius), grey)


def _truck(parts: _Parts, u) -> None:
    """A cab in front of a higher load: a box, a flat bed with cargo, or a tank."""
    wide, wheel, paint = u(0.27, 0.38), u(0.13, 0.2), u(0.35, 0.95)
    floor = wheel * 1.3
    parts.add(BOX, (0, 0, floor), (1.0, wide * 0.9, 0.06), u(0.2, 0.5))
    cab, cab_height = u(0.18, 0.28), u(0.24, 0.36)
    parts.add(BOX, (1.0 - cab, 0, floor + cab_height), (cab, wide, cab_height), paint)
    parts.add(BOX, (1.0, 0, floor + cab_height * 1.35), (0.03, wide * 0.85, cab_height * 0.4), 0.2)
    load, middle = 0.95 - cab, -cab
    cargo = u()
    if cargo < 0.5:
        tall = u(0.3, 0.55)
        parts.add(
            BOX, (middle - 0.03, 0, floor + tall), (load, wide * u(1.0, 1.12), tall), u(0.4, 1)
        )
    elif cargo < 0.75:
        parts.add(
            ELLIPSOID, (middle, 0, floor + wide), (load * 1.05, wide, wide * u(0.9, 1.2)), u(0.4, 1)
        )
    else:
        low = u(0.1, 0.18)
        parts.pair(BOX, (middle, wide, floor + low), (load, 0.04, low), paint * 0.9)
        parts.add(
            ELLIPSOID, (middle, 0, floor + 0.1), (load * 0.9, wide * 0.9, u(0.2, 0.4)), u(0.25, 0.8)
        )
    places = [1.0 - cab, -0.75] if u() < 0.4 else [1.0 - cab, -0.4, -0.78]
    _wheels(parts, places, wide * 0.9, wheel, u(0.15, 0.3))


def _car(parts: _Parts, u) -> None:
    """A low body with a smaller cabin, from saloon to van."""
    wide, wheel, paint = u(0.36, 0.46), u(0.15, 0.22), u(0.35, 0.95)
    low = u(0.13, 0.2)
    body = wheel * 0.7 + low
    round_body = u() < 0.4
    parts.add(
        ELLIPSOID if round_body else BOX,
        (0, 0, body),
        (1.08, wide * 1.1, low * 1.35) if round_body else (1.0, wide, low),
        paint,
    )
    cabin, tall, back = u(0.4, 0.7), u(0.16, 0.26), u(-0.3, 0.05)
    shape = BOX if u() < 0.4 else ELLIPSOID
    grow = 1.0 if shape == BOX else 1.2
    parts.add(
        shape,
        (back, 0, body + low + tall * 0.7),
        (cabin * grow, wide * 0.85 * grow, tall * grow),
        paint * u(0.75, 1.0),
    )
    parts.add(
        BOX,
        (back + cabin * 0.75, 0, body + low + tall * 0.8),
        (0.04, wide * 0.75, tall * 0.6),
        0.22,
        pitch=-0.5,
    )
    if u() < 0.3:
        parts.add(BOX, (-0.95, 0, body + low + 0.12), (0.08, wide * 0.9, 0.02), paint)
    _wheels(parts, (0.6, -0.62), wide * 0.95, wheel, u(0.15, 0.3))
