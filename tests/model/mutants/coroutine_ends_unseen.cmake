# Workers that have parked in a closed pool are not told that the last coroutine has ended.
set(header concurrent/futures/pool/pool_base.hpp)
set(group coroutine)
set(only "ends in another pool")
set(finds "lost wake-up")
set(old [==[
    if (coroutines_.fetch_sub(1) == 1 && sleep_.counts().closed()) {
        sleep_.close();  // workers that had parked now end
    }]==])
set(new [==[
    coroutines_.fetch_sub(1);]==])
