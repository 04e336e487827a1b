# A worker that is to destroy a result still says that it is about to look.
set(header concurrent/futures/state/shared_state.hpp)
set(group pool)
set(only "a worker that destroys a result")
set(finds "lost wake-up")
set(old [==[
            self.stay_busy();
            destroy();
]==])
set(new [==[
            destroy();
]==])
