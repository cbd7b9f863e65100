package dev.penstock.routing;

import java.util.List;

/** The TXT records of a name, each with its strings joined. Immutable. */
public sealed interface TextAnswer {
    /**
     * What there is; no text when there is none.
     *
     * @param texts octets as ISO 8859-1
     */
    record Texts(List<String> texts) implements TextAnswer {
        public Texts {
            texts = List.copyOf(texts);
        }
    }

    /** Nothing is known. */
    record Trouble(String why) implements TextAnswer {}
}
