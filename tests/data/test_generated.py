"""The generators keep what they promise, checked by other means than they use."""

import threading

import numpy as np
import pytest
from scipy.spatial import ConvexHull, QhullError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from lsh_dl.common.errors import UserError
from lsh_dl.data import digits, norb_standin
from lsh_dl.data.prepared.prepare import resolve, split_validation
from lsh_dl.data.synthetic.deform import DeformedDigits, draw_fields
from lsh_dl.data.synthetic.random import draw_below, draw_geometric, draw_uniform, key_state, mix

SMALL = {
    "convex": {"train": 300, "test": 100},
    "rectangles": {"train": 300, "test": 100},
    "digits": {"train": 300, "test": 100},
    "norb_standin": {"train": 300, "test": 100},
}


def build(name, **settings):
    return resolve(name, SMALL[name] | settings).build(sources=None)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_same_seed_same_images_other_seed_others(name):
    one, again, other = build(name), build(name), build(name, seed=1)
    for part in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(one, part), getattr(again, part))
    assert not np.array_equal(one.x_train, other.x_train)
    assert not np.array_equal(one.x_train[:100], one.x_test)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_sizes_types_and_classes(name):
    source = resolve(name, SMALL[name])
    arrays = source.build(sources=None)
    features = np.prod(source.image_shape)
    for x, y, count in (
        (arrays.x_train, arrays.y_train, 300),
        (arrays.x_test, arrays.y_test, 100),
    ):
        assert (x.shape, x.dtype, y.shape) == ((count, features), np.uint8, (count,))
        assert set(y) == set(range(source.classes))
        shares = np.bincount(y) / count
        assert abs(shares - 1 / source.classes).max() < 0.12
        assert len(np.unique(x, axis=0)) > 0.9 * count


@pytest.mark.parametrize("name", ["convex", "rectangles"])
@pytest.mark.parametrize("count", [100, 101])
def test_classes_are_balanced(name, count):
    assert abs(np.diff(np.bincount(build(name, train=count).y_train))) <= 1


# Convex ---------------------------------------------------------------------------------------


def black_pixels_in_hull(image: np.ndarray) -> int:
    """How many black pixels lie in the convex hull of the white ones, by Qhull."""
    white, black = np.argwhere(image > 0), np.argwhere(image == 0)
    try:
        hull = ConvexHull(white)
    except QhullError:  # all white pixels on one line
        direction = white[-1] - white[0]
        across = black - white[0]
        on_line = direction[0] * across[:, 1] == direction[1] * across[:, 0]
        along = across[on_line] @ direction
        return int(((along > 0) & (along < direction @ direction)).sum())
    return int((black @ hull.equations[:, :2].T + hull.equations[:, 2] < 1e-9).all(axis=1).sum())


def test_hull_check_knows_both_kinds():
    image = np.zeros((28, 28), np.uint8)
    image[3:9, 4:20] = 255
    assert black_pixels_in_hull(image) == 0
    image[5, 10] = 0
    assert black_pixels_in_hull(image) == 1
    line = np.eye(28, dtype=np.uint8)
    assert black_pixels_in_hull(line) == 0
    line[5, 5] = 0
    assert black_pixels_in_hull(line) == 1


def test_convex_regions_are_convex_and_the_others_are_not():
    arrays = build("convex", train=2000)
    images = arrays.x_train.reshape(-1, 28, 28)
    assert set(np.unique(images)) == {0, 255}
    for image, label in zip(images, arrays.y_train, strict=True):
        white = (image > 0).sum()
        if label:
            assert black_pixels_in_hull(image) == 0
            assert white >= 19
        else:
            assert black_pixels_in_hull(image) > 0
            assert white >= 10


def test_convex_classes_cover_about_the_same_area():
    arrays = build("convex", train=4000)
    white = (arrays.x_train > 0).mean(axis=1)
    areas = [white[arrays.y_train == label].mean() for label in (0, 1)]
    assert abs(areas[0] - areas[1]) < 0.05, "the recipe balances them, else area gives it away"
    by_area = LogisticRegression().fit(white[:, None], arrays.y_train)
    assert by_area.score(white[:, None], arrays.y_train) < 0.6


# Rectangles -----------------------------------------------------------------------------------


