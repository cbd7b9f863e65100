package dev.penstock.spool;

/** Makes spool handles for benchmarks that have no spool. */
public final class BenchmarkEntries {
    private BenchmarkEntries() {}

    public static SpoolEntry entry(long id) {
        return new SpoolEntry(new SpooledMessage(id), 0);
    }
}
