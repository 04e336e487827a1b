# A worker that looks at one wait of a pool after the other passes over one, as another has ended meanwhile.
set(header concurrent/futures/state/dependency_walk.hpp)
set(group shutdown)
set(only "while another task of that ends")
set(finds "lost wake-up|deadlock")
set(old [==[
            if (place_.removals != removals) {
]==])
set(new [==[
            if (false) {
]==])
