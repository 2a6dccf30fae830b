"""Vector leaves of the kernels, written as LLVM instructions.

A vector with zeros is stored dense, together with the list of its *blocks* (runs of 16 numbers,
one cache line) that hold a non-zero. Working on whole blocks is 2 to 3 times faster than gathering
single numbers, but LLVM does not find it by itself in a loop of 16 inside another, so the loops
over blocks are given here. LLVM splits the 16 lanes to what the processor has.

All arrays are float32 and C-contiguous; `start` is the position of a weight row in the flat
weights; `blocks` holds the positions (multiples of 16) of the blocks within a row, int32.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic, register_jitable

LANES = 16
#: Rows on either side of `dot_tile`.
TILE = 4
#: Rows that `dot_rows` multiplies at a time.
GROUP = 8
#: Adam's decays of the mean gradient and of the mean square, and what is added to its root.
ADAM_MEAN, ADAM_SQUARE, ADAM_EPSILON = 0.9, 0.999, 1e-8
#: Bytes of a vector.
BYTES = 64


def _list_features() -> frozenset[str]:
    """What the processor has that is compiled for, which need not be this one (NUMBA_CPU_NAME)."""
    named = config.CPU_FEATURES
    features = get_host_cpu_features() if named is None else named
    return frozenset(name[1:] for name in features.split(",") if name.startswith("+"))


_FEATURES = _list_features()
#: AVX-512's reciprocal roots are exact to 2^-14, in a fifth of the time of a root and a division.
HAS_ESTIMATE = "avx512f" in _FEATURES
#: Moves chosen lanes to the front in one instruction.
HAS_COMPRESS = "avx512f" in _FEATURES
#: Looks 64 bytes up in a table of 128.
HAS_LOOKUP = "avx512vbmi" in _FEATURES

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_FAST = ("fast",)
#: Leaves the order of sums as it is written.
_IN_ORDER = ("nnan", "ninf", "nsz", "contract")


def _pick(builder, left, right, lanes):
    """A vector of lanes of two others, those of the second being numbered on."""
    kind = ir.VectorType(ir.IntType(32), len(lanes))
    return builder.shuffle_vector(left, right, ir.Constant(kind, lanes))


def _splat(builder, number):
    """A vector with the float `number` in every lane."""
    return _spread(builder, number, LANES)


def _spread(builder, number, lanes):
    """A vector with `number` in each of so many lanes."""
    single = builder.insert_element(
        ir.Constant(ir.VectorType(number.type, lanes), ir.Undefined),
        number,
        ir.Constant(ir.IntType(32), 0),
    )
    return _pick(builder, single, single, [0] * lanes)


def _constant(number):
    return ir.Constant(_VECTOR, [number] * LANES)


def _call(builder, name, result, arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, arguments, fastmath=_FAST)


def _sum_lanes(builder, vectors):
    """The sums of the lanes of 1 or GROUP vectors: a float, or a vector of so many.

    Runs of partial sums are halved, the second half being added to the first, and two vectors
    become one: so a sum is the same to the last bit, whether it is formed alone or with others.
    """
    run = LANES
    while run > 1:
        if len(vectors) > 1:
            lanes = [first + lane for first in range(0, 2 * LANES, run) for lane in range(run // 2)]
            pairs = list(zip(vectors[::2], vectors[1::2], strict=True))
        else:
            count = vectors[0].type.count
            lanes = [first + lane for first in range(0, count, run) for lane in range(run // 2)]
            pairs = [(vectors[0], vectors[0])]
        vectors = [
            builder.fadd(
                _pick(builder, left, right, lanes),
                _pick(builder, left, right, [lane + run // 2 for lane in lanes]),
                flags=_IN_ORDER,
            )
            for left, right in pairs
        ]
        run //= 2
    if vectors[0].type.count > 1:
        return vectors[0]
    return builder.extract_element(vectors[0], ir.Constant(ir.IntType(32), 0))


class _Array:
    """Vector loads and stores at positions of a float32 array."""

    def __init__(self, context, builder, kind, value):
        self.builder = builder
        self.array = context.make_array(kind)(context, builder, value)
        self.data = self.array.data

    def _pointer(self, position):
        pointer = self.builder.gep(self.data, [position])
        return self.builder.bitcast(pointer, _VECTOR.as_pointer())

    def load(self, position):
        return self.builder.load(self._pointer(position), align=4)

    def store(self, vector, position):
        self.builder.store(vector, self._pointer(position), align=4)

    def row(self, index):
        """The position of a row of a 2-D array; `index` is a Python int."""
        step = cgutils.unpack_tuple(self.builder, self.array.strides, 2)[0]  # bytes
        step = self.builder.sdiv(step, ir.Constant(ir.IntType(64), 4))
        return self.builder.mul(step, ir.Constant(ir.IntType(64), index))


def _for_blocks(context, builder, kind, blocks):
    """Loop over a blocks array: a context manager that yields the block's position (int64)."""
    array = context.make_array(kind)(context, builder, blocks)
    count = cgutils.unpack_tuple(builder, array.shape, 1)[0]
    loop = cgutils.for_range(builder, count)

    class Loop:
        def __enter__(self):
            index = loop.__enter__().index
            return builder.sext(builder.load(builder.gep(array.data, [index])), ir.IntType(64))

        def __exit__(self, *failure):
            return loop.__exit__(*failure)

    return Loop()


