# A worker that claims a task does not see that another worker relies on it.
set(header concurrent/futures/pool/crew.hpp)
set(group pool)
set(only "when no other worker is left")
set(finds "lost wake-up")
set(old [==[
        watched_.store(true);  // before `anybody_idle`; pairs with `has_claimed`
]==])
set(new [==[
]==])
