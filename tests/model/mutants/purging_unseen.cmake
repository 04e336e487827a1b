# A thread that purges a queue is not a visitor of the pool.
set(header concurrent/futures/pool/worker_pool.hpp)
set(group shutdown)
set(only "outlives that thread's purging")
set(finds "data race: memory is written")
set(old [==[
if (wake || purge) {
]==])
set(new [==[
if (wake) {
]==])
