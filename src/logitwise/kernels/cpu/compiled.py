"""The decorators of kernels, and LLVM instructions that Numba does not offer.

Numba passes the fast-math flags of a caller on to every callee that sets none of its own, so every function here sets
its own. Only `reordered` functions may regroup a sum, which is what lets the compiler vectorise it; no function may
assume that NaN and infinities are absent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numba.np.arrayobj import populate_array

from logitwise.kernels import notices
from logitwise.kernels.compiler import Kernel, PartCompiler

notices.listen()

EXACT: Any = False
_INT32 = ir.IntType(32)
REORDERED: Any = {"reassoc", "nsz"}


def compiled(function: Callable) -> Any:
    """Compile a function whose arithmetic is done as written; the result is cached where a folder can be written."""
    return _compiled(function, EXACT)


def reordered(function: Callable) -> Any:
    """Compile a function whose sums, and nothing else, may be regrouped."""
    return _compiled(function, REORDERED)


def _compiled(function: Callable, flags: Any) -> Any:
    return Kernel(function, nogil=True, fastmath=flags, error_model="numpy")


def by_type(choose: Callable) -> Any:
    """Make a function for compiled code whose implementation `choose` returns, given the types of the arguments.

    The implementation takes the same arguments as `choose`. Called by the interpreter, the function raises
    NotImplementedError.
    """

    @wraps(choose)
    def function(*_: Any) -> Any:
        raise NotImplementedError(f"{choose.__name__} runs in compiled code only")

    options: Any = {"fastmath": EXACT, "pipeline_class": PartCompiler}
    overload(function, jit_options=options)(choose)
    return function


def instruction(generator: Callable) -> Any:
    """Make a function for compiled code from one that returns its signature and a writer of its LLVM instructions."""
    return intrinsic(generator)


def instruction_of_constants(generator: Callable) -> Any:
    """Make a function as `instruction` does, which gets the values of constants with their types."""
    return intrinsic(prefer_literal=True)(generator)


@instruction
def use_wide_vectors(_typing_context):
    """Let the loops of this function use 512-bit vectors where the processor has them; LLVM stops at 256 by default.

    The function does not become part of its callers, whose loops may use the vectors of the default width only.
    """

    def generate(context, builder, _signature, _arguments):
        # llvmlite knows the attributes without a value only, and refuses others in `add`.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.none(), generate


@instruction
def become_inline(_typing_context):
    """Make this function part of its callers, however long it is: a loop around a call does not vectorise."""

    def generate(context, builder, _signature, _arguments):
        builder.function.attributes.add("alwaysinline")
        return context.get_dummy_value()

    return types.none(), generate


@instruction
def multiply_add(_typing_context, a, b, c):
    """Return `a * b + c`, rounded once."""

    def generate(_context, builder, _signature, arguments):
        return builder.fma(*arguments)

    return a(a, a, a), generate


@instruction
def power_of_two(_typing_context, biased):
    """Return the float whose exponent field is the integer in the low bits of `biased`."""
    integer, shift = (ir.IntType(32), 23) if biased == types.float32 else (ir.IntType(64), 52)

    def generate(_context, builder, _signature, arguments):
        bits = builder.bitcast(arguments[0], integer)
        return builder.bitcast(builder.shl(bits, integer(shift)), arguments[0].type)

    return biased(biased), generate


@instruction
def bits_of(_typing_context, number):
    """Return the bits of a float as a signed integer of the same width."""
    result = types.int32 if number == types.float32 else types.int64

    def generate(context, builder, _signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(result))

    return result(number), generate


@instruction
def number_of(_typing_context, bits):
    """Return the float that has the bits of a signed integer."""
    result = types.float32 if bits == types.int32 else types.float64

    def generate(context, builder, _signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(result))

    return result(bits), generate


@instruction
def element_as(_typing_context, memory, position, example):
    """Return the element at `position` of `memory`, an array of bytes read as an array of the type of `example`."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        start = builder.bitcast(array.data, context.get_value_type(example).as_pointer())
        return builder.load(builder.gep(start, [arguments[1]]), align=1)

    return example(memory, position, example), generate


