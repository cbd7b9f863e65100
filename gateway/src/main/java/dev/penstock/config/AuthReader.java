package dev.penstock.config;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** Reads the table {@code [auth]}, and the credentials file for what is wrong with it. Stateless. */
final class AuthReader {
    private AuthReader() {}

    static AuthConfig read(TableBinder table, ConfigSource source) {
        AuthConfig auth = AuthConfig.TABLE.read(table, AuthConfig.DEFAULT);
        if (table.file("users", Optional.empty(), "no file of users").isPresent()) {
            auth.users().ifPresent(file -> UsersFile.read(source.unplaced(file)));
        }
        return auth;
    }

    /** The path that is named, whether there is such a file or not. */
    static Optional<Path> users(TableBinder table, String key, Optional<Path> otherwise) {
        return table.text(key, otherwise, "a path in quotes",
                text -> text.isEmpty() ? Optional.empty() : Optional.of(TableBinder.toPath(text)));
    }

    static String mechanism(String text) {
        String name = text.toUpperCase(Locale.ROOT);
        if (!AuthConfig.MECHANISMS.contains(name)) {
            throw new IllegalArgumentException("allowed: " + String.join(", ", AuthConfig.MECHANISMS));
        }
        return name;
    }
}
