# A worker that initializes keeps others from being woken, as if it searched.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "while another's initializer takes long")
set(finds "lost wake-up")
set(old [==[
               (initializes ? 0 : worker_counts::one_searching);
]==])
set(new [==[
               worker_counts::one_searching;
]==])
