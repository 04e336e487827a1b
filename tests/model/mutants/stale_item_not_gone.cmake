# A cancelled task that has left its queue still counts as stale.
set(header concurrent/futures/pool/worker_pool.hpp)
set(group pool)
set(only "keeps no two others")
set(finds "lost wake-up")
set(old [==[
                if (!item->execute(self)) {
                    note_stale_item_gone();
                }
]==])
set(new [==[
                static_cast<void>(item->execute(self));
]==])
