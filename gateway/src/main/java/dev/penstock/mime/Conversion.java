package dev.penstock.mime;

import java.io.IOException;

import dev.penstock.message.Content;

/** Content for a host that takes no 8-bit content (RFC 6152 3), or why there is none. Immutable. */
public sealed interface Conversion {
    /** Octets that a conversion takes while it is in use, however long the content is. */
    int HEAP_OCTETS = MimeWalk.HEAP_OCTETS + SevenBitContent.HEAP_OCTETS;

    /** The same parts, those with 8-bit octets in another transfer encoding. */
    record Converted(Content content) implements Conversion {}

    /** @param why in words that go behind "and" */
    record Impossible(String why) implements Conversion {}

    /**
     * Finds out how content can be converted. It is read twice here and once each time that what comes of it is read; none
     * of it is kept.
     *
     * @throws IOException when the content can't be read
     */
    static Conversion of(Content content) throws IOException {
        Survey survey = new Survey();
        try {
            MimeWalk.over(content, survey);
            survey.end();
        } catch (Survey.Refused e) {
            return new Impossible(e.why());
        }
        return new Converted(SevenBitContent.of(content, survey.plan()));
    }
}
