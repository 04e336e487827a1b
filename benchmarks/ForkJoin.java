// SPDX-License-Identifier: MIT

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.RecursiveTask;

// The Fibonacci numbers and skynet by Java's ForkJoinPool, as fibonacci.cpp and skynet.cpp have them: all
// children but the last are forked, the last is called, and the newest is joined first.
//
//     java ForkJoin fibonacci|skynet SIZE THREADS SECONDS
//
// SIZE is the number of the Fibonacci number, or how many levels of children skynet has. For SECONDS, the
// program does rounds that don't count, so that the virtual machine has compiled what it will. Then it prints
// "ready". For each line that it reads, it does one round and prints how long that took, in nanoseconds a task.
final class ForkJoin {
    private static final int CHILDREN = 10;

    private static final class Fibonacci extends RecursiveTask<Integer> {
        private static final long serialVersionUID = 1;

        private final int n;

        Fibonacci(int n) {
            this.n = n;
        }

        static int of(int n) {
            if (n < 2) {
                return n;
            }
            final ForkJoinTask<Integer> first = new Fibonacci(n - 1).fork();
            final int second = of(n - 2);
            return first.join() + second;
        }

        @Override
        protected Integer compute() {
            return of(n);
        }
    }

    private static final class Skynet extends RecursiveTask<Long> {
        private static final long serialVersionUID = 1;

        private final long first;
        private final long leaves;

        Skynet(long first, long leaves) {
            this.first = first;
            this.leaves = leaves;
        }

        static long sum(long first, long leaves) {
            if (leaves == 1) {
                return first;
            }
            final long share = leaves / CHILDREN;
            final Skynet[] forked = new Skynet[CHILDREN - 1];
            for (int i = 0; i < forked.length; ++i) {
                forked[i] = new Skynet(first + i * share, share);
                forked[i].fork();
            }
            long sum = sum(first + forked.length * share, share);
            for (int i = forked.length; i-- > 0;) {
                sum += forked[i].join();
            }
            return sum;
        }

        @Override
        protected Long compute() {
            return sum(first, leaves);
        }
    }

    // What a round computes, and by how many tasks.
    private interface Kernel {
        long run(ForkJoinPool pool);

        long expected();

        long tasks();
    }

    private static Kernel fibonacci(int n) {
        // The numbers from the first one on, and the spawns that each takes.
        final long[] numbers = new long[n + 2];
        final long[] spawns = new long[n + 2];
        numbers[1] = 1;
        for (int i = 2; i <= n; ++i) {
            numbers[i] = numbers[i - 1] + numbers[i - 2];
            spawns[i] = 1 + spawns[i - 1] + spawns[i - 2];
        }
        return new Kernel() {
            @Override
            public long run(ForkJoinPool pool) {
                return pool.invoke(new Fibonacci(n));
            }

            @Override
            public long expected() {
                return numbers[n];
            }

            @Override
            public long tasks() {
                return spawns[n];
            }
        };
    }

    private static Kernel skynet(int levels) {
        long power = 1;
        long sum = 1;
        for (int i = 0; i < levels; ++i) {
            power *= CHILDREN;
            sum += power;
        }
        final long leaves = power;
        final long tasks = sum;
        return new Kernel() {
            @Override
            public long run(ForkJoinPool pool) {
                return pool.invoke(new Skynet(0, leaves));
            }

            @Override
            public long expected() {
                return leaves * (leaves - 1) / 2;
            }

            @Override
            public long tasks() {
                return tasks;
            }
        };
    }

    private static double nanosecondsATask(Kernel kernel, ForkJoinPool pool) {
        final long start = System.nanoTime();
        final long result = kernel.run(pool);
        final long time = System.nanoTime() - start;
        if (result != kernel.expected()) {
            throw new IllegalStateException("a wrong result");
        }
        return (double) time / kernel.tasks();
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 4) {
            System.err.println("usage: java ForkJoin fibonacci|skynet SIZE THREADS SECONDS");
            System.exit(2);
        }
        final int size = Integer.parseInt(arguments[1]);
        final Kernel kernel = arguments[0].equals("skynet") ? skynet(size) : fibonacci(size);
        final ForkJoinPool pool = new ForkJoinPool(Integer.parseInt(arguments[2]));
        final long end = System.nanoTime() + (long) (Double.parseDouble(arguments[3]) * 1e9);
        do {
            nanosecondsATask(kernel, pool);
        } while (System.nanoTime() < end);
        System.out.println("ready");
        final BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        while (input.readLine() != null) {
            System.out.println(nanosecondsATask(kernel, pool));
        }
    }
}
