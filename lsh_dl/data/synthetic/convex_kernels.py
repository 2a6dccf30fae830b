"""Kernels that draw convex and non-convex regions of pixels."""

import numpy as np
from numba import njit

from lsh_dl.data.synthetic.random import draw_below, draw_geometric, draw_uniform, key_state

SIDE = 28
STEPS = np.gcd.outer(np.arange(SIDE), np.arange(SIDE))
"""Into how many steps from pixel to pixel a straight line of that height and width falls."""


@njit(cache=True, nogil=True)
def cut(state, left, right, new_left, new_right):
    """Cut the region left ... right with a random half-plane; return how many pixels remain.

    The half-plane's border goes through a uniform point of the image at a uniform angle. Row r of
    a region is the columns left[r] ... right[r], and is empty where left > right; all four arrays
    are (SIDE,) integers, the last two are written.
    """
    y = draw_uniform(state) * SIDE - 0.5
    x = draw_uniform(state) * SIDE - 0.5
    angle = draw_uniform(state) * 2.0 * np.pi
    across, down = np.cos(angle), np.sin(angle)
    pixels = 0
    for row in range(SIDE):
        new_left[row], new_right[row] = left[row], right[row]
        if across > 0:
            border = x - down * (row - y) / across
            new_left[row] = max(left[row], int(np.ceil(min(max(border, 0.0), SIDE + 0.0))))
        elif across < 0:
            border = x - down * (row - y) / across
            new_right[row] = min(right[row], int(np.floor(max(min(border, SIDE - 1.0), -1.0))))
        elif down * (row - y) < 0:
            new_right[row] = -1
        pixels += max(0, new_right[row] - new_left[row] + 1)
    return pixels


@njit(cache=True, nogil=True)
def draw_convex(state, p, minimum, left, right, new_left, new_right):
    """Draw an intersection of half-planes with at least `minimum` pixels into left, right.

    Their number is geometric with parameter `p` and stays as drawn: a half-plane that would leave
    too little is drawn again, instead of the whole region, which would favour few half-planes.
    """
    left[:] = 0
    right[:] = SIDE - 1
    wanted = draw_geometric(state, p)
    while wanted > 0:
        if cut(state, left, right, new_left, new_right) >= minimum:
            left[:] = new_left
            right[:] = new_right
            wanted -= 1


@njit(cache=True, nogil=True)
def paint(image, left, right):
    """Set the region's pixels in `image`, (SIDE, SIDE) uint8, to 255."""
    for row in range(SIDE):
        for column in range(left[row], right[row] + 1):
            image[row, column] = 255


@njit(cache=True, nogil=True)
def has_gap(image):
    """Whether some row has a black pixel between white ones."""
    for row in range(SIDE):
        ended = False
        for column in range(1, SIDE):
            if image[row, column - 1] and not image[row, column]:
                ended = True
            elif image[row, column] and ended:
                return True
    return False


@njit(cache=True, nogil=True)
def passes_pair_test(image, rows, columns):
    """Whether every pixel on the straight line between any two white pixels is white.

    Only pixels whose centre lies exactly on the line count. `rows` and `columns` are scratch,
    (SIDE * SIDE,) integers.
    """
    if has_gap(image) or has_gap(image.T):  # pairs in one row or column: quick, and often enough
        return False
    count = 0
    for row in range(SIDE):
        for column in range(SIDE):
            if image[row, column]:
                rows[count] = row
                columns[count] = column
                count += 1
    for i in range(count):
        for j in range(i + 1, count):
            down = rows[j] - rows[i]
            across = columns[j] - columns[i]
            steps = STEPS[down, abs(across)]
            for step in range(1, steps):
                if not image[rows[i] + down // steps * step, columns[i] + across // steps * step]:
                    return False
    return True


@njit(cache=True, nogil=True)
def draw_images(images, labels, seed, p_convex, least_convex, p_part, least_part, most_parts):
    """Fill images (n, SIDE, SIDE) uint8; labels (n,) say which are convex (1) or not (0)."""
    state = np.zeros(1, np.uint64)
    left, right = np.zeros(SIDE, np.int64), np.zeros(SIDE, np.int64)
    spare_left, spare_right = np.zeros(SIDE, np.int64), np.zeros(SIDE, np.int64)
    rows, columns = np.zeros(SIDE * SIDE, np.int64), np.zeros(SIDE * SIDE, np.int64)
    for index in range(len(images)):
        key_state(state, seed, index)
        image = images[index]
        while True:
            image[:] = 0
            if labels[index]:
                draw_convex(state, p_convex, least_convex, left, right, spare_left, spare_right)
                paint(image, left, right)
                break
            for _ in range(2 + draw_below(state, most_parts - 1)):
                draw_convex(state, p_part, least_part, left, right, spare_left, spare_right)
                paint(image, left, right)
            if not passes_pair_test(image, rows, columns):
                break
