# Who sweeps a pool is not its visitor.
set(header concurrent/futures/scheduling/worker_pool.hpp)
set(group shutdown)
set(only "outlives that thread's sweeping")
set(finds "use after destruction|data race")
set(old [==[
if (call || sweep) {
]==])
set(new [==[
if (call) {
]==])
