package dev.penstock.revision;

/**
 * Who has put a version into force, and why. Immutable.
 *
 * @param who empty when that isn't known, as of a file that was edited
 * @param why in the words of whoever it was, on one line; empty when nothing was said
 */
public record Note(String who, String why) {
    /** Nothing is known. */
    public static final Note NONE = new Note("", "");

    /** Line ends and other control characters become spaces: a note is a line in lists. */
    public Note {
        who = oneLine(who);
        why = oneLine(why);
    }

    private static String oneLine(String text) {
        return text.replaceAll("\\p{Cntrl}+", " ").strip();
    }
}
