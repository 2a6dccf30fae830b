"""A ray caster for toys: parallel light and view, no shadows, one ray a sub-pixel."""

import numpy as np
from numba import njit

FAR = 1e9


@njit(cache=True, nogil=True)
def render(image, shapes, centres, sizes, turns, greys, azimuth, elevation, light, ambient, zoom):
    """Draw one view of a toy (see `lsh_dl.data.synthetic.toys.assemble`) over `image`.

    Parameters
    ----------
    image: (side, side) float32, grey levels in [0, 1]; pixels that no part covers are kept.
    azimuth, elevation: of the camera, in radians; it looks at the origin.
    light: (3,) float64 unit vector towards the light.
    ambient: share of light that reaches every surface, in [0, 1].
    zoom: pixels per unit length over half the image's side.
    """
    side = image.shape[0]
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    cosine, sine = np.cos(elevation), np.sin(elevation)
    ahead = -np.array([cosine * np.cos(azimuth), cosine * np.sin(azimuth), sine])
    up = np.array([-sine * np.cos(azimuth), -sine * np.sin(azimuth), cosine])
    depth = np.full((side, side), FAR, np.float32)
    half = side / 2.0
    step = 1.0 / (half * zoom)
    origin, ray, normal = np.zeros(3), np.zeros(3), np.zeros(3)
    # The image of an axis of the part: how far a ray moves along it per unit right, up, ahead.
    along_right, along_up, along_ahead, base = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)
    for part in range(len(shapes)):
        extent_right = 0.0
        extent_up = 0.0
        middle_right = 0.0
        middle_up = 0.0
        for axis in range(3):
            turn = turns[part, axis]
            size = sizes[part, axis]
            along_right[axis] = np.dot(turn, right) / size
            along_up[axis] = np.dot(turn, up) / size
            along_ahead[axis] = np.dot(turn, ahead) / size
            base[axis] = -np.dot(turn, centres[part]) / size
            middle_right += centres[part, axis] * right[axis]
            middle_up += centres[part, axis] * up[axis]
            reach_right = abs(along_right[axis]) * size * size
            reach_up = abs(along_up[axis]) * size * size
            if shapes[part] == 0:
                extent_right += reach_right * reach_right
                extent_up += reach_up * reach_up
            else:
                extent_right += reach_right
                extent_up += reach_up
        if shapes[part] == 0:
            extent_right = np.sqrt(extent_right)
            extent_up = np.sqrt(extent_up)
        first_column = max(0, int(np.floor((middle_right - extent_right) / step + half - 0.5)))
        last_column = min(side - 1, int(np.ceil((middle_right + extent_right) / step + half)))
        first_row = max(0, int(np.floor(half - (middle_up + extent_up) / step - 0.5)))
        last_row = min(side - 1, int(np.ceil(half - (middle_up - extent_up) / step)))
        for axis in range(3):
            ray[axis] = along_ahead[axis]
        for row in range(first_row, last_row + 1):
            v = (half - row - 0.5) * step
            for column in range(first_column, last_column + 1):
                u = (column + 0.5 - half) * step
                for axis in range(3):
                    origin[axis] = base[axis] + u * along_right[axis] + v * along_up[axis]
                if shapes[part] == 0:
                    distance = meet_ball(origin, ray, normal)
                else:
                    distance = meet_cube(origin, ray, normal)
                if distance >= depth[row, column]:
                    continue
                depth[row, column] = distance
                length = 0.0
                shade = 0.0
                for k in range(3):
                    world = 0.0
                    for axis in range(3):
                        world += normal[axis] / sizes[part, axis] * turns[part, axis, k]
                    length += world * world
                    shade += world * light[k]
                shade = max(0.0, shade / np.sqrt(length))
                image[row, column] = greys[part] * (ambient + (1.0 - ambient) * shade)


@njit(cache=True, nogil=True)
def meet_ball(origin, ray, normal):
    """Distance along the ray to the unit ball, FAR if it is missed; `normal` (3,) is written."""
    a = 0.0
    b = 0.0
    c = -1.0
    for axis in range(3):
        a += ray[axis] * ray[axis]
        b += origin[axis] * ray[axis]
        c += origin[axis] * origin[axis]
    root = b * b - a * c
    if root < 0.0:
        return FAR
    distance = (-b - np.sqrt(root)) / a
    for axis in range(3):
        normal[axis] = origin[axis] + distance * ray[axis]
    return distance


@njit(cache=True, nogil=True)
def meet_cube(origin, ray, normal):
    """The same for the cube [-1, 1]^3."""
    near = -FAR
    far = FAR
    face = 0
    for axis in range(3):
        if abs(ray[axis]) < 1e-12:
            if abs(origin[axis]) > 1.0:
                return FAR
            continue
        enter = (-np.sign(ray[axis]) - origin[axis]) / ray[axis]
        leave = (np.sign(ray[axis]) - origin[axis]) / ray[axis]
        if enter > near:
            near = enter
            face = axis
        far = min(far, leave)
    if near > far:
        return FAR
    for axis in range(3):
        normal[axis] = 0.0
    normal[face] = -np.sign(ray[face])
    return near


@njit(cache=True, nogil=True)
def shrink(image, finer, small):
    """Write means of blocks of finer x finer pixels of `image` into `small`, uint8 0 ... 255."""
    side = small.shape[0]
    for row in range(side):
        for column in range(side):
            total = 0.0
            for y in range(finer):
                for x in range(finer):
                    total += image[row * finer + y, column * finer + x]
            small[row, column] = np.uint8(min(255.0, total / (finer * finer) * 255.0 + 0.5))
