package dev.penstock.config;

/** Reads the table {@code [auth]}. Stateless. */
final class AuthReader {
    private AuthReader() {}

    static AuthConfig read(TableBinder table) {
        table.end();
        return AuthConfig.DEFAULT;
    }
}