def _invert_root(builder, numbers):
    """1 / sqrt(numbers), where the processor has it as its own estimate: 14 bits."""
    if HAS_ESTIMATE:
        kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, ir.IntType(16)])
        name = "llvm.x86.avx512.rsqrt14.ps.512"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, [numbers, numbers, ir.Constant(ir.IntType(16), -1)])
    root = _call(builder, f"llvm.sqrt.v{LANES}f32", _VECTOR, [numbers])
    return builder.fdiv(_constant(1.0), root, flags=_FAST)


@intrinsic
def dot_blocks(typing, weights, start, x, blocks):
    """Inner product of the row at `start` with x, over x's blocks: float32."""
    signature = types.float32(weights, types.int64, x, blocks)

    def generate(context, builder, signature, arguments):
        w = _Array(context, builder, signature.args[0], arguments[0])
        v = _Array(context, builder, signature.args[2], arguments[2])
        total = cgutils.alloca_once_value(builder, _constant(0.0))
        with _for_blocks(context, builder, signature.args[3], arguments[3]) as block:
            row = w.load(builder.add(arguments[1], block))
            product = builder.fmul(row, v.load(block), flags=_FAST)
            builder.store(builder.fadd(builder.load(total), product, flags=_FAST), total)
        return _sum_lanes(builder, [builder.load(total)])

    return signature, generate


