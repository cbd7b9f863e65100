package dev.penstock.policy;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.callout.OverloadException;
import dev.penstock.config.PolicyConfig.Event;
import dev.penstock.config.PolicyConfig.OnFailure;

/**
 * A policy that was plugged in, kept at arm's length: every question has a virtual thread of its own and a deadline,
 * and so many are asked at one time. Thread-safe.
 */
final class Plugin {
    private static final Logger log = LoggerFactory.getLogger(Plugin.class);

    private final MessagePolicy policy;
    private final String name;
    private final Set<Event> events;
    private final List<String> wantedHeaders;
    private final AtomicInteger inFlight = new AtomicInteger();

    /** @throws RuntimeException the policy's own */
    Plugin(MessagePolicy policy) {
        this.policy = policy;
        this.name = policy.name();
        this.events = overridden(policy.getClass());
        List<String> wanted = new ArrayList<>();
        policy.wantedHeaders().forEach(header -> wanted.add(header.toLowerCase(Locale.ROOT)));
        this.wantedHeaders = List.copyOf(wanted);
    }

    String name() {
        return name;
    }

    /** Lower case. */
    List<String> wantedHeaders() {
        return wantedHeaders;
    }

    /** Questions whose thread or answer isn't there yet. */
    int inFlight() {
        return inFlight.get();
    }

    Adviser adviser(Duration deadline, int maxInFlight, OnFailure onFailure) {
        return new Adviser() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public boolean wants(Event event) {
                return events.contains(event);
            }

            @Override
            public OnFailure onFailure() {
                return onFailure;
            }

            @Override
            public CompletableFuture<Decision> ask(Question question) {
                return Plugin.this.ask(question, deadline, maxInFlight);
            }
        };
    }

    private CompletableFuture<Decision> ask(Question question, Duration deadline, int maxInFlight) {
        if (inFlight.incrementAndGet() > maxInFlight) {
            inFlight.decrementAndGet();
            return CompletableFuture.failedFuture(new OverloadException(name, maxInFlight));
        }
        CompletableFuture<Decision> answer = new CompletableFuture<>();
        Thread thread = Thread.ofVirtual().name("policy-" + name).unstarted(() -> run(question, answer));
        thread.setContextClassLoader(policy.getClass().getClassLoader());
        var _ = answer.orTimeout(deadline.toNanos(), TimeUnit.NANOSECONDS).whenComplete((_, failure) -> {
            if (failure instanceof TimeoutException) {
                thread.interrupt();
            }
        });
        thread.start();
        return answer;
    }

    /** Whatever is thrown is an answer: what a plug-in was compiled against may be missing here. */
    @SuppressWarnings("CatchingUnchecked")
    private void run(Question question, CompletableFuture<Decision> answer) {
        try {
            CompletionStage<Decision> stage = Objects.requireNonNull(put(question), "no answer was given");
            stage.whenComplete((decision, failure) -> {
                if (failure != null) {
                    answer.completeExceptionally(failure);
                } else {
                    answer.complete(decision);
                }
            });
        } catch (Throwable failure) {
            answer.completeExceptionally(failure);
        } finally {
            // The place is free when thread and answer are through, whichever is the later.
            var _ = answer.whenComplete((_, _) -> inFlight.decrementAndGet());
        }
    }

    private CompletionStage<Decision> put(Question question) {
        return switch (question) {
            case Question.Connect connect -> policy.connect(connect);
            case Question.Mail mail -> policy.mail(mail);
            case Question.Rcpt recipient -> policy.recipient(recipient);
            case Question.Message message -> policy.message(message);
        };
    }

    /** Logs what goes wrong. */
    void close() {
        try {
            policy.close();
        } catch (IOException | RuntimeException e) {
            log.warn("event=policy-close-failed policy={}", name, e);
        }
    }

    private static Set<Event> overridden(Class<?> type) {
        Set<Event> events = EnumSet.noneOf(Event.class);
        for (Event event : Event.values()) {
            if (overrides(type, event)) {
                events.add(event);
            }
        }
        return events;
    }

    private static boolean overrides(Class<?> type, Event event) {
        Class<? extends Question> question = switch (event) {
            case CONNECT -> Question.Connect.class;
            case MAIL -> Question.Mail.class;
            case RECIPIENT -> Question.Rcpt.class;
            case MESSAGE -> Question.Message.class;
        };
        try {
            return type.getMethod(event.name().toLowerCase(Locale.ROOT), question)
                    .getDeclaringClass() != MessagePolicy.class;
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException(e);
        }
    }
}
