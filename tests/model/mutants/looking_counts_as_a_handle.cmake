# What a worker looks at while it waits has one more handle meanwhile, so another's is not the last.
set(header concurrent/futures/state/shared_state.hpp)
set(group composition)
set(only "what a continuation waits for is cancelled with it")
set(finds "so is what it waited for")
set(old [==[
(word & weak_handles) == weak_handles ? one_handle : one_weak_handle;
]==])
set(new [==[
(word & weak_handles) == weak_handles ? one_weak_handle : one_handle;
]==])
