"""The compiled code by which several threads share the rows of one call.

A job is the record of a call: its kernel, the arguments, and a counter of the chunks of rows that were taken. It lives
on the stack of the calling thread. Threads of either team, and the calling one, run the same body: take the next chunk
by an atomic addition, compute it, until none is left. The kernel is called by its address, so that nothing of it is
compiled again.
"""

from __future__ import annotations

import platform

import numpy as np
from llvmlite import ir
from numba import carray, types  # pyright: ignore[reportPrivateImportUsage]
from numba.core import cgutils
from numba.core.errors import TypingError

from logitwise.kernels.cpu.compiled import compiled, instruction, pointer_to

_WORD, _INT32, _BYTES = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
_BODY = ir.FunctionType(ir.VoidType(), [_BYTES])
_OPENMP = ir.FunctionType(ir.VoidType(), [_BODY.as_pointer(), _BYTES, _INT32, _INT32])

# The words of a team of ours: see `_run_on_own_team`.
TAKEN, BODY, JOB, TICKET, ENTRY, CLOSED = range(0, 48, 8)  # each on a cache line of its own
WORDS = 48
_OPEN = 1 << 32
_SPINS_BEFORE_YIELD = 20_000

# The words of a job before its arguments.
_NEXT, _ARRIVED, _FAILED, _KERNEL, _THREADS, _ROWS, _TILE, _CHUNKS, _ARGUMENTS = range(9)


@instruction
def _new_job(_typing_context, kernel, threads, rows, tile, chunks, arguments):
    """Return the addresses of a job, in the frame of the caller, and of the body that works on it."""
    _check_types(arguments)

    def generate(context, builder, signature, values):
        *numbers, packed = values
        record = ir.LiteralStructType([_WORD] * _ARGUMENTS + [packed.type])
        job = cgutils.alloca_once(builder, record)
        zero = _WORD(0)
        for place, value in enumerate((zero, zero, zero, *numbers, packed)):
            builder.store(value, cgutils.gep_inbounds(builder, job, 0, place))
        body = _body(context, builder.module, record, signature.args[5])
        addresses = [builder.ptrtoint(pointer, _WORD) for pointer in (body, job)]
        return context.make_tuple(builder, signature.return_type, addresses)

    return types.UniTuple(types.int64, 2)(kernel, threads, rows, tile, chunks, arguments), generate


def _check_types(arguments):
    """Raise where an argument lies in memory otherwise than the kernel reads it: a default that was left out does."""
    for each in arguments:
        if isinstance(each, types.BaseTuple):
            _check_types(each)
        elif isinstance(each, (types.Omitted, types.Optional)):
            raise TypingError(f"a kernel is called by its address with {each}: pass the value itself")


def _body(context, module, record, arguments):
    """Add the body to a module: the function that takes chunks and computes them until none is left."""
    function = ir.Function(module, _BODY, module.get_unique_name("logitwise_body"))
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    job = builder.bitcast(function.args[0], record.as_pointer())

    def word(place):
        return cgutils.gep_inbounds(builder, job, 0, place)

    arrived = builder.atomic_rmw("add", word(_ARRIVED), _WORD(1), "monotonic")
    with builder.if_then(builder.icmp_signed(">=", arrived, builder.load(word(_THREADS)))):
        builder.ret_void()
    rows, tile, chunks = (builder.load(word(place)) for place in (_ROWS, _TILE, _CHUNKS))
    tiles = builder.sdiv(builder.add(rows, builder.sub(tile, _WORD(1))), tile)
    types_of_kernel = (*arguments, types.int64, types.int64)
    pointer = context.call_conv.get_function_type(types.none, types_of_kernel).as_pointer()
    kernel = builder.inttoptr(builder.load(word(_KERNEL)), pointer)
    values = cgutils.unpack_tuple(builder, builder.load(word(_ARGUMENTS)))
    loop, compute, end = (function.append_basic_block(name) for name in ("loop", "compute", "end"))
    builder.branch(loop)
    builder.position_at_end(loop)
    chunk = builder.atomic_rmw("add", word(_NEXT), _WORD(1), "monotonic")
    builder.cbranch(builder.icmp_signed("<", chunk, chunks), compute, end)
    builder.position_at_end(compute)
    first, last = (
        builder.mul(builder.sdiv(builder.mul(tiles, place), chunks), tile)
        for place in (chunk, builder.add(chunk, _WORD(1)))
    )
    last = builder.select(builder.icmp_signed("<", last, rows), last, rows)
    status, _ = context.call_conv.call_function(builder, kernel, types.none, types_of_kernel, [*values, first, last])
    with builder.if_then(status.is_error):
        builder.store(_WORD(1), word(_FAILED))
    builder.branch(loop)
    builder.position_at_end(end)
    builder.ret_void()
    return function


@instruction
def _has_failed(_typing_context, job):
    """Return whether a kernel raised an error: none but that of memory can."""

    def generate(_context, builder, _signature, values):
        words = builder.inttoptr(values[0], _WORD.as_pointer())
        return builder.icmp_signed("!=", builder.load(builder.gep(words, [_WORD(_FAILED)])), _WORD(0))

    return types.boolean(job), generate


