package dev.penstock.callout;

import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.CalloutConfig;

/**
 * Asks one URL questions by POST, so many at a time, each with a deadline. Thread-safe; calls never block.
 *
 * <p>A question holds its place until its exchange has ended or was cancelled, so a server that answers late is asked
 * no more at one time than one that is quick. An answer of more than {@value #MAX_ANSWER} octets is none.
 */
public final class HttpCallout implements AutoCloseable {
    /** Octets of an answer's body; what is answered here fits into a few hundred. */
    public static final int MAX_ANSWER = 64 * 1024;

    private final CalloutConfig config;
    private final Semaphore places;
    private final HttpRequest.Builder template;
    private final HttpClient client;

    /** @throws IllegalArgumentException when {@code authorization} can't be a header field's value */
    public HttpCallout(CalloutConfig config) {
        this.config = config;
        this.places = new Semaphore(config.maxInFlight());
        this.template = HttpRequest.newBuilder(config.url())
                .header("Content-Type", "application/json")
                .header("Accept", "application/json");
        if (!config.authorization().isEmpty()) {
            template.header("Authorization", config.authorization());
        }
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(config.deadline())
                .followRedirects(HttpClient.Redirect.NEVER)
                .executor(Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("callout-", 0).factory()))
                .build();
    }

    /** An HTTP response: its status and its body in UTF-8. */
    public record Answer(int status, String body) {}

    public CalloutConfig config() {
        return config;
    }

    /** Questions whose exchange hasn't ended. */
    public int inFlight() {
        return config.maxInFlight() - places.availablePermits();
    }

    /**
     * @param json UTF-8
     * @return completes within the deadline, on any thread; exceptionally, with an {@link OverloadException}, another
     *         {@link IOException} or a {@link TimeoutException}, when there is no answer
     */
    public CompletableFuture<Answer> post(byte[] json) {
        if (!places.tryAcquire()) {
            return CompletableFuture.failedFuture(new OverloadException(config.url().toString(), config.maxInFlight()));
        }
        var exchange = new Exchange(template.copy().POST(HttpRequest.BodyPublishers.ofByteArray(json)).build());
        CompletableFuture<Answer> answer = exchange.begin()
                .handle(HttpCallout::answer)
                .orTimeout(config.deadline().toNanos(), TimeUnit.NANOSECONDS);
        var _ = answer.whenComplete((_, _) -> exchange.cancel());
        return answer;
    }

    /**
     * One question and the place it takes. Thread-safe.
     *
     * <p>A server may close a connection that it kept open just when the next question is on its way. That question is
     * asked once more, on another connection; who answers it must not mind being asked twice.
     */
    private final class Exchange {
        private final HttpRequest request;
        private final AtomicReference<@Nullable CompletableFuture<HttpResponse<String>>> current = new AtomicReference<>();
        private volatile boolean cancelled;
        /** A status has come; the question was understood as one. */
        private volatile boolean answered;

        Exchange(HttpRequest request) {
            this.request = request;
        }

        CompletableFuture<HttpResponse<String>> begin() {
            CompletableFuture<HttpResponse<String>> whole;
            try {
                whole = send().exceptionallyCompose(failure -> isBrokenOff(failure) && !answered && !cancelled
                        ? send()
                        : CompletableFuture.failedFuture(failure));
            } catch (RuntimeException e) {
                whole = CompletableFuture.failedFuture(new IOException("can't ask " + config.url(), e));
            }
            var _ = whole.whenComplete((_, _) -> places.release());
            return whole;
        }

        void cancel() {
            cancelled = true;
            CompletableFuture<HttpResponse<String>> now = current.get();
            if (now != null) {
                now.cancel(true);
            }
        }

        private CompletableFuture<HttpResponse<String>> send() {
            CompletableFuture<HttpResponse<String>> sent = client.sendAsync(request, _ -> {
                answered = true;
                return BodySubscribers.limiting(BodySubscribers.ofString(StandardCharsets.UTF_8), MAX_ANSWER);
            });
            current.set(sent);
            if (cancelled) {
                sent.cancel(true);
            }
            return sent;
        }

        private static boolean isBrokenOff(Throwable failure) {
            return cause(failure) instanceof IOException e && !(e instanceof ConnectException)
                    && !(e instanceof HttpTimeoutException);
        }
    }

    private static Answer answer(@Nullable HttpResponse<String> response, @Nullable Throwable failure) {
        if (response != null) {
            return new Answer(response.statusCode(), response.body());
        }
        Throwable cause = cause(Objects.requireNonNull(failure));
        throw new CompletionException(cause instanceof HttpTimeoutException
                ? new TimeoutException("no connection in time")
                : cause);
    }

    private static Throwable cause(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
    }

    /** Breaks off what is unanswered. */
    @Override
    public void close() {
        client.shutdownNow();
    }

    /** Takes no more questions; those that are unanswered get their time. */
    public void retire() {
        CompletableFuture.delayedExecutor(grace().toNanos(), TimeUnit.NANOSECONDS).execute(this::close);
    }

    /** By then every exchange has ended, those included that somebody is about to begin. */
    private Duration grace() {
        return config.deadline().multipliedBy(2);
    }
}
