# A worker that has initialized is in no count for a moment.
set(header concurrent/futures/pool/sleep.hpp)
set(group waiting)
set(only "a worker that still initializes")
set(finds "lost wake-up")
set(old [==[
    count_in_word(self);  // before the other count: see `anybody_idle`
    initializing_.fetch_sub(1);
]==])
set(new [==[
    initializing_.fetch_sub(1);
    count_in_word(self);
]==])
