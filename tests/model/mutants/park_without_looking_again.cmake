# A worker goes to sleep without looking once more.
set(header concurrent/futures/pool/crew.hpp)
set(group pool)
set(only "goes to sleep is woken")
set(finds "lost wake-up")
set(old [==[
            if (pool_.something_waits()) {
                if (!ending_) {]==])
set(new [==[
            if (false) {
                if (!ending_) {]==])
