package dev.penstock.policy;

import java.util.concurrent.CompletableFuture;

import dev.penstock.config.PolicyConfig.Event;
import dev.penstock.config.PolicyConfig.OnFailure;

/** Something outside that has a say: a plug-in, or whoever is called out to. Thread-safe. */
interface Adviser {
    /** In logs and replies. */
    String name();

    boolean wants(Event event);

    OnFailure onFailure();

    /** @return completes within a deadline; exceptionally when there is no answer */
    CompletableFuture<Decision> ask(Question question);
}