def test_rectangles_keep_their_bounds():
    from lsh_dl.data.rectangles import draw_rectangles, possible_sizes

    sizes = possible_sizes(resolve("rectangles", {}).settings)
    labels = np.arange(5000) % 2
    top, left, height, width = draw_rectangles(labels, sizes, np.random.default_rng(0))
    assert np.array_equal(height > width, labels == 1)
    assert np.abs(height - width).min() == 5
    assert min(height.min(), width.min()) == 10
    share = height * width / 784
    assert share.min() >= 0.25
    assert share.max() <= 0.75
    assert top.min() == left.min() == 0
    assert (top + height).max() == (left + width).max() == 28


def test_rectangle_sizes_are_those_of_drawing_and_rejecting():
    from lsh_dl.data.rectangles import possible_sizes

    rng = np.random.default_rng(0)
    sides = rng.integers(1, 29, (200_000, 2))
    area = sides.prod(axis=1) / 784
    accepted = sides[
        (sides.min(axis=1) >= 10)
        & (sides[:, 1] - sides[:, 0] >= 5)
        & (area >= 0.25)
        & (area <= 0.75)
    ]
    sizes = possible_sizes(resolve("rectangles", {}).settings)
    assert {tuple(size) for size in accepted} == {tuple(size) for size in sizes}


def test_a_rectangle_is_a_patch_over_another(monkeypatch):
    """With plain patches instead of pictures the rectangle can be read off the image."""
    calls = iter([50, 200, 50, 200])

    def plain(found, groups, rng):
        return np.full((len(groups), 28, 28), next(calls), np.uint8)

    monkeypatch.setattr("lsh_dl.data.rectangles.draw_patches", plain)
    arrays = build("rectangles")
    for image, label in zip(arrays.x_train.reshape(-1, 28, 28), arrays.y_train, strict=True):
        inside = image == 200
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        assert inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert (len(rows) > len(columns)) == bool(label)
        assert abs(len(rows) - len(columns)) >= 5


def test_patches_are_textured_pieces_of_their_groups_tiles():
    from lsh_dl.data.rectangles import cut_tiles, draw_patches, find_patches, photographs

    train, _ = cut_tiles(photographs())
    groups = np.arange(20) % len(train)
    rng = np.random.default_rng(0)
    patches = draw_patches(find_patches(train, 12.0), groups, rng)
    for group, patch in zip(groups, patches, strict=True):
        assert patch.std() >= 12
        windows = np.lib.stride_tricks.sliding_window_view(np.stack(train[group]), (28, 28), (1, 2))
        assert (windows == patch).all((3, 4)).any()
    with pytest.raises(UserError, match="texture"):
        find_patches([[np.zeros((40, 40), np.uint8)]], 12.0)


def test_no_pixel_is_in_two_groups_of_tiles(monkeypatch):
    """Of photographs whose pixels all differ, each is in one tile at most, and all have a place."""
    from lsh_dl.data.rectangles import cut_tiles

    picture = np.arange(142 * 192).reshape(142, 192)
    monkeypatch.setattr("lsh_dl.data.rectangles.GROUPS", 3)
    parts = cut_tiles([picture])
    pixels = np.concatenate([tile.ravel() for part in parts for group in part for tile in group])
    assert len(pixels) == len(np.unique(pixels)) == 142 * 192
    assert [len(group) for part in parts for group in part] == [1] * 6


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_validation_images_of_rectangles_are_of_other_tiles(share):
    arrays = build("rectangles", train=1000)
    validation = split_validation(1000, share, 0, arrays.groups)
    assert len(validation) == share * 1000
    kept = np.delete(arrays.groups, validation)
    assert not set(kept) & set(arrays.groups[validation])
    # Both classes are in either part, as in the whole.
    assert 0.35 < arrays.y_train[validation].mean() < 0.65


# NORB stand-in --------------------------------------------------------------------------------


def test_toys_of_training_and_testing_differ_and_all_views_exist_once():
    assert not set(norb_standin.TRAIN_INSTANCES) & set(norb_standin.TEST_INSTANCES)
    views = 5 * 5 * len(norb_standin.ELEVATIONS) * len(norb_standin.AZIMUTHS)
    assert views * len(norb_standin.LIGHTS) == 24_300
    arrays = build("norb_standin")
    assert set(arrays.groups) == set(norb_standin.TRAIN_INSTANCES)


def test_background_and_frame_are_empty():
    for background in (0, 180):
        images = build("norb_standin", background=background).x_train.reshape(-1, 32, 32)
        frame = np.concatenate([images[:, 0], images[:, -1]], axis=1)
        assert (frame == background).all(), "a toy is cut off"
        assert 0.03 < (images != background).mean() < 0.6


