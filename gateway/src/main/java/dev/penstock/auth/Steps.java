package dev.penstock.auth;

import java.util.concurrent.CompletableFuture;

import dev.penstock.auth.Exchange.Reason;
import dev.penstock.auth.Exchange.Step;

/** Answers that are known at once. Stateless. */
final class Steps {
    private Steps() {}

    static CompletableFuture<Step> challenge(String text) {
        return CompletableFuture.completedFuture(Step.Challenge.of(text));
    }

    static CompletableFuture<Step> success(Identity identity) {
        return CompletableFuture.completedFuture(new Step.Success(identity));
    }

    static CompletableFuture<Step> malformed(String detail) {
        return CompletableFuture.completedFuture(new Step.Failure(Reason.MALFORMED, detail));
    }

    static CompletableFuture<Step> refused(String detail) {
        return CompletableFuture.completedFuture(new Step.Failure(Reason.CREDENTIALS, detail));
    }
}
