# A worker that claims something does not see who relies on it.
set(header concurrent/futures/pool/crew.hpp)
set(group pool)
set(only "when no other worker is left")
set(finds "lost wake-up")
set(old [==[
        watched_.store(true);  // before it looks, see `has_claimed`
]==])
set(new [==[
]==])
