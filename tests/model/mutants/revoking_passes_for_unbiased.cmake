# A lock whose bias is being revoked passes for one that is not biased.
set(header concurrent/futures/sync/biased_lock.hpp)
set(group locks)
set(only "who looks while another thread revokes")
set(finds "one of the two sees the other")
set(old [==[
if (may_be_biased_ && bias_.load() != bias::none) {]==])
set(new [==[
if (may_be_biased_ && bias_.load() == bias::owner) {]==])
