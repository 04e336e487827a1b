# A coroutine that its queue still has, from its last turn, is pushed again.
set(header concurrent/futures/state/shared_state.hpp)
set(group coroutine)
set(only "takes the turns")
set(finds "livelock|lost wake-up")
set(old "is_to_be_pushed = !(word & in_queue);")
set(new "is_to_be_pushed = true;")
