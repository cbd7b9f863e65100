package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.file.Path;

/** Who may log in at a gateway under test. Stateless. */
final class Credentials {
    static final String USER = "alice";
    static final String PASSWORD = "correct horse battery staple";
    static final String TOKEN = "a.bearer.token";
    /** In a client's certificate: alice, too. */
    static final String CERTIFICATE_NAME = "alice@send.test";

    private Credentials() {}

    /** The table {@code [auth]}, its credentials file written into {@code directory}. */
    static String table(Path directory) throws IOException {
        return "";
    }
}
