package dev.penstock.config;

import dev.penstock.units.ByteSize;

/**
 * What content may look like.
 *
 * @param bareNewlines what a CR or LF that stands alone gets; neither ever ends the data
 * @param nul          what a NUL octet gets
 * @param maxHeader    octets of the header section (header_size_limit of Postfix, 102400); more get 552 5.3.4
 * @param maxHops      Received fields (hopcount_limit of Postfix, 50; RFC 5321 6.3); more get 554 5.4.6
 */
public record ContentRules(Handling bareNewlines, Handling nul, ByteSize maxHeader, int maxHops) {
    public static final ContentRules DEFAULT = new ContentRules(Handling.REJECT, Handling.REJECT,
            ByteSize.ofKilobytes(256), 50);

    public enum Handling {
        /** The message is refused at its end, 550 5.5.2. */
        REJECT,
        /** A bare CR or LF becomes CRLF; a NUL is left out. */
        NORMALISE
    }
}
