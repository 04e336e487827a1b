# A worker that waits with a limit is not told that the last idle worker has found something else.
set(header concurrent/futures/pool/crew.hpp)
set(group pool)
set(only "when no other worker is left")
set(finds "lost wake-up")
set(old [==[
            chosen.watches = watches_.take_all();
]==])
set(new [==[
            chosen.watches = watches_.take_all();
            chosen.watches = {};
]==])
