# A worker that takes a cancelled task back wakes nobody for an item that waits.
set(header concurrent/futures/task/queued_state.hpp)
set(group pool)
set(only "cancelled while its submitter takes it back")
set(finds "lost wake-up")
set(old [==[
                owner_->replace_stale_item();
]==])
set(new [==[
                owner_->note_stale_item_gone();
]==])
