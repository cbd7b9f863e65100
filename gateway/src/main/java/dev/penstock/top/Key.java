package dev.penstock.top;

/** What was pressed. Immutable. */
sealed interface Key {
    /** A character. */
    record Typed(int codePoint) implements Key {}

    /** Keys that aren't characters. */
    enum Named implements Key {
        UP,
        DOWN,
        PAGE_UP,
        PAGE_DOWN,
        HOME,
        END,
        ENTER,
        TAB,
        BACK_TAB,
        BACKSPACE,
        /** Ctrl-U. */
        ERASE_LINE,
        ESCAPE,
        /** Ctrl-C. */
        INTERRUPT,
        /** Ctrl-L. */
        REDRAW,
        /** One that means nothing here. */
        OTHER
    }

    static Key typed(char character) {
        return new Typed(character);
    }
}