@intrinsic
def _dot_group(typing, weights, start, stride, nodes, first, x, blocks, products):
    """Inner products of GROUP rows with x, over x's blocks."""
    signature = types.void(
        weights, types.int64, types.int64, nodes, types.int64, x, blocks, products
    )

    def generate(context, builder, signature, arguments):
        kinds, long = signature.args, ir.IntType(64)
        w, v, out = (_Array(context, builder, kinds[i], arguments[i]) for i in (0, 5, 7))
        ids = context.make_array(kinds[3])(context, builder, arguments[3]).data
        starts = []
        for i in range(GROUP):
            place = builder.add(arguments[4], ir.Constant(long, i))
            node = builder.sext(builder.load(builder.gep(ids, [place])), long)
            starts.append(builder.add(arguments[1], builder.mul(node, arguments[2])))
        sums = [cgutils.alloca_once_value(builder, _constant(0.0)) for _ in starts]
        with _for_blocks(context, builder, kinds[6], arguments[6]) as block:
            value = v.load(block)
            for start, total in zip(starts, sums, strict=True):
                product = builder.fmul(w.load(builder.add(start, block)), value, flags=_FAST)
                builder.store(builder.fadd(builder.load(total), product, flags=_FAST), total)
        numbers = _sum_lanes(builder, [builder.load(total) for total in sums])
        place = builder.gep(out.data, [arguments[4]])
        builder.store(numbers, builder.bitcast(place, numbers.type.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature, generate


@register_jitable
def dot_rows(weights, start, stride, nodes, x, blocks, products):
    """Inner products of the rows of `nodes`, int32, with x, over x's blocks, to `products`.

    Row i stands at start + i * stride. Each is what `dot_blocks` gives, to the last bit; several at
    a time wait less for memory and for sums.
    """
    count = nodes.shape[0]
    whole = count // GROUP * GROUP
    for first in range(0, whole, GROUP):
        _dot_group(weights, start, stride, nodes, first, x, blocks, products)
    for p in range(whole, count):
        products[p] = dot_blocks(weights, start + nodes[p] * stride, x, blocks)


@intrinsic
def dot_tile(typing, left, right, blocks, products):
    """Inner products of TILE rows with TILE others, to products, over the given blocks.

    Each is what `dot_blocks` gives, to the last bit. All are 2-D, (TILE, row) and (TILE, TILE),
    their rows may stand apart. A row that is loaded serves TILE times, and no sum waits for itself.
    """
    signature = types.void(left, right, blocks, products)

    def generate(context, builder, signature, arguments):
        kinds = signature.args
        a, b, out = (_Array(context, builder, kinds[i], arguments[i]) for i in (0, 1, 3))
        places = [(i, j) for i in range(TILE) for j in range(TILE)]
        sums = {place: cgutils.alloca_once_value(builder, _constant(0.0)) for place in places}
        starts = [(a.row(i), b.row(i)) for i in range(TILE)]
        with _for_blocks(context, builder, kinds[2], arguments[2]) as block:
            mine = [a.load(builder.add(start, block)) for start, _ in starts]
            theirs = [b.load(builder.add(start, block)) for _, start in starts]
            for (i, j), total in sums.items():
                product = builder.fmul(mine[i], theirs[j], flags=_FAST)
                builder.store(builder.fadd(builder.load(total), product, flags=_FAST), total)
        for (i, j), total in sums.items():
            at = builder.add(out.row(i), ir.Constant(ir.IntType(64), j))
            number = _sum_lanes(builder, [builder.load(total)])
            builder.store(number, builder.gep(out.data, [at]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_scaled_blocks(typing, target, factor, weights, start, blocks):
    """Add factor * (the row at `start`) to target, over the given blocks."""
    signature = types.void(target, types.float32, weights, types.int64, blocks)

    def generate(context, builder, signature, arguments):
        t = _Array(context, builder, signature.args[0], arguments[0])
        w = _Array(context, builder, signature.args[2], arguments[2])
        factor = _splat(builder, arguments[1])
        with _for_blocks(context, builder, signature.args[4], arguments[4]) as block:
            scaled = builder.fmul(factor, w.load(builder.add(arguments[3], block)), flags=_FAST)
            t.store(builder.fadd(t.load(block), scaled, flags=_FAST), block)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def clear_blocks(typing, target, blocks):
    """Set target to zero, over the given blocks."""
    signature = types.void(target, blocks)

    def generate(context, builder, signature, arguments):
        t = _Array(context, builder, signature.args[0], arguments[0])
        with _for_blocks(context, builder, signature.args[1], arguments[1]) as block:
            t.store(_constant(0.0), block)
        return context.get_dummy_value()

    return signature, generate


def _for_vectors(builder, count, lanes, body):
    """body(position, lanes that count) for `count` numbers, so many lanes at a time."""
    long = ir.IntType(64)
    whole = builder.and_(count, ir.Constant(long, -lanes))
    everything = ir.Constant(ir.VectorType(ir.IntType(1), lanes), [1] * lanes)
    step = ir.Constant(long, lanes)
    with cgutils.for_range_slice(builder, ir.Constant(long, 0), whole, step) as (position, _):
        body(position, everything)
    left = builder.sub(count, whole)
    with builder.if_then(builder.icmp_signed(">", left, ir.Constant(long, 0))):
        bound = _spread(builder, builder.trunc(left, ir.IntType(16)), lanes)
        run = ir.Constant(bound.type, list(range(lanes)))
        body(whole, builder.icmp_unsigned("<", run, bound))


def _load_lanes(builder, data, position, mask):
    """The numbers of an array from a position on; 0 where the mask is, and nothing read there."""
    number, lanes = data.type.pointee, mask.type.count
    vector = ir.VectorType(number, lanes)
    place = builder.bitcast(builder.gep(data, [position]), vector.as_pointer())
    size = number.width // 8 if isinstance(number, ir.IntType) else 4
    if isinstance(mask, ir.Constant):
        return builder.load(place, align=size)
    letter = "i" if isinstance(number, ir.IntType) else "f"
    name = f"llvm.masked.load.v{lanes}{letter}{8 * size}.p0"
    kind = ir.FunctionType(vector, [place.type, ir.IntType(32), mask.type, vector])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    zeros = ir.Constant(vector, None)
    return builder.call(function, [place, ir.Constant(ir.IntType(32), size), mask, zeros])


def _count_lanes(builder, mask):
    """How many lanes of a mask are set: int64."""
    bits = builder.bitcast(mask, ir.IntType(mask.type.count))
    long = ir.IntType(64)
    bits = bits if bits.type.width == 64 else builder.zext(bits, long)
    kind = ir.FunctionType(long, [long])
    return builder.call(
        cgutils.get_or_insert_function(builder.module, kind, "llvm.ctpop.i64"), [bits]
    )


def _make_counter(number, compare):
    """Count the numbers of an array for which compare(builder, numbers, bound) holds."""

    @intrinsic
    def count_numbers(typing, numbers, bound):
        signature = types.int64(numbers, number)

        def generate(context, builder, signature, arguments):
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            count = cgutils.unpack_tuple(builder, array.shape, 1)[0]
            lanes = BYTES // (number.bitwidth // 8)
            bound = _spread(builder, arguments[1], lanes)
            total = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(64), 0))

            def add(position, mask):
                held = compare(builder, _load_lanes(builder, array.data, position, mask), bound)
                some = _count_lanes(builder, builder.and_(held, mask))
                builder.store(builder.add(builder.load(total), some), total)

            _for_vectors(builder, count, lanes, add)
            return builder.load(total)

        return signature, generate

    return count_numbers


#: count_above(scores, bound): how many of float32 `scores` are above the bound.
count_above = _make_counter(types.float32, lambda b, v, bound: b.fcmp_ordered(">", v, bound))
#: count_at_most(numbers, bound): how many of uint8 `numbers` are at most the bound.
count_at_most = _make_counter(types.uint8, lambda b, v, bound: b.icmp_unsigned("<=", v, bound))


@intrinsic
def find_bounds(typing, scores):
    """The least and the largest of one or more scores, float32."""
    signature = types.UniTuple(types.float32, 2)(scores)

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        count = cgutils.unpack_tuple(builder, array.shape, 1)[0]
        first = _splat(builder, builder.load(array.data))
        low, high = (cgutils.alloca_once_value(builder, first) for _ in range(2))

        def widen(position, mask):
            vector = _load_lanes(builder, array.data, position, mask)
            vector = builder.select(mask, vector, first)
            for bound, sign in ((low, "<"), (high, ">")):
                known = builder.load(bound)
                further = builder.fcmp_ordered(sign, vector, known, flags=("nnan",))
                builder.store(builder.select(further, vector, known), bound)

        _for_vectors(builder, count, LANES, widen)
        ends = [
            _call(builder, f"llvm.vector.reduce.{name}.v{LANES}f32", _FLOAT, [builder.load(bound)])
            for name, bound in (("fmin", low), ("fmax", high))
        ]
        return context.make_tuple(builder, signature.return_type, ends)

    return signature, generate


def _compress(builder, vector, mask):
    """The lanes of the mask moved to the front."""
    letter = "i" if isinstance(vector.type.element, ir.IntType) else "f"
    name = f"llvm.x86.avx512.mask.compress.v{LANES}{letter}32"
    kind = ir.FunctionType(vector.type, [vector.type, vector.type, mask.type])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [vector, vector, mask])


def _append(builder, data, count, vector, mask):
    """Write the lanes of the mask to data[count:] and nothing behind them; returns how many."""
    some, half = _count_lanes(builder, mask), ir.IntType(LANES)
    ones = builder.shl(ir.Constant(ir.IntType(32), 1), builder.trunc(some, ir.IntType(32)))
    ones = builder.trunc(builder.sub(ones, ir.Constant(ir.IntType(32), 1)), half)
    places = builder.bitcast(ones, mask.type)
    place = builder.bitcast(builder.gep(data, [count]), vector.type.as_pointer())
    letter = "i" if isinstance(vector.type.element, ir.IntType) else "f"
    name = f"llvm.masked.store.v{LANES}{letter}32.p0"
    align = ir.Constant(ir.IntType(32), 4)
    kind = ir.FunctionType(ir.VoidType(), [vector.type, place.type, align.type, mask.type])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [_compress(builder, vector, mask), place, align, places])
    return some


