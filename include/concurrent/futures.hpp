// SPDX-License-Identifier: MIT

#pragma once

// The single header has the same guard, so that a translation unit may include both.
#ifndef CONCURRENT_FUTURES_HPP
#define CONCURRENT_FUTURES_HPP

// Python's concurrent.futures for C++20. This header brings all of it; see README.md for a guide.
//
// The layers, each of which sees only those below it:
//
//   executor     what a user submits to
//   algorithm    wait, as_completed, map: many futures at once
//   future       handles on a result: Future, Promise
//   state        the shared state behind them, which is also the task
//   scheduling   queues, workers and the pool that runs tasks

#include <concurrent/futures/algorithm/as_completed.hpp>
#include <concurrent/futures/algorithm/map.hpp>
#include <concurrent/futures/algorithm/wait.hpp>
#include <concurrent/futures/error.hpp>
#include <concurrent/futures/executor/executor.hpp>
#include <concurrent/futures/executor/executor_base.hpp>
#include <concurrent/futures/executor/options.hpp>
#include <concurrent/futures/executor/thread_pool_executor.hpp>
#include <concurrent/futures/future/copyable.hpp>
#include <concurrent/futures/future/future.hpp>
#include <concurrent/futures/future/print.hpp>
#include <concurrent/futures/future/promise.hpp>
#include <concurrent/futures/log_handler.hpp>
#include <concurrent/futures/platform/platform.hpp>
#include <concurrent/futures/pool/worker.hpp>
#include <concurrent/futures/task/package.hpp>
#include <concurrent/futures/timeout.hpp>
#include <concurrent/futures/version.hpp>

#endif  // CONCURRENT_FUTURES_HPP
