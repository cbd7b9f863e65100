package dev.penstock.tls;

import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

/**
 * What became of one session with a receiver, for reports to it (RFC 8460 4.3). Immutable.
 *
 * @param domain  whose mail it was for
 * @param policy  by what it was judged
 * @param failure null when it was as it has to be
 */
public record TlsResult(String domain, Policy policy, @Nullable Failure failure) {
    /** What a policy is of (RFC 8460 4.2). */
    public enum Kind {
        STS,
        TLSA,
        NO_POLICY_FOUND;

        /** As reports write it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /**
     * A policy.
     *
     * @param lines what it says, as reports have it; empty for none
     * @param hosts the patterns of an MTA-STS policy; else empty
     */
    public record Policy(Kind kind, List<String> lines, List<String> hosts) {
        public static final Policy NONE = new Policy(Kind.NO_POLICY_FOUND, List.of(), List.of());

        public Policy {
            lines = List.copyOf(lines);
            hosts = List.copyOf(hosts);
        }
    }

    /**
     * What was wrong.
     *
     * @param type      RFC 8460 4.3: {@code starttls-not-supported}, {@code certificate-host-mismatch} …
     * @param host      the receiving host's name
     * @param address   its address, empty when there was none
     * @param source    our address, empty when it isn't known
     * @param reason    in words
     */
    public record Failure(String type, String host, String address, String source, String reason) {}

    /** Takes results. Called by sessions: must return at once and must not throw. */
    @FunctionalInterface
    public interface Listener {
        Listener NONE = _ -> {};

        void on(TlsResult result);
    }
}