@intrinsic
def _move_above(typing, nodes, scores, bound):
    """Move the scores above the bound, and their nodes, to the front; returns how many."""
    signature = types.int64(nodes, scores, types.float32)

    def generate(context, builder, signature, arguments):
        ids, numbers = (
            context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 1)
        )
        count = cgutils.unpack_tuple(builder, numbers.shape, 1)[0]
        bound = _splat(builder, arguments[2])
        kept = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(64), 0))

        def move(position, mask):
            score = _load_lanes(builder, numbers.data, position, mask)
            node = _load_lanes(builder, ids.data, position, mask)
            above = builder.and_(builder.fcmp_ordered(">", score, bound), mask)
            # What is overwritten has been read: the front is never beyond `position`.
            place = builder.load(kept)
            _append(builder, ids.data, place, node, above)
            some = _append(builder, numbers.data, place, score, above)
            builder.store(builder.add(place, some), kept)

        _for_vectors(builder, count, LANES, move)
        return builder.load(kept)

    return signature, generate


@intrinsic
def _list_at_most(typing, numbers, bound, places):
    """Write the places of the uint8 numbers that are at most the bound; returns how many."""
    signature = types.int64(numbers, types.uint8, places)

    def generate(context, builder, signature, arguments):
        numbers, places = (
            context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 2)
        )
        count = cgutils.unpack_tuple(builder, numbers.shape, 1)[0]
        bound = _spread(builder, arguments[1], BYTES)
        short = ir.IntType(32)
        run = ir.Constant(ir.VectorType(short, LANES), list(range(LANES)))
        kept = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(64), 0))

        def add(position, mask):
            held = _load_lanes(builder, numbers.data, position, mask)
            held = builder.and_(builder.icmp_unsigned("<=", held, bound), mask)
            for first in range(0, BYTES, LANES):
                lanes = _pick(builder, held, held, list(range(first, first + LANES)))
                here = builder.add(builder.trunc(position, short), ir.Constant(short, first))
                listed = builder.add(_spread(builder, here, LANES), run)
                place = builder.load(kept)
                some = _append(builder, places.data, place, listed, lanes)
                builder.store(builder.add(place, some), kept)

        _for_vectors(builder, count, BYTES, add)
        return builder.load(kept)

    return signature, generate


