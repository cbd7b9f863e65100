package dev.penstock.preflight;

import java.util.List;

import dev.penstock.preflight.Demands.Reply;

/**
 * One thing that a receiver would mind, or that isn't known. Immutable.
 *
 * @param demand   its name, a word with dashes
 * @param severity what it means
 * @param what     is wrong, for people, one line
 * @param mend     how to mend it, one line
 * @param replies  of the providers that demand it, of those that were asked for
 */
public record Finding(String demand, Severity severity, String what, String mend, List<Reply> replies) {
    /** What a finding means. */
    public enum Severity {
        /** Is refused, or treated as unwanted. */
        FAIL,
        /** Is taken today. */
        WARN,
        /** DNS didn't answer in time, or we weren't told enough. */
        UNKNOWN
    }

    public Finding {
        replies = List.copyOf(replies);
    }
}
