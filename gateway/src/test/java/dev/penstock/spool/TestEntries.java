package dev.penstock.spool;

/** Makes spool handles for tests that have no spool. */
public final class TestEntries {
    private TestEntries() {}

    public static SpoolEntry entry(long id, int destination) {
        return new SpoolEntry(new SpooledMessage(id), destination);
    }
}
