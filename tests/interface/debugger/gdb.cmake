# What GDB prints of the objects in PROGRAM, with PRINTERS.
set(names
    invalid pending.future pending.promise running.future cancelled.future number.future number.promise pair.future
    nothing.future reference.future failed derived odd no_type any any_odd executor busy closed
    continued cancelled_later suspended ended
)
set(commands -ex "source ${PRINTERS}" -ex "break look" -ex run -ex up)
foreach(name IN LISTS names)
    list(APPEND commands -ex "print ${name}")
endforeach()
execute_process(
    COMMAND "${GDB}" -nx -batch -iex "set debuginfod enabled off" ${commands} -ex kill "${PROGRAM}"
    OUTPUT_VARIABLE output
    ERROR_VARIABLE errors
)

set(expected
"$1 = Future<int> without a state
$2 = Future<int> pending
$3 = Promise<int> pending
$4 = Future<int> running
$5 = Future<int> cancelled
$6 = Future<int> finished, returned 42
$7 = Promise<int> finished, returned 42
$8 = Future<(anonymous namespace)::point> finished, returned {x = 3, y = 4}
$9 = Future<void> finished, returned
$10 = Future<int &> finished, returned 7
$11 = Future<int> finished, raised std::runtime_error: out of paper
$12 = Future<int> finished, raised (anonymous namespace)::sold_out: out of ink
$13 = Future<int> finished, raised int
$14 = any_future without a state
$15 = any_future finished, returned 42
$16 = any_future finished, raised int
$17 = thread_pool_executor<fifo> with 0 of at most 2 workers, 0 waiting
$18 = thread_pool_executor<priority> with 1 of at most 1 workers, 2 waiting
$19 = thread_pool_executor<lifo> with 0 of at most 3 workers, 0 waiting, shut down
$20 = Future<int> pending, waits for other futures
$21 = Future<int> cancelled
$22 = Future<int> running, suspended, waits for another future
$23 = Future<int> finished, returned 42
")
string(REGEX MATCHALL "[$][0-9]+ = [^\n]*\n" printed "${output}")
string(REPLACE ";" "" printed "${printed}")
if(NOT printed STREQUAL expected)
    message(FATAL_ERROR "GDB printed\n${printed}but should have printed\n${expected}It also wrote\n${output}${errors}")
endif()
