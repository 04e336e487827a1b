# Who sweeps a pool is not its visitor.
set(header concurrent/futures/pool/worker_pool.hpp)
set(group shutdown)
set(only "outlives that thread's sweeping")
set(finds "data race: memory is written")
set(old [==[
if (wake || sweep) {
]==])
set(new [==[
if (wake) {
]==])
