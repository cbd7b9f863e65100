package dev.penstock.dkim;

import java.util.function.Supplier;

import dev.penstock.meters.PartMeters;

/** Signatures, as metrics name it. Stateless. */
public final class SigningMetrics {
    private SigningMetrics() {}

    public static PartMeters<SigningStats> of(Supplier<SigningStats> source) {
        PartMeters<SigningStats> part = PartMeters.of("penstock.dkim.", source);
        part.counter("messages", "Messages that were signed", SigningStats::messages);
        part.counter("signatures", "Signatures made", SigningStats::signatures);
        part.counter("unsigned", "Messages sent without a signature that is configured", SigningStats::unsigned);
        part.counter("refused", "Messages refused or put off for want of a key", SigningStats::refused);
        part.counter("busy", "Messages put off because too many waited for signatures", SigningStats::busy);
        part.counter("failed", "Messages put off because a signature failed", SigningStats::failed);
        part.gauge("waiting", "Messages whose signatures are to come", SigningStats::waiting);
        part.counter("reloads", "Key files taken anew", SigningStats::reloads);
        part.counter("reloads.failed", "Key files that can't be used; the key from before stays",
                SigningStats::keysRefused);
        part.counter("keys.missing", "Key files that were asked for and aren't there", SigningStats::keysMissing);
        return part;
    }
}