def test_renderer_against_a_ball_known_in_closed_form():
    from lsh_dl.data.synthetic.render import render

    side, radius = 64, 0.7
    image = np.zeros((side, side), np.float32)
    light = np.array([np.cos(0.6), 0, np.sin(0.6)])  # from the camera
    one = np.ones(1)
    render(
        image,
        np.zeros(1, np.int64),
        np.zeros((1, 3)),
        np.full((1, 3), radius),
        np.eye(3)[None],
        one,
        0.0,
        0.6,
        light,
        0.2,
        1.0,
    )
    v, u = (np.indices((side, side)) + 0.5 - side / 2) / (side / 2)
    inside = 1 - (u**2 + v**2) / radius**2
    expected = np.where(inside >= 0, 0.2 + 0.8 * np.sqrt(np.maximum(inside, 0)), 0)
    np.testing.assert_allclose(image, expected, atol=1e-5)


def test_renderer_shows_the_nearer_part_and_the_lit_face():
    from lsh_dl.data.synthetic.render import render

    image = np.zeros((40, 40), np.float32)
    # The camera looks along -x; a small bright cube stands before a large dim one.
    render(
        image,
        np.ones(2, np.int64),
        np.array([[0.5, 0.0, 0.0], [-0.3, 0.0, 0.0]]),
        np.array([[0.1] * 3, [0.4] * 3]),
        np.stack([np.eye(3)] * 2),
        np.array([1.0, 0.5]),
        0.0,
        0.0,
        np.array([1.0, 0.0, 0.0]),
        0.0,
        1.0,
    )
    expected = np.zeros((40, 40))
    expected[12:28, 12:28] = 0.5
    expected[18:22, 18:22] = 1.0
    np.testing.assert_allclose(image, expected, atol=1e-6)


# Digits ---------------------------------------------------------------------------------------


def test_test_originals_are_never_trained_on(monkeypatch):
    """Without deformation every image can be traced to its original."""
    monkeypatch.setattr(digits, "_deform", lambda image, bend, rng: np.pad(image, 4) / 2)
    arrays = build("digits", train=3000, test=700)
    train, test = ({row.tobytes() for row in x} for x in (arrays.x_train, arrays.x_test))
    assert len(train) > 1300
    assert len(test) > 300
    assert not train & test
    assert len(set(arrays.groups)) > 1300
    by_group = {}
    for row, group in zip(arrays.x_train, arrays.groups, strict=True):
        assert by_group.setdefault(group, row.tobytes()) == row.tobytes()


def test_digits_are_black_around():
    assert 0.6 < (build("digits").x_train == 0).mean() < 0.9


# Generated MNIST8M ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def deformed():
    rng = np.random.default_rng(0)
    images = np.zeros((40, 28, 28), np.uint8)
    images[:, 6:22, 6:22] = rng.integers(0, 256, (40, 4, 4)).repeat(4, 1).repeat(4, 2)
    return DeformedDigits(
        images.reshape(40, 784),
        np.arange(40) % 10,
        draw_fields(50, 4.0, rng),
        count=100_000,
        strength=1.0,
        seed=3,
    )


