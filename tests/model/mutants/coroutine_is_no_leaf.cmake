# A worker doesn't look again at a coroutine that was suspended, and may have gone on.
set(header concurrent/futures/state/dependency_walk.hpp)
set(group coroutine)
set(only "a coroutine blocks on another pool's worker")
set(finds "lost wake-up")
set(old [==[
!handle.state().is_unqueued() || handle.state().runs_in_turns();
]==])
set(new [==[
!handle.state().is_unqueued();
]==])