@instruction
def view_of(_typing_context, array, start, count):
    """Return a borrowed view of `count` elements of a C-contiguous array, from the flat position `start` on.

    A borrowed view holds no reference to its array. Reference counts are atomic, and where two threads count the
    references of an array they share, that costs more than a short row.
    """
    return types.Array(array.dtype, 1, "C")(array, start, count), _borrow


@instruction
def matrix_of(_typing_context, array, rows, columns):
    """Return a borrowed view of a C-contiguous array as a matrix."""
    return types.Array(array.dtype, 2, "C")(array, rows, columns), _borrow


@instruction
def stack_of(_typing_context, array, outer, classes, inner):
    """Return a borrowed view of a C-contiguous array as `(outer, classes, inner)`."""
    return types.Array(array.dtype, 3, "C")(array, outer, classes, inner), _borrow


@instruction
def bytes_of(_typing_context, array):
    """Return a borrowed view of the bytes of a C-contiguous array."""

    def generate(context, builder, signature, arguments):
        source = context.make_array(signature.args[0])(context, builder, arguments[0])
        return _array_at(context, builder, signature, source.data, [builder.mul(source.nitems, source.itemsize)])

    return types.Array(types.uint8, 1, "C")(array), generate


def _borrow(context, builder, signature, arguments):
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    shape = arguments[1:]
    if signature.return_type.ndim == 1:
        data, shape = builder.gep(data, [arguments[1]]), arguments[2:]
    return _array_at(context, builder, signature, data, shape)


def _array_at(context, builder, signature, data, shape, meminfo=None):
    """Return an array of the type that the signature returns, in the memory at an address."""
    array_type = signature.return_type
    array = context.make_array(array_type)(context, builder)
    itemsize = context.get_constant(types.intp, _size_of(context, array_type.dtype))
    strides = [itemsize]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    data = builder.bitcast(data, context.get_data_type(array_type.dtype).as_pointer())
    populate_array(array, data=data, shape=list(shape), strides=strides, itemsize=itemsize, meminfo=meminfo)
    return array._getvalue()


def _size_of(context, dtype):
    return context.get_abi_sizeof(context.get_data_type(dtype))


@instruction
def new_row(_typing_context, count, example):
    """Return an uninitialised array of numbers of the type of `example`; `np.empty` would be six more functions."""
    return types.Array(types.unliteral(example), 1, "C")(count, example), _allocate


@instruction
def new_matrix(_typing_context, rows, columns, example):
    """Return an uninitialised matrix of numbers of the type of `example`."""
    return types.Array(types.unliteral(example), 2, "C")(rows, columns, example), _allocate


def _allocate(context, builder, signature, arguments):
    *shape, _ = arguments
    size = context.get_constant(types.intp, _size_of(context, signature.return_type.dtype))
    for length in shape:
        size = builder.mul(size, length)
    meminfo = context.nrt.meminfo_alloc_aligned(builder, size=size, align=CACHE_LINE)
    return _array_at(context, builder, signature, context.nrt.meminfo_data(builder, meminfo), shape, meminfo)


@instruction
def keep(_typing_context, array):
    """Do nothing, but use the array: memory is released after its last use, and a borrowed view does not count."""

    def generate(context, _builder, _signature, _arguments):
        return context.get_dummy_value()

    return types.none(array), generate


@instruction_of_constants
def on_stack(_typing_context, count, example):
    """Return an uninitialised array of a constant number of elements of the type of `example`.

    It lives as long as the call of the function that contains it, and is borrowed: it must not be returned.
    """
    return types.Array(types.unliteral(example), 1, "C")(count, example), _allocate_on_stack


