package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.size;

import dev.penstock.units.ByteSize;

/** What content may look like. Each component is the key of its name. */
public record ContentRules(Handling bareNewlines, Handling nul, ByteSize maxHeader, int maxHops)
        implements
            TableRecord<ContentRules> {
    static final Table<ContentRules> TABLE = Table.of(ContentRules.class, ContentRules::new,
            "What content may look like.");
    public static final Key<ContentRules, Handling> BARE_NEWLINES = TABLE.key("bare-newlines",
            ContentRules::bareNewlines, choice(Handling.REJECT),
            "A CR or LF that stands alone: \"reject\" (550 5.5.2) or \"normalise\" (it becomes CRLF). It never ends the "
                    + "data.");
    public static final Key<ContentRules, Handling> NUL = TABLE.key("nul", ContentRules::nul, choice(Handling.REJECT),
            "A NUL: \"reject\" (550 5.5.2) or \"normalise\" (it is left out).");
    public static final Key<ContentRules, ByteSize> MAX_HEADER = TABLE.key("max-header", ContentRules::maxHeader,
            size("256 KB", "1 KB", "16 MB"),
            "Octets of the header section; more get 552 5.3.4 (Postfix: header_size_limit, 102400).");
    public static final Key<ContentRules, Integer> MAX_HOPS = TABLE.key("max-hops", ContentRules::maxHops,
            integer(50, 1, 1_000),
            "Received fields; more get 554 5.4.6, the message goes round in circles (Postfix: hopcount_limit, 50; "
                    + "RFC 5321 6.3).");

    public static final ContentRules DEFAULT = TABLE.defaults();

    private ContentRules(Values<ContentRules> values) {
        this(values.get(BARE_NEWLINES), values.get(NUL), values.get(MAX_HEADER), values.get(MAX_HOPS));
    }

    public enum Handling {
        /** The message is refused at its end, 550 5.5.2. */
        REJECT,
        /** A bare CR or LF becomes CRLF; a NUL is left out. */
        NORMALISE
    }
}
