package dev.penstock.spool;

/** Makes entries for fakes of the spool outside its package. */
public final class SpoolEntries {
    private SpoolEntries() {}

    public static SpoolEntry entry(long messageId, int part) {
        return new SpoolEntry(new SpooledMessage(messageId), part);
    }
}
