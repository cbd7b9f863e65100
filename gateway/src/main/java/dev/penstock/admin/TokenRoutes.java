package dev.penstock.admin;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.http.Problem;
import dev.penstock.units.Durations;
import dev.penstock.units.Networks;

/** {@code /tokens}: who may come, and as what. Stateless. */
public final class TokenRoutes {
    private static final int LONGEST_NAME = 64;

    private TokenRoutes() {}

    /**
     * A token to be made.
     *
     * @param expiresIn like {@code 90d}; null for never
     * @param networks  from which it is taken; null or none for any
     */
    public record NewToken(String name, Role role, @Nullable String expiresIn, @Nullable List<String> networks,
            String reason) {}

    public record TokenList(List<Tokens.View> tokens) {
        public TokenList {
            tokens = List.copyOf(tokens);
        }
    }

    public static List<AdminRoute> of(Tokens tokens, InstantSource clock) {
        return List.of(
                AdminRoute.get("/tokens", Role.CONFIGURE, "The tokens there are, without their secrets.")
                        .answers(TokenList.class, _ -> new TokenList(tokens.list())),
                AdminRoute.post("/tokens", Role.CONFIGURE, "Makes a token, which is shown this once.")
                        .takes(NewToken.class)
                        .answers(Tokens.Made.class, request -> create(tokens, clock, request)),
                AdminRoute.delete("/tokens/{id}", Role.CONFIGURE, "Revokes a token at once.")
                        .query("reason", String.class, "why, for the audit log")
                        .answers(Tokens.View.class, request -> {
                            Tokens.View gone = tokens.revoke(request.path("id"));
                            if (gone == null) {
                                throw Problem.of(Problem.Kind.NOT_FOUND, "there is no token " + request.path("id"));
                            }
                            return gone;
                        }));
    }

    private static Tokens.Made create(Tokens tokens, InstantSource clock, AdminRequest request) throws Exception {
        NewToken wanted = request.body(NewToken.class);
        List<Problem.Wrong> wrongs = new ArrayList<>();
        if (wanted.name().isBlank() || wanted.name().length() > LONGEST_NAME
                || wanted.name().chars().anyMatch(Character::isISOControl)) {
            wrongs.add(new Problem.Wrong("/name", "a name has 1 to " + LONGEST_NAME + " characters"));
        }
        Instant expires = null;
        if (wanted.expiresIn() != null) {
            try {
                Duration life = Durations.parse(wanted.expiresIn());
                if (!life.isPositive()) {
                    throw new IllegalArgumentException("it would have expired already");
                }
                expires = clock.instant().plus(life);
            } catch (IllegalArgumentException | ArithmeticException e) {
                wrongs.add(new Problem.Wrong("/expires_in", String.valueOf(e.getMessage())));
            }
        }
        List<String> networks = wanted.networks() == null ? List.of() : wanted.networks();
        try {
            Networks.parse(networks);
        } catch (IllegalArgumentException e) {
            wrongs.add(new Problem.Wrong("/networks", String.valueOf(e.getMessage())));
        }
        if (!wrongs.isEmpty()) {
            throw Problem.invalid(wrongs);
        }
        return tokens.create(wanted.name(), wanted.role(), networks, expires, request.operator().name());
    }
}
