package dev.penstock.policy;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.callout.LogPace;
import dev.penstock.callout.OverloadException;
import dev.penstock.config.PolicyConfig.Event;
import dev.penstock.config.PolicyConfig.OnFailure;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.Reply;

/**
 * Puts a question to all advisers at once, so that it takes no longer than the slowest. Thread-safe. In their order
 * the first refusal wins; the changes of those who accept add up, and of two tenants, campaigns or classes the later one stays.
 */
final class Advisers {
    private static final Logger log = LoggerFactory.getLogger(Advisers.class);
    private static final Decision FAILED = new Decision.Refuse(
            Reply.of(451, "4.7.1", "Error: policy is unavailable, please try again later"));

    private final Map<Event, List<Adviser>> advisers = new EnumMap<>(Event.class);
    private final PolicyCounters counters;
    private final LogPace pace = new LogPace();

    Advisers(List<Adviser> advisers, PolicyCounters counters) {
        for (Event event : Event.values()) {
            List<Adviser> wanting = advisers.stream().filter(adviser -> adviser.wants(event)).toList();
            if (!wanting.isEmpty()) {
                this.advisers.put(event, wanting);
            }
        }
        this.counters = counters;
    }

    boolean wants(Event event) {
        return advisers.containsKey(event);
    }

    /** Completes within the longest deadline of those that are asked, never exceptionally. */
    CompletableFuture<Decision> ask(Question question) {
        List<CompletableFuture<Decision>> answers = new ArrayList<>();
        for (Adviser adviser : advisers.getOrDefault(question.event(), List.of())) {
            answers.add(answer(adviser, question));
        }
        CompletableFuture<Decision> sum = Decision.ACCEPTED;
        for (CompletableFuture<Decision> next : answers) {
            sum = sum.thenCompose(before -> switch (before) {
                case Decision.Refuse _ -> CompletableFuture.completedFuture(before);
                case Decision.Accept accept -> next.thenApply(after -> sum(accept, after));
            });
        }
        return sum;
    }

    private CompletableFuture<Decision> answer(Adviser adviser, Question question) {
        counters.questions.increment();
        return adviser.ask(question).handle((decision, failure) -> {
            if (failure != null) {
                return failed(adviser, question, failure);
            }
            try {
                Answers.check(decision);
            } catch (IllegalArgumentException e) {
                return failed(adviser, question, e);
            }
            if (decision instanceof Decision.Refuse) {
                counters.refusals.increment();
            }
            return decision;
        });
    }

    private Decision failed(Adviser adviser, Question question, Throwable failure) {
        Throwable cause = failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause()
                : failure;
        String what;
        switch (cause) {
            case TimeoutException _ -> {
                counters.timeouts.increment();
                what = "no answer in time";
            }
            case OverloadException e -> {
                counters.overloads.increment();
                what = e.getMessage();
            }
            case CalloutPolicy.NoAnswerException e -> {
                counters.failures.increment();
                what = e.getMessage();
            }
            default -> {
                counters.failures.increment();
                what = cause.toString();
            }
        }
        log(adviser, question, String.valueOf(what));
        log.debug("event=policy-failed policy={}", adviser.name(), cause);
        return switch (adviser.onFailure()) {
            case DEFER -> FAILED;
            case ACCEPT -> Decision.ACCEPT;
        };
    }

    /** Once in a while: a policy that is down fails for every message. */
    private void log(Adviser adviser, Question question, String what) {
        long notLogged = pace.turn();
        if (notLogged == LogPace.NOT_NOW) {
            return;
        }
        log.warn("event=policy-failed policy={} question={} session={} on-failure={} why={} not-logged={}",
                adviser.name(), question.event(), question.client().sessionId(), adviser.onFailure(), what,
                notLogged);
    }

    private static Decision sum(Decision.Accept before, Decision next) {
        if (before.equals(Decision.ACCEPT) || !(next instanceof Decision.Accept after)) {
            return next;
        }
        List<HeaderField> added = new ArrayList<>(before.addHeaders());
        added.addAll(after.addHeaders());
        Set<String> removed = new LinkedHashSet<>(before.removeHeaders());
        removed.addAll(after.removeHeaders());
        return new Decision.Accept(after.tenant() == null ? before.tenant() : after.tenant(),
                after.campaign() == null ? before.campaign() : after.campaign(), added, List.copyOf(removed),
                after.pool() == null ? before.pool() : after.pool(), null,
                after.mailClass() == null ? before.mailClass() : after.mailClass());
    }
}
