# Nobody can see which worker has resumed a coroutine that a foreign awaiter had suspended.
set(header concurrent/futures/executor/foreign_awaiter.hpp)
set(group coroutine)
set(only "a coroutine that a foreign awaiter has suspended blocks")
set(finds "lost wake-up")
set(old [==[
            coroutine_.note_resumed();
]==])
set(new [==[]==])
