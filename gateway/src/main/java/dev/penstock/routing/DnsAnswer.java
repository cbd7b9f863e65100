package dev.penstock.routing;

import java.util.List;

import org.xbill.DNS.Record;

/** What DNS said about one name and type, aliases followed. Immutable. */
sealed interface DnsAnswer {
    /**
     * @param ttl    seconds, the least of the records and the aliases that led to them
     * @param secure whether they, and the aliases, are signed, by whosever word is taken for it
     */
    record Records(List<Record> records, long ttl, boolean secure) implements DnsAnswer {}

    /**
     * The name exists without such a record.
     *
     * @param ttl    seconds, from the SOA (RFC 2308 5); -1 when there was none
     * @param secure as in {@link Records}
     */
    record NoRecords(long ttl, boolean secure) implements DnsAnswer {}

    /**
     * NXDOMAIN.
     *
     * @param ttl as in {@link NoRecords}
     */
    record NoSuchName(long ttl) implements DnsAnswer {}

    /**
     * Nothing is known: time-outs, SERVFAIL, nonsense.
     *
     * @param why for people
     */
    record Trouble(Kind kind, String why) implements DnsAnswer {}

    enum Kind {
        /** No server said anything to it: time-outs, closed ports. */
        SILENCE,
        /** SERVFAIL, REFUSED, alias loops, or the last of several questions unanswered. */
        FAILURE,
        /** It wasn't asked, because no server had answered for long or the gateway stops. */
        UNASKED
    }
}
