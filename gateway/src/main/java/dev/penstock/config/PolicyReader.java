package dev.penstock.config;

/** Reads the table {@code [policy]}. Stateless. */
final class PolicyReader {
    private PolicyReader() {}

    static PolicyConfig read(TableBinder table) {
        table.end();
        return PolicyConfig.DEFAULT;
    }
}
