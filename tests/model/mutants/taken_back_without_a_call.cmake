# Who meets a cancelled task when it takes it back lets it pass for one that waits.
set(header concurrent/futures/task/queued_state.hpp)
set(group pool)
set(only "cancelled while its submitter takes it back")
set(finds "lost wake-up")
set(old [==[
                owner_->wake_one();
]==])
set(new [==[
]==])
