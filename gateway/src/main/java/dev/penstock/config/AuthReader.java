package dev.penstock.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Reads the table {@code [auth]}, and the credentials file for what is wrong with it. Stateless. */
final class AuthReader {
    private AuthReader() {}

    static AuthConfig read(TableBinder table, ConfigSource source) {
        AuthConfig d = AuthConfig.DEFAULT;
        List<String> mechanisms = table.list("mechanisms", d.mechanisms(), AuthReader::mechanism);
        Optional<Path> users = users(table);
        AuthConfig auth = new AuthConfig(mechanisms, users, CalloutReader.read(table, "callout"),
                CalloutReader.read(table, "bearer"));
        table.end();
        if (table.file("users", Optional.empty(), "no file of users").isPresent()) {
            users.ifPresent(file -> UsersFile.read(source.other(file)));
        }
        return auth;
    }

    static Optional<Path> users(TableBinder table) {
        return table.text("users", AuthConfig.DEFAULT.users(), "a path in quotes",
                text -> text.isEmpty() ? Optional.empty() : Optional.of(TableBinder.toPath(text)));
    }

    private static String mechanism(String text) {
        String name = text.toUpperCase(Locale.ROOT);
        if (!AuthConfig.MECHANISMS.contains(name)) {
            throw new IllegalArgumentException("allowed: " + String.join(", ", AuthConfig.MECHANISMS));
        }
        return name;
    }
}
