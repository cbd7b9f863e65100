package dev.penstock.mime;

import org.jspecify.annotations.Nullable;

/** A message or body part (RFC 2045 2.4) as its header has it. Confined to its walk; what it is stands when the header has ended. */
final class Entity {
    /** What its body is to us. */
    sealed interface Body {
        /** Lines of text: its octets may be encoded as quoted-printable. */
        record Text() implements Body {}

        /** Any other content that isn't encoded: its octets may be encoded as base64. */
        record Other() implements Body {}

        /** Parts between lines with the boundary (RFC 2046 5.1). */
        record Multipart(String boundary, boolean digest) implements Body {}

        /** A message with a header of its own (RFC 2046 5.2.1). */
        record Message() implements Body {}

        /** Nothing in it may be changed. */
        record Fixed(String why) implements Body {}
    }

    /** In the order of the content. */
    final int index;
    final @Nullable Entity parent;
    /** How many entities it is in. */
    final int depth;
    /** Whether it has a header as messages have, and not as parts of one. */
    final boolean isMessage;

    boolean hasType;
    boolean hasEncoding;
    boolean hasVersion;
    /** Whose signature that is over its content; empty for none. */
    String signature = "";
    Body body = new Body.Text();
    /** Whether a line with its boundary has come. */
    boolean delimited;

    Entity(int index, @Nullable Entity parent, boolean isMessage) {
        this.index = index;
        this.parent = parent;
        this.depth = parent == null ? 0 : parent.depth + 1;
        this.isMessage = isMessage;
    }
}