@register_jitable
def move_above(nodes, scores, bound):
    """Move the scores above the bound, and their nodes, to the front; returns how many.

    Their order stays. `nodes` int32 and `scores` float32 are equally long.
    """
    if HAS_COMPRESS:
        return _move_above(nodes, scores, bound)
    kept = 0
    for i in range(scores.shape[0]):
        # Written either way: a branch would be mispredicted half the time.
        nodes[kept] = nodes[i]
        scores[kept] = scores[i]
        kept += scores[i] > bound
    return kept


@register_jitable
def list_at_most(numbers, bound, places):
    """Write the places of the uint8 numbers that are at most the bound; returns how many.

    `places` is int32, with room for all.
    """
    if HAS_COMPRESS:
        return _list_at_most(numbers, bound, places)
    count = 0
    for i in range(numbers.shape[0]):
        if numbers[i] <= bound:
            places[count] = i
            count += 1
    return count


def _look_up(builder, halves, indices):
    """Entries of a table of 256 bytes, in four vectors, at a vector of indices."""
    vector = ir.VectorType(ir.IntType(8), BYTES)
    kind = ir.FunctionType(vector, [vector] * 3)
    name = "llvm.x86.avx512.vpermi2var.qi.512"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    low = builder.call(function, [halves[0], indices, halves[1]])  # by the 7 low bits
    high = builder.call(function, [halves[2], indices, halves[3]])
    upper = builder.icmp_signed("<", indices, ir.Constant(vector, [0] * BYTES))
    return builder.select(upper, high, low)


