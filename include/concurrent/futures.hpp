// SPDX-License-Identifier: MIT

#pragma once

// The single header has the same guard, so that a translation unit may include both.
#ifndef CONCURRENT_FUTURES_HPP
#define CONCURRENT_FUTURES_HPP

// Python's concurrent.futures for C++20. This header brings all of it; see README.md for a guide.
//
// The layers are folders. Each sees only those below it (tests/interface/layers.py):
//
//   executor     what a user submits to, and what every executor gets for free
//   algorithm    wait, as_completed, map: many futures at once
//   task         what is to be run, with its future; it connects the two columns below
//   future       Future, Promise                   |   pool    workers: who sleeps, and who is woken
//   state        what the handles on one share     |   queue   the order in which queued tasks start
//   sync         locks, and where threads sleep: the seam of the model checker
//   platform     what is asked of the operating system

// Where GCC instantiates a template, it looks for shadowed names once more, from where the user's code is,
// and warns of a parameter that has the name of something global there.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

#include <concurrent/futures/algorithm/as_completed.hpp>
#include <concurrent/futures/algorithm/completion_queue.hpp>
#include <concurrent/futures/algorithm/for_each.hpp>
#include <concurrent/futures/algorithm/gather.hpp>
#include <concurrent/futures/algorithm/invoke.hpp>
#include <concurrent/futures/algorithm/map.hpp>
#include <concurrent/futures/algorithm/reduce.hpp>
#include <concurrent/futures/algorithm/task_group.hpp>
#include <concurrent/futures/algorithm/then.hpp>
#include <concurrent/futures/algorithm/wait.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/executor/coroutine.hpp>
#include <concurrent/futures/executor/executor.hpp>
#include <concurrent/futures/executor/executor_base.hpp>
#include <concurrent/futures/executor/options.hpp>
#include <concurrent/futures/executor/thread_pool_executor.hpp>
#include <concurrent/futures/future/any_future.hpp>
#include <concurrent/futures/future/copyable.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/future/future_base.hpp>
#include <concurrent/futures/future/print.hpp>
#include <concurrent/futures/future/promise.hpp>
#include <concurrent/futures/fwd.hpp>
#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/task/package.hpp>
#include <concurrent/futures/timeout.hpp>
#include <concurrent/futures/version.hpp>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // CONCURRENT_FUTURES_HPP
