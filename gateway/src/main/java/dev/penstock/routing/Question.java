package dev.penstock.routing;

import java.util.concurrent.CompletableFuture;

import org.xbill.DNS.Name;

/** One question to DNS, asked or still waiting to be. Thread-safe: all but the answer is set by {@link QuestionGate}. */
final class Question {
    /** Who goes first. */
    enum Rank {
        /** A host's address: look-ups that have begun end before others begin, and many domains may wait for one host. */
        ADDRESS,
        /** The MX records of a domain that is known, and served from memory meanwhile. */
        REFRESH,
        /** What a message at the door is judged by. */
        RECORD,
        /** The MX records of a domain whose mail waits for them. */
        DOMAIN
    }

    final Name name;
    final int type;
    final Rank rank;
    /** {@link System#nanoTime}, or the gate's clock in its place. */
    final long sinceNanos;
    /** Never fails. */
    final CompletableFuture<DnsAnswer> answer = new CompletableFuture<>();
    /** How many questions had been answered when this one left. Guarded by its gate. */
    long answeredBefore;

    Question(Name name, int type, Rank rank, long sinceNanos) {
        this.name = name;
        this.type = type;
        this.rank = rank;
        this.sinceNanos = sinceNanos;
    }
}