@intrinsic
def _order_flips(typing, scores, start, bits, inverse, numbers):
    """See `order_flips`."""
    signature = types.uint8(scores, types.int64, types.int64, inverse, numbers)

    def generate(context, builder, signature, arguments):
        scores, inverse, numbers = (
            context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 3, 4)
        )
        byte, bits = ir.IntType(8), 8
        run = ir.Constant(ir.VectorType(ir.IntType(16), bits), list(range(bits)))
        count = _spread(builder, builder.trunc(arguments[2], ir.IntType(16)), bits)
        there = builder.icmp_unsigned("<", run, count)
        score = _load_lanes(builder, scores.data, arguments[1], there)
        zeros = ir.Constant(score.type, None)
        positive = builder.fcmp_ordered(">", score, zeros)
        margin = _call(builder, f"llvm.fabs.v{bits}f32", score.type, [score])
        # A bit's place in the order of margins: how many come before it.
        ones = ir.VectorType(ir.IntType(32), bits)
        place = ir.Constant(ones, None)
        for other in range(bits):
            rival = _pick(builder, margin, margin, [other] * bits)
            known = _pick(builder, there, there, [other] * bits)
            earlier = ir.Constant(there.type, [int(other < bit) for bit in range(bits)])
            equal = builder.and_(builder.fcmp_ordered("==", rival, margin), earlier)
            before = builder.or_(builder.fcmp_ordered("<", rival, margin), equal)
            place = builder.add(place, builder.zext(builder.and_(before, known), ones))
        flags = builder.shl(ir.Constant(ones, [1] * bits), place)
        flags = builder.trunc(flags, ir.VectorType(byte, bits))
        everything = ir.Constant(ir.VectorType(ir.IntType(1), BYTES), [1] * BYTES)
        starts = [ir.Constant(ir.IntType(64), start) for start in range(0, 256, BYTES)]
        halves = [_load_lanes(builder, inverse.data, start, everything) for start in starts]
        for first, start in zip(range(0, 256, BYTES), starts, strict=True):
            sets = ir.Constant(ir.VectorType(byte, BYTES), None)
            for bit in range(bits):
                held = [-(flips >> bit & 1) for flips in range(first, first + BYTES)]
                flag = _pick(builder, flags, flags, [bit] * BYTES)
                sets = builder.or_(sets, builder.and_(flag, ir.Constant(sets.type, held)))
            place = builder.bitcast(builder.gep(numbers.data, [start]), sets.type.as_pointer())
            builder.store(_look_up(builder, halves, sets), place, align=1)
        return builder.bitcast(builder.and_(positive, there), byte)

    return signature, generate


