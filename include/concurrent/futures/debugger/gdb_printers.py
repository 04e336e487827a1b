"""Shows futures, promises and executors in GDB as what they are:

    (gdb) source .../gdb_printers.py
    (gdb) print future
    $1 = Future<int> finished, returned 42

Reads the process's memory alone and calls nothing in it, so a core dump will do. The program needs debugging information
(-g). Of the standard library it knows that an atomic number, the pointer in a `std::exception_ptr`,
and the ends of a `std::vector` are at the beginning of the object: so they are in libstdc++ and libc++.
"""

import gdb
import gdb.printing

VERSION = r"(?:v\d+_\d+::)?"  # the inline namespace

STATES = ["pending", "running", "cancelled", "finished"]

# Flags, which state/shared_state.hpp explains.
CANCELLING = 1 << 5  # a thread destroys what the task captured
UNQUEUED = 1 << 31  # it waits for other futures
SUSPENDED = 1 << 33  # a coroutine that doesn't run


def number_in(atomic):
    """What a std::atomic holds."""
    return atomic.address.cast(atomic.type.strip_typedefs().template_argument(0).pointer()).dereference()


def words_in(value):
    """The object as an array of pointers."""
    return value.address.cast(gdb.lookup_type("void").pointer().pointer())


def members(struct):
    return [field.name for field in struct.type.strip_typedefs().fields()]


def text_of(value):
    try:
        return value.format_string()
    except gdb.error as error:
        return f"a value that can't be shown: {error}"


class ThrownObject:
    """What a std::exception_ptr points to. Its type is found in what the run-time library keeps in front of it, which on
    64-bit machines lies in the same place for libstdc++ and libc++abi."""

    TYPE_INFO = -112
    POINTER_SIZE = 8

    def __init__(self, address):
        self.address = address

    def pointer_at(self, address):
        kind = gdb.lookup_type("unsigned long").pointer()
        return int(gdb.Value(address).cast(kind).dereference())

    def name_in(self, type_info):
        text = gdb.Value(self.pointer_at(type_info + self.POINTER_SIZE)).cast(gdb.lookup_type("char").pointer())
        return text.string().lstrip("*")

    def describe(self):
        if gdb.lookup_type("void").pointer().sizeof != self.POINTER_SIZE:
            return "an exception"
        try:
            type_info = self.pointer_at(self.address + self.TYPE_INFO)
            readable = gdb.execute(f"demangle -- _ZTI{self.name_in(type_info)}", to_string=True).strip()
            name = readable.removeprefix("typeinfo for ")
            text = self.what(type_info)
        except gdb.error:
            return "an exception"
        return name if text is None else f"{name}: {text}"

    def what(self, type_info):
        """The text of a std::runtime_error or std::logic_error, or of what has one for its first base."""
        while self.name_in(type_info) not in ("St13runtime_error", "St11logic_error"):
            table = gdb.execute(f"info symbol {self.pointer_at(type_info)}", to_string=True)
            if "__si_class_type_info" not in table:  # not a class with a single base
                return None
            type_info = self.pointer_at(type_info + 2 * self.POINTER_SIZE)
        text = self.pointer_at(self.address + self.POINTER_SIZE)  # behind the pointer to the virtual functions
        return gdb.Value(text).cast(gdb.lookup_type("char").pointer()).string()


def describe_state(state):
    """What the shared state at which `state` points says of its future."""
    shared = state.dereference()
    word = int(number_in(shared["word_"]))
    name = "pending" if word & CANCELLING else STATES[word & 3]
    if name == "running" and word & SUSPENDED:
        return f"{name}, suspended, " + ("waits for another future" if word & UNQUEUED else "waits in a queue")
    if name == "pending" and word & UNQUEUED and not word & CANCELLING:
        return f"{name}, waits for other futures"
    if name != "finished":
        return name
    thrown = int(words_in(shared["exception_"]).dereference())
    if thrown:
        return f"{name}, raised {ThrownObject(thrown).describe()}"
    result = shared["result_"]
    if "pointer_" in members(result):
        return f"{name}, returned {text_of(result['pointer_'].dereference())}"
    if members(result):
        return f"{name}, returned {text_of(result['value_'])}"
    return f"{name}, returned"


class FuturePrinter:
    NAME = "Future"

    def __init__(self, handle):
        self.handle = handle

    def state(self):
        return self.handle["state_"]

    def to_string(self):
        state = self.state()
        described = describe_state(state) if state else "without a state"
        return f"{self.NAME}<{self.handle.type.strip_typedefs().template_argument(0)}> {described}"


class AnyFuturePrinter:
    def __init__(self, handle):
        self.handle = handle

    def to_string(self):
        state = self.handle["state_"]
        # The dynamic type is a task or the state of a promise; either has the result.
        described = describe_state(state.cast(state.dynamic_type)) if state else "without a state"
        return f"any_future {described}"


class PromisePrinter(FuturePrinter):
    NAME = "Promise"

    def state(self):
        return self.handle["future_"]["state_"]


def count_of(lock):
    """As count() of a counting_lock, a biased_lock or a counting_mutex."""
    if "shared_" in members(lock):
        lock = lock["shared_"]
    if "word_" in members(lock):
        return int(number_in(lock["word_"])) // 2
    return int(number_in(lock["count_"]))


class ExecutorPrinter:
    def __init__(self, executor):
        self.executor = executor

    def to_string(self):
        queue = str(self.executor.type.strip_typedefs().template_argument(0)).rpartition("::")[2]
        pointer = self.executor["pool_"]
        pool_type = pointer.type.strip_typedefs().unqualified().template_argument(0)
        pool = words_in(pointer).dereference().cast(pool_type.pointer()).dereference()
        threads = pool["threads_"]
        workers = int(number_in(threads["count_"]))
        text = (
            f"thread_pool_executor<{queue}> with {workers} of at most {threads['max_workers_']} workers, "
            f"{self.waiting(pool)} waiting"
        )
        if words_in(pool["broken_"]).dereference():
            return text + ", broken"
        return text + (", shut down" if pool["shut_down_"] else "")

    @staticmethod
    def waiting(pool):
        """As worker_pool::waiting()."""
        queue = pool["queue_"]
        if "push_lock_" in members(queue):
            queued = count_of(queue["push_lock_"]) + int(number_in(queue["popping_"]))
        else:
            queued = count_of(queue["lock_"])
        worker = number_in(pool["victims_"]["first_"])
        while worker:
            queued += count_of(worker["local_queue_"]["lock_"])
            worker = worker["next_victim_"]
        queued += count_of(pool["victims_"]["queue_of_others_"]["lock_"])
        return max(0, queued - int(number_in(pool["stale_items_"])))


def register(where=None):
    printers = gdb.printing.RegexpCollectionPrettyPrinter("concurrent::futures")
    for name, printer in [
        ("Future", FuturePrinter),
        ("Promise", PromisePrinter),
        ("thread_pool_executor", ExecutorPrinter),
    ]:
        printers.add_printer(name, f"^concurrent::futures::{VERSION}{name}<.*>$", printer)
    printers.add_printer("any_future", f"^concurrent::futures::{VERSION}any_future$", AnyFuturePrinter)
    gdb.printing.register_pretty_printer(where, printers, replace=True)


register()