@instruction_of_constants
def on_stack_like(_typing_context, count, array):
    """Return an array as `on_stack` does, of the dtype that `array` is computed in."""
    dtype = types.float64 if array.dtype == types.float64 else types.float32
    return types.Array(dtype, 1, "C")(count, array), _allocate_on_stack


def _allocate_on_stack(context, builder, signature, _arguments):
    length, dtype = signature.args[0].literal_value, signature.return_type.dtype
    with builder.goto_entry_block():
        memory = builder.alloca(ir.ArrayType(context.get_data_type(dtype), length))
        memory.align = CACHE_LINE
    return _array_at(context, builder, signature, memory, [context.get_constant(types.intp, length)])


@instruction
def fill(_typing_context, array, value):
    """Set all elements of a C-contiguous array to a number; a slice would be longer to compile."""

    def generate(context, builder, signature, arguments):
        array_type, value_type = signature.args
        memory = context.make_array(array_type)(context, builder, arguments[0])
        number = context.cast(builder, arguments[1], value_type, array_type.dtype)
        number = context.get_value_as_data(builder, array_type.dtype, number)
        with cgutils.for_range(builder, memory.nitems) as loop:
            builder.store(number, builder.gep(memory.data, [loop.index]))
        return context.get_dummy_value()

    return types.none(array, value), generate


@instruction
def shares_memory(_typing_context, array, other):
    """Return whether two arrays begin at the same address."""

    def generate(context, builder, signature, arguments):
        one, other = (
            builder.ptrtoint(context.make_array(array_type)(context, builder, value).data, ir.IntType(64))
            for array_type, value in zip(signature.args, arguments, strict=True)
        )
        return builder.icmp_unsigned("==", one, other)

    return types.boolean(array, other), generate


CACHE_LINE = 64  # bytes
_FOR_READING, _FOR_WRITING, _KEEP, _DATA = 0, 1, 3, 1


@instruction
def prefetch(_typing_context, array, position):
    """Prefetch the cache line of an element that will be read soon; the position may lie outside the array."""
    return types.none(array, position), _prefetching(_FOR_READING)


@instruction
def prefetch_to_write(_typing_context, array, position):
    """Prefetch the cache line of an element that will be written soon; the position may lie outside the array."""
    return types.none(array, position), _prefetching(_FOR_WRITING)


def _prefetching(intent: int) -> Callable:
    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte = ir.IntType(8).as_pointer()
        prototype = ir.FunctionType(ir.VoidType(), [byte, *[ir.IntType(32)] * 3])
        function = cgutils.get_or_insert_function(builder.module, prototype, "llvm.prefetch.p0")
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), byte)
        builder.call(function, [address, *map(ir.IntType(32), (intent, _KEEP, _DATA))])
        return context.get_dummy_value()

    return generate


TILE = 8


@instruction
def transpose_tile(_typing_context, source, row, column, destination, to_row, to_column):
    """Write the transpose of a TILE x TILE tile of a C-contiguous matrix of floats into another matrix.

    A tile is held in TILE vectors and transposed in log2(TILE) rounds; each round, for d = TILE / 2, ..., 2, 1, swaps
    the off-diagonal blocks of size d in every block of size 2 d. Element by element, the strided side would cost three
    times as much.
    """
    return types.none(source, row, column, destination, to_row, to_column), _transpose_tile


@instruction
def transpose_scaled_tile(_typing_context, source, row, column, destination, to_row, to_column, factor):
    """Write the transpose of a tile, with each column of the source multiplied by its element of `factor`."""
    return types.none(source, row, column, destination, to_row, to_column, factor), _transpose_tile