@register_jitable
def order_flips(scores, start, bits, inverse, sets, numbers):
    """The number of the probe that makes each set of flips of a code's bits; returns the code.

    Parameters
    ----------
    scores
        float32; those of the code's at most 8 bits are scores[start:start + bits].
    inverse
        uint8 (256,): the number of the probe that flips a set of ranks, rank 0 being that of the
        bit with the score closest to 0.
    sets
        uint8 (256,): scratch.
    numbers
        uint8 (256,): written, by set of bits.
    """
    if HAS_LOOKUP:
        return _order_flips(scores, start, bits, inverse, numbers)
    code = 0
    sets[0] = 0
    for bit in range(bits):
        score = scores[start + bit]
        code |= (score > 0) << bit
        place = 0
        for other in range(bits):
            margin, rival = abs(score), abs(scores[start + other])
            place += (rival < margin) | ((rival == margin) & (other < bit))
        for flips in range(1 << bit):
            sets[(1 << bit) + flips] = sets[flips] | (1 << place)
    for flips in range(1 << bits):
        numbers[flips] = inverse[sets[flips]]
    return np.uint8(code)


@intrinsic
def _lower_to(typing, table, codes, flip, least):
    """least = min(least, table[codes ^ flip]), uint8, in whole vectors."""
    signature = types.void(table, codes, types.uint8, least)

    def generate(context, builder, signature, arguments):
        table, codes, least = (
            context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 1, 3)
        )
        count = cgutils.unpack_tuple(builder, codes.shape, 1)[0]
        everything = ir.Constant(ir.VectorType(ir.IntType(1), BYTES), [1] * BYTES)
        starts = [ir.Constant(ir.IntType(64), start) for start in range(0, 256, BYTES)]
        halves = [_load_lanes(builder, table.data, start, everything) for start in starts]
        flip = _spread(builder, arguments[2], BYTES)
        step = ir.Constant(ir.IntType(64), BYTES)
        with cgutils.for_range_slice(builder, ir.Constant(ir.IntType(64), 0), count, step) as loop:
            code = _load_lanes(builder, codes.data, loop[0], everything)
            found = _look_up(builder, halves, builder.xor(code, flip))
            known = _load_lanes(builder, least.data, loop[0], everything)
            lower = builder.select(builder.icmp_unsigned("<", found, known), found, known)
            place = builder.gep(least.data, [loop[0]])
            builder.store(lower, builder.bitcast(place, lower.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return signature, generate


@register_jitable
def lower_to(table, codes, flip, least):
    """least = min(least, table[codes ^ flip]): all uint8, `table` has 256 numbers.

    `codes` and `least` are equally long, a multiple of BYTES.
    """
    if HAS_LOOKUP:
        _lower_to(table, codes, flip, least)
    else:
        for i in range(codes.shape[0]):
            least[i] = min(least[i], table[codes[i] ^ flip])


@intrinsic
def prefetch_blocks(typing, numbers, start, blocks):
    """Ask for the given blocks of the row at `start`, to be read and written soon."""
    signature = types.void(numbers, types.int64, blocks)

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        short = ir.IntType(32)
        choices = [ir.Constant(short, number) for number in (1, 3, 1)]  # written, near, data
        with _for_blocks(context, builder, signature.args[2], arguments[2]) as block:
            place = builder.gep(data, [builder.add(arguments[1], block)])
            kind = ir.FunctionType(ir.VoidType(), [place.type] + [short] * 3)
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            builder.call(function, [place, *choices])
        return context.get_dummy_value()

    return signature, generate


def _make_step(adagrad: bool, momentum: bool, penalised: bool = False, adam: bool = False):
    """Build the update of one weight row for one optimiser.

    Adam keeps the mean gradient in `velocity`, the mean square in `squares`; its `learning_rate` is
    corrected.
    """
    f = types.float32

    def generate(context, builder, signature, arguments):
        def fast(name, *operands):
            return getattr(builder, name)(*operands, flags=_FAST)

        kinds = signature.args
        w, h, v = (_Array(context, builder, kinds[i], arguments[i]) for i in range(3))
        inputs = _Array(context, builder, kinds[5], arguments[5])
        gradient = _splat(builder, arguments[4])
        learning_rate = _splat(builder, arguments[7])
        decay = _splat(builder, arguments[8])
        with _for_blocks(context, builder, kinds[6], arguments[6]) as block:
            here = builder.add(arguments[3], block)
            value = inputs.load(block)
            weight = w.load(here)  # before any store: they may agree in the low address bits
            slope = fast("fmul", gradient, value)
            touched = builder.fcmp_ordered("!=", value, _constant(0.0))
            if penalised:
                pull = fast("fmul", _splat(builder, arguments[9]), weight)
                counts = builder.and_(touched, _lanes_but(builder, block, arguments[10]))
                slope = fast("fadd", slope, builder.select(counts, pull, _constant(0.0)))
            step = fast("fmul", learning_rate, slope)
            if adam:
                mean, square = v.load(here), h.load(here)
                change = fast("fsub", slope, mean)
                mean = fast("fadd", mean, fast("fmul", _constant(1 - ADAM_MEAN), change))
                change = fast("fsub", fast("fmul", slope, slope), square)
                new = fast("fadd", square, fast("fmul", _constant(1 - ADAM_SQUARE), change))
                h.store(builder.select(touched, new, square), here)
                v.store(builder.select(touched, mean, v.load(here)), here)
                root = _call(builder, f"llvm.sqrt.v{LANES}f32", _VECTOR, [new])
                root = fast("fadd", root, _constant(ADAM_EPSILON))
                step = builder.fdiv(fast("fmul", learning_rate, mean), root, flags=_FAST)
                step = builder.select(touched, step, _constant(0.0))
            if adagrad:
                history = fast("fadd", h.load(here), fast("fmul", slope, slope))
                h.store(history, here)
                step = fast("fmul", step, _invert_root(builder, history))
            if momentum:
                old = v.load(here)
                new = fast("fadd", fast("fmul", decay, old), step)
                v.store(builder.select(touched, new, old), here)
                step = builder.select(touched, new, _constant(0.0))
            w.store(fast("fsub", weight, step), here)
        return context.get_dummy_value()

    @intrinsic
    def step_blocks(
        typing, weights, squares, velocity, start, gradient, x, blocks, learning_rate, momentum
    ):
        """Descend the row at `start` along gradient * x, over x's blocks.

        Weights whose input is zero stay as they are, in velocity and history too.
        """
        signature = types.void(weights, squares, velocity, types.int64, f, x, blocks, f, f)
        return signature, generate

    @intrinsic
    def step_penalised(
        typing,
        weights,
        squares,
        velocity,
        start,
        gradient,
        x,
        blocks,
        learning_rate,
        momentum,
        alpha,
        bias,
    ):
        """The same, alpha times the weight added to the gradient of all but the one at `bias`."""
        number = types.int64
        signature = types.void(*(weights, squares, velocity, number, f, x, blocks, f, f, f, number))
        return signature, generate

    return step_penalised if penalised else step_blocks


def _lanes_but(builder, block, place):
    """A mask of the block's lanes, without the one at `place` (int64) of the row."""
    kind = ir.IntType(64)
    lane = builder.sub(place, block)
    mask = ir.Constant(ir.VectorType(ir.IntType(1), LANES), [1] * LANES)
    for i in range(LANES):
        is_other = builder.icmp_signed("!=", lane, ir.Constant(kind, i))
        mask = builder.insert_element(mask, is_other, ir.Constant(ir.IntType(32), i))
    return mask


step_sgd = _make_step(adagrad=False, momentum=False)
step_momentum = _make_step(adagrad=False, momentum=True)
step_adagrad = _make_step(adagrad=True, momentum=False)
step_adagrad_momentum = _make_step(adagrad=True, momentum=True)
step_adam = _make_step(adagrad=False, momentum=False, adam=True)
penalised_sgd = _make_step(adagrad=False, momentum=False, penalised=True)
penalised_momentum = _make_step(adagrad=False, momentum=True, penalised=True)
penalised_adagrad = _make_step(adagrad=True, momentum=False, penalised=True)
penalised_adagrad_momentum = _make_step(adagrad=True, momentum=True, penalised=True)
penalised_adam = _make_step(adagrad=False, momentum=False, penalised=True, adam=True)
