package dev.penstock.auth;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.Exchange.Reason;
import dev.penstock.auth.Exchange.Step;
import dev.penstock.callout.HttpCallout;
import dev.penstock.callout.LogPace;
import dev.penstock.config.CalloutConfig;
import dev.penstock.config.SaslPrep;
import dev.penstock.config.UsersFile;

/**
 * Asks another server who somebody is. Thread-safe; calls never block. Only a 200 with a JSON object that says yes or no
 * decides; whatever else comes, or nothing in time, is {@link Reason#TEMPORARY}.
 */
final class IdentityCallout implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(IdentityCallout.class);
    private static final int OK = 200;

    private final CalloutConfig config;
    private final String decision;
    private final LongAdder unanswered;
    private final HttpCallout http;
    private final LogPace pace = new LogPace();

    /**
     * @param decision   the field that is true for yes, false for no
     * @param unanswered counts questions that weren't decided
     */
    IdentityCallout(CalloutConfig config, String decision, LongAdder unanswered) {
        this.config = config;
        this.decision = decision;
        this.unanswered = unanswered;
        this.http = new HttpCallout(config);
    }

    CalloutConfig config() {
        return config;
    }

    /**
     * @param name when the answer gives none; empty when it has to
     */
    CompletableFuture<Step> ask(Map<String, String> question, String name) {
        return http.post(Json.object(question)).handle((answer, failure) -> {
            if (failure != null) {
                Throwable cause = failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
                return undecided(cause.toString());
            }
            if (answer.status() != OK) {
                return undecided("status " + answer.status());
            }
            return decided(answer.body(), name);
        });
    }

    private Step decided(String body, String name) {
        Map<String, Object> fields = Json.parse(body);
        if (fields == null || !(fields.get(decision) instanceof Boolean yes)) {
            return undecided("the answer isn't a JSON object with " + decision + " true or false");
        }
        if (!yes) {
            return new Step.Failure(Reason.CREDENTIALS, "refused by " + config.url());
        }
        Identity identity = identity(fields, name);
        return identity == null
                ? undecided("the answer's name, tenant or sender_domains can't be used")
                : new Step.Success(identity);
    }

    private static @Nullable Identity identity(Map<String, Object> fields, String name) {
        if (!(fields.getOrDefault("name", name) instanceof String found)
                || !(fields.getOrDefault("tenant", "") instanceof String tenant)
                || !(fields.getOrDefault("sender_domains", List.of()) instanceof List<?> domains)) {
            return null;
        }
        String prepared = SaslPrep.query(found);
        if (prepared == null) {
            return null;
        }
        try {
            return new Identity(prepared, UsersFile.tenant(tenant),
                    domains.stream().map(domain -> UsersFile.senderDomain(String.valueOf(domain))).toList());
        } catch (IllegalArgumentException _) {
            return null;
        }
    }

    private Step undecided(String why) {
        unanswered.increment();
        long notLogged = pace.turn();
        if (notLogged != LogPace.NOT_NOW) {
            log.warn("event=auth-callout-failed url={} why={} not-logged={}", config.url(), why, notLogged);
        }
        return new Step.Failure(Reason.TEMPORARY, "no decision by " + config.url() + ": " + why);
    }

    /** Takes no more questions after a while; those that are unanswered get their time. */
    void retire() {
        http.retire();
    }

    @Override
    public void close() {
        http.close();
    }
}