def _transpose_tile(context, builder, signature, arguments):
    dtype = signature.args[0].dtype
    vector = ir.VectorType(context.get_value_type(dtype), TILE).as_pointer()
    alignment = 4 if dtype == types.float32 else 8

    def vector_at(array, position):
        return builder.bitcast(builder.gep(array.data, [position]), vector)

    def rows_of_tile(position):
        matrix = context.make_array(signature.args[position])(context, builder, arguments[position])
        width = builder.extract_value(matrix.shape, 1)
        start = builder.add(builder.mul(arguments[position + 1], width), arguments[position + 2])
        return [vector_at(matrix, builder.add(start, builder.mul(width, width.type(i)))) for i in range(TILE)]

    tile = [builder.load(pointer, align=alignment) for pointer in rows_of_tile(0)]
    if len(arguments) == 7:
        factors = context.make_array(signature.args[6])(context, builder, arguments[6])
        factor = builder.load(vector_at(factors, arguments[2]), align=alignment)
        tile = [builder.fmul(row, factor) for row in tile]
    for distance in (TILE >> step for step in range(1, TILE.bit_length())):
        low = [i if not i & distance else TILE + i - distance for i in range(TILE)]
        high = [i + distance if not i & distance else TILE + i for i in range(TILE)]
        masks = [ir.Constant(ir.VectorType(ir.IntType(32), TILE), mask) for mask in (low, high)]
        for i in range(TILE):
            if not i & distance:
                pair = tile[i], tile[i + distance]
                tile[i], tile[i + distance] = (builder.shuffle_vector(*pair, mask) for mask in masks)
    for row, pointer in zip(tile, rows_of_tile(3), strict=True):
        builder.store(row, pointer, align=alignment)
    return context.get_dummy_value()


@instruction
def from_float16(_typing_context, bits):
    """Return the float32 value of the float16 whose bits are `bits` (exact)."""

    def generate(_context, builder, _signature, arguments):
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), generate


@instruction
def to_float16(_typing_context, value):
    """Return the bits of the float16 nearest to a float32, ties to even."""

    def generate(_context, builder, _signature, arguments):
        return builder.bitcast(builder.fptrunc(arguments[0], ir.HalfType()), ir.IntType(16))

    return types.uint16(types.float32), generate


@instruction
def from_bfloat16(_typing_context, bits):
    """Return the float32 value of the bfloat16 whose bits are `bits` (exact)."""

    def generate(_context, builder, _signature, arguments):
        word = builder.shl(builder.zext(arguments[0], ir.IntType(32)), ir.IntType(32)(16))
        return builder.bitcast(word, ir.FloatType())

    return types.float32(types.uint16), generate


@instruction
def to_bfloat16(_typing_context, value):
    """Return the bits of the bfloat16 nearest to a float32, ties to even; a NaN stays a NaN."""
    word = ir.IntType(32)

    def generate(_context, builder, _signature, arguments):
        bits = builder.bitcast(arguments[0], word)
        odd = builder.and_(builder.lshr(bits, word(16)), word(1))
        rounded = builder.lshr(builder.add(builder.add(bits, word(0x7FFF)), odd), word(16))
        is_nan = builder.fcmp_unordered("uno", arguments[0], arguments[0])
        return builder.trunc(builder.select(is_nan, word(0x7FC0), rounded), ir.IntType(16))

    return types.uint16(types.float32), generate


@instruction
def sums_apart_from_ones(_typing_context, numbers):
    """Return the sum of those of a row of up to 2^31 numbers that are not 1, in float64, and how many are 1.

    The row is added as a matrix of 32 columns (64 in float64), pairs of its rows first, in their own dtype; then halves
    of the columns are added, and halves of these. It is written in vectors, since a loop over a few hundred numbers
    takes longer to enter and to leave than to run.
    """

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        sums = _SumsApartFromOnes(builder, array.data)
        size = builder.extract_value(array.shape, 0)
        width = size.type(sums.lanes)
        in_pairs = builder.and_(size, size.type(-2 * sums.lanes))
        start = size.type(0)
        with cgutils.for_range_slice(builder, start, in_pairs, size.type(2 * sums.lanes), inc=True) as (place, _):
            sums.add(sums.load(place), sums.load(builder.add(place, width)))
        with cgutils.for_range_slice(builder, in_pairs, size, width, inc=True) as (place, _):
            sums.add(sums.load_some(place, builder.sub(size, place)))
        return context.make_tuple(builder, signature.return_type, sums.totals())

    return types.UniTuple(types.float64, 2)(numbers), generate


