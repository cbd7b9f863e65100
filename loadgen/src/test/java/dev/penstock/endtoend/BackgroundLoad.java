package dev.penstock.endtoend;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import org.awaitility.Awaitility;

import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;

/** A generator at work beside the test until the test ends it; broken sessions are opened again. */
final class BackgroundLoad implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Duration LONGEST = Duration.ofMinutes(30);
    private static final Duration LAST_REPLIES = Duration.ofSeconds(10);

    private final LoadGenerator generator;
    private final CompletableFuture<LoadReport> report = new CompletableFuture<>();

    private BackgroundLoad(LoadGenerator generator) {
        this.generator = generator;
    }

    static BackgroundLoad start(LoadOptions.Builder options) throws IOException {
        BackgroundLoad load = new BackgroundLoad(
                new LoadGenerator(options.duration(LONGEST).drain(LAST_REPLIES).reconnect(true).build()));
        Thread.ofPlatform().name("load").start(load::run);
        return load;
    }

    private void run() {
        try {
            report.complete(generator.run());
        } catch (IOException | InterruptedException | RuntimeException e) {
            report.completeExceptionally(e);
        }
    }

    /** Deliveries acknowledged so far. */
    long accepted() {
        return generator.report().accepted();
    }

    /** Waits for {@code more} deliveries acknowledged from now on. */
    void awaitAccepted(long more) {
        long before = accepted();
        Awaitility.await().atMost(PATIENCE).until(() -> accepted() >= before + more);
    }

    void awaitRefusals(int code, long count) {
        Awaitility.await().atMost(PATIENCE).until(() -> generator.report().refused().getOrDefault(code, 0L) >= count);
    }

    /** The first reply with that code. */
    String refusal(int code) {
        return generator.report().samples().getOrDefault(code, "");
    }

    /** Sends no more, and waits for the replies to what was sent. */
    LoadReport end() throws InterruptedException, ExecutionException, TimeoutException {
        generator.stop();
        return report.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        generator.stop();
        Awaitility.await().atMost(PATIENCE).until(report::isDone);
    }
}