@instruction
def _call(_typing_context, body, job):
    """Run a body on a job, in this thread."""

    def generate(context, builder, _signature, values):
        body, job = _pointers(builder, *values)
        builder.call(body, [job])
        return context.get_dummy_value()

    return types.none(body, job), generate


@instruction
def _call_openmp(_typing_context, start, body, job, threads):
    """Run a body on a job in all threads of the team of an OpenMP runtime; `start` is the address of GOMP_parallel."""

    def generate(context, builder, _signature, values):
        body, job = _pointers(builder, *values[1:3])
        threads = builder.trunc(values[3], _INT32)
        builder.call(builder.inttoptr(values[0], _OPENMP.as_pointer()), [body, job, threads, _INT32(0)])
        return context.get_dummy_value()

    return types.none(start, body, job, threads), generate


def _pointers(builder, body, job):
    return builder.inttoptr(body, _BODY.as_pointer()), builder.inttoptr(job, _BYTES)


@instruction
def _load(_typing_context, words, place):
    """Return a word that other threads write, and see what they wrote before it."""

    def generate(context, builder, signature, values):
        return builder.load_atomic(_word(context, builder, signature, values), "acquire", 8)

    return types.int64(words, place), generate


@instruction
def _add(_typing_context, words, place, number):
    """Add to a word at once; what was written before is seen by whoever reads it. Return the old word."""

    def generate(context, builder, signature, values):
        return builder.atomic_rmw("add", _word(context, builder, signature, values), values[2], "seq_cst")

    return types.int64(words, place, number), generate


@instruction
def _replaced(_typing_context, words, place, expected, number):
    """Write a word if it is as expected; return whether it was."""

    def generate(context, builder, signature, values):
        word = _word(context, builder, signature, values)
        pair = builder.cmpxchg(word, values[2], values[3], "seq_cst", "seq_cst")
        return builder.extract_value(pair, 1)

    return types.boolean(words, place, expected, number), generate


def _word(context, builder, signature, values):
    words = context.make_array(signature.args[0])(context, builder, values[0])
    return builder.gep(words.data, [values[1]])


@instruction
def _pause(_typing_context):
    """Let the other thread of the core go on for a moment."""

    def generate(context, builder, _signature, _values):
        if platform.machine().lower() in ("x86_64", "amd64"):
            prototype = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, prototype, "llvm.x86.sse2.pause"), [])
        else:
            builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.none(), generate


@instruction
def _yield_to_others(_typing_context, address):
    """Let the system run another thread; `address` is that of a function without arguments."""

    def generate(context, builder, _signature, values):
        builder.call(builder.inttoptr(values[0], ir.FunctionType(_INT32, []).as_pointer()), [])
        return context.get_dummy_value()

    return types.none(address), generate


@compiled
def share(team, kernel, rows, tile, arguments):
    """Compute the rows of a call by the kernel at an address; return whether memory was enough.

    Args:
        team: Who takes part: see `team_for`.
        kernel: The address of the machine code, for arguments of these types and the first and last row.
        rows: Their number.
        tile: How many rows the kernel computes at a time; chunks consist of whole tiles.
        arguments: A tuple of what the kernel takes before the rows.
    """
    start, size, words_at, yielding, threads, chunks = team
    body, job = _new_job(kernel, threads, rows, tile, chunks, arguments)
    if start != 0:
        _call_openmp(start, body, job, size)
    elif words_at != 0:
        _run_on_own_team(carray(pointer_to(words_at, np.int64(0)), (WORDS,)), yielding, body, job)
    else:
        _call(body, job)
    return not _has_failed(job)


@compiled
def _run_on_own_team(words, yielding, body, job):
    """Run a body on a job in the threads of our own team that come.

    The team serves one job at a time: a thread that finds it taken computes alone. ENTRY counts the workers inside, and
    is larger by _OPEN while the job can be entered. The calling thread never waits for a worker that did not come.
    """
    if not _replaced(words, TAKEN, 0, 1):
        _call(body, job)
        return
    words[BODY], words[JOB] = body, job
    _add(words, TICKET, 1)
    _add(words, ENTRY, _OPEN)
    _call(body, job)
    _add(words, ENTRY, -_OPEN)
    spins = 0
    while _load(words, ENTRY) != 0:
        _pause()
        spins += 1
        if spins > _SPINS_BEFORE_YIELD and yielding != 0:
            _yield_to_others(yielding)
    _add(words, TAKEN, -1)


@compiled
def serve(words, spins):
    """Be a worker of our own team, until it was idle for a number of pauses or is closed."""
    seen, idle = -1, 0
    while idle < spins and _load(words, CLOSED) == 0:
        entry = _load(words, ENTRY)
        if entry >= _OPEN and _load(words, TICKET) != seen and _replaced(words, ENTRY, entry, entry + 1):
            seen = _load(words, TICKET)
            _call(words[BODY], words[JOB])
            _add(words, ENTRY, -1)
            idle = 0
        else:
            _pause()
            idle += 1
