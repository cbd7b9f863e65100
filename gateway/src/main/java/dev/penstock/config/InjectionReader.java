package dev.penstock.config;

/** Reads the table {@code [injection]}. Stateless. */
final class InjectionReader {
    private InjectionReader() {}

    static InjectionConfig read(TableBinder table) {
        table.end();
        return InjectionConfig.DEFAULT;
    }
}
