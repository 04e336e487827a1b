# The workers of a closed pool end although a coroutine is to go on there.
set(header concurrent/futures/pool/sleep.hpp)
set(group coroutine)
set(only "the scope of a pool waits")
set(finds "the scope has waited|lost wake-up")
set(old "announced.closed() && !source_.expects_items()")
set(new "announced.closed()")