def test_any_order_and_any_number_of_threads_give_the_same(deformed):
    rows = np.random.default_rng(1).integers(len(deformed), size=2000)
    x, y = deformed.take(rows)
    order = np.random.default_rng(2).permutation(2000)
    np.testing.assert_array_equal(deformed.take(rows[order])[0], x[order])
    np.testing.assert_array_equal(deformed.take(rows[7:8])[0], x[7:8])
    np.testing.assert_array_equal(deformed.labels[rows], y)
    parts = [None] * 4

    def work(number):
        parts[number] = deformed.take(rows[number::4])[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, part in enumerate(parts):
        np.testing.assert_array_equal(part, x[number::4])


def test_first_round_is_the_originals(deformed):
    rows = np.arange(40)
    np.testing.assert_array_equal(deformed.take(rows)[0], deformed.originals(rows))


def test_rounds_repeat_the_labels_not_the_images(deformed):
    first, second = (deformed.take(np.arange(start, start + 40)) for start in (40, 80))
    np.testing.assert_array_equal(first[1], second[1])
    assert (first[0] != second[0]).any(axis=1).all()


def test_rule_against_numpy(deformed):
    """The same formula with array operations, trying every field and shift."""
    from scipy.ndimage import sobel

    index = 4321
    got = deformed.take(np.array([index]))[0].reshape(28, 28)
    image = deformed.originals(np.array([index])).reshape(28, 28).astype(np.float64)
    dx = sobel(image, axis=1, mode="constant") / 8
    dy = sobel(image, axis=0, mode="constant") / 8
    fields = deformed._fields
    hits = 0
    for across in fields:
        for down in fields:
            level = np.clip(image + across * dx + down * dy, 0, 255) + 0.5
            for shift in np.ndindex(3, 3):
                moved = np.zeros((30, 30))
                moved[shift[0] : shift[0] + 28, shift[1] : shift[1] + 28] = level
                want = moved[1:29, 1:29]
                if abs(want.sum() - got.sum()) < 800:
                    hits += np.abs(np.floor(want) - got).max() <= 1
    assert hits == 1


def test_no_strength_leaves_only_shifts(deformed):
    still = DeformedDigits(deformed._images, np.arange(40) % 10, deformed._fields, 9999, 0.0, 3)
    rows = np.arange(40, 9999)
    x = still.take(rows)[0].reshape(-1, 28, 28)
    originals = still.originals(rows).reshape(-1, 28, 28)
    shifts = set()
    for image, original in zip(x[:500], originals, strict=False):
        fits = [
            shift
            for shift in np.ndindex(3, 3)
            if np.array_equal(image, np.roll(original, (shift[0] - 1, shift[1] - 1), (0, 1)))
        ]
        assert len(fits) == 1
        shifts.update(fits)
    assert len(shifts) == 9


def test_index_outside_is_an_error(deformed):
    for wrong in (-1, 100_000):
        with pytest.raises(IndexError):
            deformed.take(np.array([wrong]))
    assert deformed.take(np.empty(0, np.int64))[0].shape == (0, 784)


def test_fields_are_smooth_and_of_unit_size():
    fields = draw_fields(200, 4.0, np.random.default_rng(0))
    assert np.sqrt(np.mean(fields**2)) == pytest.approx(1, rel=1e-5)
    assert np.sqrt(np.mean(np.diff(fields, axis=1) ** 2)) < 0.25


# Random numbers -------------------------------------------------------------------------------


def test_mix_is_splitmix64():
    """Against the published first outputs for seed 1234567."""
    golden = 0x9E3779B97F4A7C15
    states = [(1234567 + k * golden) % 2**64 for k in range(1, 4)]
    assert [int(mix(np.uint64(state))) for state in states] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_draws_have_their_distributions():
    state = np.zeros(1, np.uint64)
    firsts, geometric, below = [], [], []
    for index in range(20_000):
        key_state(state, np.uint64(5), np.uint64(index))
        firsts.append(draw_uniform(state))
        geometric.append(draw_geometric(state, 0.2))
        below.append(draw_below(state, 9))
    assert np.mean(firsts) == pytest.approx(0.5, abs=0.01)
    assert np.std(firsts) == pytest.approx(12**-0.5, abs=0.01)
    assert abs(np.corrcoef(firsts[:-1], firsts[1:])[0, 1]) < 0.03
    assert np.mean(geometric) == pytest.approx(5, abs=0.15)
    assert min(geometric) == 1
    np.testing.assert_allclose(np.bincount(below) / 20_000, 1 / 9, atol=0.01)


# Learnability ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sizes", "least", "most"),
    [
        ("convex", {"train": 8000, "test": 3000}, 0.70, 0.95),
        ("rectangles", {"train": 8000, "test": 3000}, 0.66, 0.90),
        ("norb_standin", {"train": 2000, "test": 1000}, 0.75, 0.99),
        ("digits", {"train": 4000, "test": 1000}, 0.86, 0.99),
    ],
)
def test_a_standard_network_learns_it(name, sizes, least, most):
    from lsh_dl.data.prepared.scaling import fit_preprocessing, measure
    from lsh_dl.data.prepared.store import ArraySamples

    source = resolve(name, sizes)
    arrays = source.build(sources=None)
    offset, scale = fit_preprocessing(
        measure(ArraySamples(arrays.x_train, arrays.y_train)), source.preprocessing
    )
    network = MLPClassifier((128,), batch_size=64, max_iter=12, random_state=0)
    with pytest.warns(match="Maximum iterations"):
        network.fit((arrays.x_train - offset) * scale, arrays.y_train)
    accuracy = network.score((arrays.x_test - offset) * scale, arrays.y_test)
    assert least < accuracy < most
