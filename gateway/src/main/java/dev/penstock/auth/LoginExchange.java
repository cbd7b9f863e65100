package dev.penstock.auth;

import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

/** LOGIN, which no RFC describes but every client speaks: name and password, each asked for. Confined to its session. */
final class LoginExchange implements Exchange {
    private final PasswordLogin login;
    private boolean asked;
    private @Nullable String name;

    LoginExchange(PasswordLogin login) {
        this.login = login;
    }

    @Override
    public CompletableFuture<Step> respond(byte @Nullable [] response) {
        if (response == null) {
            if (asked) {
                return Steps.malformed("no response");
            }
            asked = true;
            return Steps.challenge("Username:");
        }
        asked = true;
        String text = Utf8.decode(response);
        if (text == null || text.isEmpty() || text.indexOf('\0') >= 0) {
            return Steps.malformed("expected a name and a password in UTF-8");
        }
        if (name == null) {
            name = text;
            return Steps.challenge("Password:");
        }
        return login.check(name, response);
    }
}
