package dev.penstock.callout;

import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import dev.penstock.config.CalloutConfig;

/** Asks one URL questions by POST, so many at a time, each with a deadline. Thread-safe; calls never block. */
public final class HttpCallout implements AutoCloseable {
    private final CalloutConfig config;
    private final Semaphore places;
    private final HttpClient client;

    public HttpCallout(CalloutConfig config) {
        this.config = config;
        this.places = new Semaphore(config.maxInFlight());
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(config.deadline())
                .followRedirects(HttpClient.Redirect.NEVER)
                .executor(Executors.newVirtualThreadPerTaskExecutor())
                .build();
    }

    /** An HTTP response: its status and its body in UTF-8. */
    public record Answer(int status, String body) {}

    /**
     * @param json UTF-8
     * @return completes on a virtual thread within the deadline; exceptionally, with a {@link IOException} or
     *         {@link java.util.concurrent.TimeoutException}, when there is no answer
     */
    public CompletableFuture<Answer> post(byte[] json) {
        if (!places.tryAcquire()) {
            return CompletableFuture.failedFuture(
                    new IOException(config.maxInFlight() + " questions to " + config.url() + " are unanswered"));
        }
        HttpRequest.Builder request = HttpRequest.newBuilder(config.url())
                .header("Content-Type", "application/json")
                .header("Accept", "application/json")
                .timeout(config.deadline())
                .POST(HttpRequest.BodyPublishers.ofByteArray(json));
        if (!config.authorization().isEmpty()) {
            request.header("Authorization", config.authorization());
        }
        CompletableFuture<HttpResponse<String>> exchange = client.sendAsync(request.build(),
                HttpResponse.BodyHandlers.ofString());
        CompletableFuture<Answer> answer = exchange
                .thenApply(response -> new Answer(response.statusCode(), response.body()))
                .orTimeout(config.deadline().toNanos(), TimeUnit.NANOSECONDS);
        var _ = answer.whenComplete((_, _) -> {
            places.release();
            exchange.cancel(true);
        });
        return answer;
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
