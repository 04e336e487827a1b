# A worker that claims a task does not see that another worker relies on it.
set(header concurrent/futures/pool/sleep.hpp)
set(group waiting)
set(only "when no other worker is left")
set(finds "lost wake-up")
set(old [==[
    watched_.store(true);
    if]==])
set(new [==[
    if]==])
