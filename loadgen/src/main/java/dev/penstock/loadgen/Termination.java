package dev.penstock.loadgen;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Turns SIGTERM and SIGINT into a request to end, and keeps the process until the report is out. Thread-safe. */
final class Termination implements AutoCloseable {
    private static final int LONGEST_REPORT_SECONDS = 60;

    private final CountDownLatch reported = new CountDownLatch(1);
    private final Thread hook;

    Termination(Runnable request) {
        hook = new Thread(() -> {
            request.run();
            awaitReport();
        }, "termination");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void awaitReport() {
        try {
            if (!reported.await(LONGEST_REPORT_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("the report wasn't ready in time");
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        reported.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // the shutdown is under way
        }
    }
}
