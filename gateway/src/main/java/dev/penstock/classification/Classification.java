package dev.penstock.classification;

import java.time.Duration;

import dev.penstock.config.BounceCategory;
import dev.penstock.config.BounceClass;
import dev.penstock.config.ReplyAction;
import dev.penstock.config.ReplyRule;
import dev.penstock.config.ReplyScope;
import dev.penstock.units.Durations;

/**
 * What a reply, or a failure without one, means. Immutable.
 *
 * @param bounceClass KumoMTA's name, or one that a rule made up
 * @param category    PowerMTA's
 * @param retryAfter  zero for what the schedule says; else at least this
 * @param suspend     zero for not; else how long the mail of {@code scope} waits
 * @param reduce      whether the receiver is offered fewer sessions
 * @param rule        {@code file:line}; empty when no rule matched
 * @param isPaced     whether less is sent because of it, in place of suspensions and fewer sessions
 */
public record Classification(String bounceClass, BounceCategory category, ReplyScope scope, ReplyAction action,
        Duration retryAfter, Duration suspend, boolean reduce, String rule, boolean isPaced) {
    /** Of what no rule is for. */
    public static final Classification NONE = of(BounceClass.UNCATEGORIZED);

    /** As the class alone says. */
    public static Classification of(BounceClass known) {
        return of(known, known.scope());
    }

    public static Classification of(BounceClass known, ReplyScope scope) {
        return new Classification(known.label(), known.category(), scope, ReplyAction.AS_CODED, Duration.ZERO,
                Duration.ZERO, false, "", false);
    }

    static Classification of(ReplyRule rule) {
        return new Classification(rule.bounceClass(), rule.category(), rule.scope(), rule.action(), rule.retryAfter(),
                rule.suspend(), rule.reduce(), rule.place(), false);
    }

    /** Called by another class, with scope and action of this one. */
    Classification called(Classification other) {
        return new Classification(other.bounceClass, other.category, scope, action, retryAfter, suspend, reduce,
                other.rule + ", " + rule, isPaced);
    }

    /** As this, where the pace of mail is what follows. */
    public Classification paced() {
        return new Classification(bounceClass, category, scope, action, retryAfter, Duration.ZERO, false, rule, true);
    }

    /** As this, where mail waits for so long, and sessions are as many as that leaves. */
    public Classification suspendedFor(Duration time) {
        return new Classification(bounceClass, category, scope, action, retryAfter, time, false, rule, false);
    }

    /**
     * Whether it says that there is nobody at the address: of all refusals only those may lead to its being written to
     * no more.
     */
    public boolean isOfAddress() {
        return scope == ReplyScope.RECIPIENT
                && (category == BounceCategory.BAD_MAILBOX || category == BounceCategory.INACTIVE_MAILBOX);
    }

    /** What is done beside the message's own outcome, for people and logs: {@code suspend 2h, reduce}; empty for nothing. */
    public String consequence() {
        String text = suspend.isZero() ? "" : "suspend " + Durations.format(suspend);
        if (!retryAfter.isZero()) {
            text += (text.isEmpty() ? "" : ", ") + "retry after " + Durations.format(retryAfter);
        }
        return reduce ? text + (text.isEmpty() ? "" : ", ") + "reduce" : text;
    }
}
