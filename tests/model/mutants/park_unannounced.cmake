# A worker that is about to park does not announce it.
set(header concurrent/futures/pool/sleep.hpp)
set(group pool)
set(only "goes to sleep is woken")
set(finds "lost wake-up")
set(old [==[
(seen ? 0 : worker_counts::one_searching)) | worker_counts::one_epoch;
]==])
set(new [==[
(seen ? 0 : worker_counts::one_searching));
]==])
