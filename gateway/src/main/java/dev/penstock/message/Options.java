package dev.penstock.message;

import org.jspecify.annotations.Nullable;

import dev.penstock.smtp.DeliverBy;
import dev.penstock.smtp.Ret;

/**
 * What the client asked for at MAIL beside the usual. Immutable.
 *
 * @param ret             RFC 3461 4.3, null when not told
 * @param envid           RFC 3461 4.4, decoded; null when not told
 * @param requireTls      RFC 8689: never to be sent on without verified TLS and REQUIRETLS
 * @param holdUntilMillis RFC 4865: no attempt before it, milliseconds since 1970; 0 for none
 * @param deliverByMillis RFC 2852: milliseconds since 1970; 0 for none
 * @param deliverByMode   what happens then, null for none
 * @param deliverByTrace  whether relaying is reported too
 * @param judged          what its receivers would mind, found at its reception; null for nothing
 */
public record Options(@Nullable Ret ret, @Nullable String envid, boolean requireTls, long holdUntilMillis,
        long deliverByMillis, DeliverBy.@Nullable Mode deliverByMode, boolean deliverByTrace,
        @Nullable Judged judged) {
    public static final Options NONE = new Options(null, null, false, 0, 0, null, false);

    /** Of what nobody has judged. */
    public Options(@Nullable Ret ret, @Nullable String envid, boolean requireTls, long holdUntilMillis,
            long deliverByMillis, DeliverBy.@Nullable Mode deliverByMode, boolean deliverByTrace) {
        this(ret, envid, requireTls, holdUntilMillis, deliverByMillis, deliverByMode, deliverByTrace, null);
    }

    /** The same, judged. */
    public Options with(@Nullable Judged verdict) {
        return verdict == null
                ? this
                : new Options(ret, envid, requireTls, holdUntilMillis, deliverByMillis, deliverByMode, deliverByTrace,
                        verdict);
    }

    /** Why the message waits until somebody has mended it; null when it doesn't. */
    public @Nullable String heldFor() {
        return judged != null && judged.hold() ? judged.text() : null;
    }
}
