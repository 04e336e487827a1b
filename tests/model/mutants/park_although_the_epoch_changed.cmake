# A worker parks although a push has changed the epoch.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "goes to sleep is woken")
set(finds "lost wake-up")
set(old [==[
            if (worker_counts(before).epoch() != epoch) {
                return false;
            }
]==])
set(new [==[
            static_cast<void>(epoch);
]==])
