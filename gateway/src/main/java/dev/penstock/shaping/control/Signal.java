package dev.penstock.shaping.control;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.config.BounceCategory;
import dev.penstock.config.BounceClass;
import dev.penstock.config.ReplyScope;

/** What a refusal says about how fast one sends. */
enum Signal {
    /** More messages than the receiver takes from there. */
    RATE,
    /** The receiver is busy, whoever asks. */
    LOAD,
    /** More sessions than it takes from there. */
    CONCURRENCY,
    /** It takes nothing from there for a time. */
    BLOCKED;

    /** What a rule tells to wait for so long isn't mended by sending less: such are block lists and complaints. */
    private static final Duration BLOCK = Duration.ofHours(2);

    /**
     * What a reply with that meaning and code says.
     *
     * @return null when it says nothing of it, as one about a recipient, content, or a signature that is missing
     */
    static @Nullable Signal of(Classification meaning, int code) {
        return switch (meaning.scope()) {
            case CONNECTIONS -> CONCURRENCY;
            case PROVIDER -> LOAD;
            case SOURCE, SOURCE_PROVIDER -> ofSource(meaning, code);
            case TENANT, CAMPAIGN -> isOfAmount(meaning) && !meaning.suspend().isZero() ? RATE : null;
            case RECIPIENT, MESSAGE, SESSION -> null;
        };
    }

    private static @Nullable Signal ofSource(Classification meaning, int code) {
        if (!meaning.reduce() || meaning.category() == BounceCategory.BAD_CONFIGURATION) {
            return null; // a PTR that is missing, say
        }
        boolean isListed = code >= 500 && meaning.bounceClass().equals(BounceClass.SPAM_BLOCK.label());
        return isListed || meaning.suspend().compareTo(BLOCK) >= 0 ? BLOCKED : RATE;
    }

    /** Content and signatures aren't mended by sending less of them. */
    private static boolean isOfAmount(Classification meaning) {
        String name = meaning.bounceClass();
        return name.equals(BounceClass.SPAM_BLOCK.label()) || name.equals(BounceClass.TRANSIENT_FAILURE.label())
                || name.equals(BounceClass.POLICY_RELATED.label());
    }

    /** Whether it is about all mail of the source there, and not about one sender's. */
    static boolean isOfSender(ReplyScope scope) {
        return scope == ReplyScope.TENANT || scope == ReplyScope.CAMPAIGN;
    }
}