class _SumsApartFromOnes:
    """Writes the vector instructions of `sums_apart_from_ones`."""

    def __init__(self, builder, data):
        self.builder, self.data, real = builder, data, data.type.pointee
        self.bytes, self.lanes = (8, 64) if real == ir.DoubleType() else (4, 32)
        self.vector, wide = ir.VectorType(real, self.lanes), ir.VectorType(ir.DoubleType(), self.lanes)
        self.zero, self.one = (ir.Constant(self.vector, [number] * self.lanes) for number in (0.0, 1.0))
        self.below, self.ones = cgutils.alloca_once(builder, wide), cgutils.alloca_once(builder, self.vector)
        builder.store(ir.Constant(wide, [0.0] * self.lanes), self.below)
        builder.store(self.zero, self.ones)

    def load(self, place):
        """Return a row of the matrix."""
        return self.builder.load(self._pointer(place), align=self.bytes)

    def load_some(self, place, count):
        """Return the last row of the matrix, with zeros behind its `count` numbers."""
        builder, lanes = self.builder, self.lanes
        count = builder.trunc(count, _INT32)
        unset = ir.Constant(ir.VectorType(_INT32, lanes), ir.Undefined)
        counts = builder.shuffle_vector(builder.insert_element(unset, count, _INT32(0)), unset, _numbers([0] * lanes))
        mask = builder.icmp_signed("<", _numbers(range(lanes)), counts)
        pointer = self._pointer(place)
        prototype = ir.FunctionType(self.vector, [pointer.type, _INT32, mask.type, self.vector])
        name = f"llvm.masked.load.v{lanes}f{8 * self.bytes}.p0"
        function = cgutils.get_or_insert_function(builder.module, prototype, name)
        return builder.call(function, [pointer, _INT32(self.bytes), mask, self.zero])

    def _pointer(self, place):
        return self.builder.bitcast(self.builder.gep(self.data, [place]), self.vector.as_pointer())

    def add(self, *rows):
        """Add one row, or the sum of two."""
        builder = self.builder
        are_one = [builder.fcmp_ordered("==", row, self.one) for row in rows]
        others = [builder.select(is_one, self.zero, row) for is_one, row in zip(are_one, rows, strict=True)]
        counts = [builder.select(is_one, self.one, self.zero) for is_one in are_one]
        for memory, (first, *second) in ((self.below, others), (self.ones, counts)):
            total = builder.load(memory)
            more = builder.fadd(first, second[0]) if second else first
            more = more if more.type == total.type else builder.fpext(more, total.type)
            builder.store(builder.fadd(total, more), memory)

    def totals(self):
        """Return the sum of each of the two matrices, in float64."""
        below, ones = (self._sum(self.builder.load(memory)) for memory in (self.below, self.ones))
        return below, ones if ones.type == below.type else self.builder.fpext(ones, below.type)

    def _sum(self, vector):
        builder, lanes = self.builder, self.lanes
        while lanes > 1:
            lanes //= 2
            places = (_numbers(range(first, first + lanes)) for first in (0, lanes))
            unset = ir.Constant(vector.type, ir.Undefined)
            vector = builder.fadd(*(builder.shuffle_vector(vector, unset, each) for each in places))
        return builder.extract_element(vector, _INT32(0))


def _numbers(numbers):
    """Return a vector of whole numbers."""
    return ir.Constant(ir.VectorType(_INT32, len(numbers)), list(numbers))


@instruction
def pointer_to(_typing_context, address, example):
    """Return a pointer to memory at an address, seen as numbers of the type of `example`; `carray` makes an array."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(example)(address, example), generate
