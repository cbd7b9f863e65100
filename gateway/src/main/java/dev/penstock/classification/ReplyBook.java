package dev.penstock.classification;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRule;
import dev.penstock.config.ReplyRules;
import dev.penstock.smtp.Reply;

/**
 * The rules in force: the operator's own, then those that are shipped. Thread-safe. They are made ready when the first reply
 * asks, so that a start doesn't wait for that.
 */
public final class ReplyBook {
    private final Object lock = new Object();
    private ReplyRules own;
    private volatile @Nullable Classifier classifier;

    public ReplyBook(ReplyRules own) {
        this.own = own;
    }

    /** From now on with these rules. */
    public void reconfigure(ReplyRules changed) {
        synchronized (lock) {
            if (!own.equals(changed)) {
                own = changed;
                classifier = null;
            }
        }
    }

    /** @param provider empty when it isn't known */
    public Classification classify(ReplyPhase phase, Reply reply, String provider) {
        return reply.isPositive() ? Classification.NONE : classifier().classify(phase, reply, provider);
    }

    /** Those in force. */
    public Classifier classifier() {
        Classifier ready = classifier;
        if (ready == null) {
            synchronized (lock) {
                ready = classifier;
                if (ready == null) {
                    List<ReplyRule> rules = new ArrayList<>(own.rules());
                    rules.addAll(ReplyRules.shipped().rules());
                    ready = new Classifier(rules);
                    classifier = ready;
                }
            }
        }
        return ready;
    }
}
