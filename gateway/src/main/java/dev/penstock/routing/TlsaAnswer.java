package dev.penstock.routing;

import java.util.List;

/** What the zone of a mail host says of its certificate (RFC 7672). Immutable. */
public sealed interface TlsaAnswer {
    /** The one of hosts that nothing signed is known of. */
    TlsaAnswer NONE = new None();

    /** There is no record, or nothing that is signed: no DANE. */
    record None() implements TlsaAnswer {}

    /**
     * Signed records, usable or not.
     *
     * @param base the name they are of: for SNI, and a name the certificate may have
     */
    record Records(List<Tlsa> records, String base) implements TlsaAnswer {
        public Records {
            records = List.copyOf(records);
        }
    }

    /** It isn't known whether there are some: the mail has to wait (RFC 7672 2.1.2). */
    record Trouble(String why) implements TlsaAnswer {}

    /** One record (RFC 6698 2.1), its fields as they came. {@code data} must not be changed. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Tlsa(int usage, int selector, int matching, byte[] data) {}
}
