"""Vector leaves of the kernels, written as LLVM instructions.

A vector with zeros is stored dense, together with the list of its *blocks* (runs of 16 numbers,
one cache line) that hold a non-zero. Working on whole blocks is 2 to 3 times faster than gathering
single numbers, but LLVM does not find it by itself in a loop of 16 inside another, so the loops
over blocks are given here. LLVM splits the 16 lanes to what the processor has.

All arrays are float32 and C-contiguous; `start` is the position of a weight row in the flat
weights; `blocks` holds the positions (multiples of 16) of the blocks within a row, int32.
"""

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
#: Rows on either side of `dot_tile`.
TILE = 4
#: AVX-512's reciprocal roots are exact to 2^-14, in a fifth of the time of a root and a division.
HAS_ESTIMATE = bool(get_host_cpu_features().get("avx512f"))

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_FAST = ("fast",)


def _splat(builder, number):
    """A vector with `number` in every lane."""
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    lane0 = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(
        lane0, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    )


def _constant(number):
    return ir.Constant(_VECTOR, [number] * LANES)


def _call(builder, name, result, arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, arguments, fastmath=_FAST)


def _sum_lanes(builder, vector):
    name = f"llvm.vector.reduce.fadd.v{LANES}f32"
    return _call(builder, name, _FLOAT, [ir.Constant(_FLOAT, 0.0), vector])


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
        return _sum_lanes(builder, builder.load(total))

    return signature, generate


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
            number = _sum_lanes(builder, builder.load(total))
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


def _make_step(adagrad: bool, momentum: bool):
    """Build the update of one weight row for one optimiser."""

    @intrinsic
    def step_blocks(typing, weights, squares, velocity, start, gradient, x, blocks, rate, decay):
        """Descend the row at `start` along gradient * x, over x's blocks.

        Weights whose input is zero stay as they are, in velocity and history too.
        """
        f = types.float32
        signature = types.void(weights, squares, velocity, types.int64, f, x, blocks, f, f)

        def generate(context, builder, signature, arguments):
            def fast(name, *operands):
                return getattr(builder, name)(*operands, flags=_FAST)

            kinds = signature.args
            w, h, v = (_Array(context, builder, kinds[i], arguments[i]) for i in range(3))
            inputs = _Array(context, builder, kinds[5], arguments[5])
            gradient = _splat(builder, arguments[4])
            rate = _splat(builder, arguments[7])
            decay = _splat(builder, arguments[8])
            with _for_blocks(context, builder, kinds[6], arguments[6]) as block:
                here = builder.add(arguments[3], block)
                value = inputs.load(block)
                weight = w.load(here)  # before any store: they may agree in the low address bits
                slope = fast("fmul", gradient, value)
                step = fast("fmul", rate, slope)
                if adagrad:
                    history = fast("fadd", h.load(here), fast("fmul", slope, slope))
                    h.store(history, here)
                    step = fast("fmul", step, _invert_root(builder, history))
                if momentum:
                    old = v.load(here)
                    new = fast("fadd", fast("fmul", decay, old), step)
                    touched = builder.fcmp_ordered("!=", value, _constant(0.0))
                    v.store(builder.select(touched, new, old), here)
                    step = builder.select(touched, new, _constant(0.0))
                w.store(fast("fsub", weight, step), here)
            return context.get_dummy_value()

        return signature, generate

    return step_blocks


step_sgd = _make_step(adagrad=False, momentum=False)
step_momentum = _make_step(adagrad=False, momentum=True)
step_adagrad = _make_step(adagrad=True, momentum=False)
step_adagrad_momentum = _make_step(adagrad=True, momentum=True)
