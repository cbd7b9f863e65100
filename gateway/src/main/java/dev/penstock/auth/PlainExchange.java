package dev.penstock.auth;

import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

/** PLAIN (RFC 4616). Confined to its session. */
final class PlainExchange implements Exchange {
    private final PasswordLogin login;
    private boolean asked;

    PlainExchange(PasswordLogin login) {
        this.login = login;
    }

    @Override
    public CompletableFuture<Step> respond(byte @Nullable [] response) {
        if (response == null) {
            if (asked) {
                return Steps.malformed("no response");
            }
            asked = true;
            return Steps.challenge("");
        }
        String message = Utf8.decode(response);
        String[] parts = message == null ? new String[0] : message.split("\0", -1);
        if (parts.length != 3 || parts[1].isEmpty() || parts[2].isEmpty()) {
            return Steps.malformed("expected authorization identity, NUL, name, NUL, password");
        }
        if (!parts[0].isEmpty() && !parts[0].equals(parts[1])) {
            return Steps.refused("the authorization identity isn't the name");
        }
        return login.check(parts[1], Utf8.encode(parts[2]));
    }
}
