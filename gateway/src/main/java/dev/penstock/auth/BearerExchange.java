package dev.penstock.auth;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.SaslPrep;

/**
 * OAUTHBEARER (RFC 7628), and XOAUTH2, which Google's clients spoke before it: a token that somebody else judges.
 * Confined to its session.
 */
final class BearerExchange implements Exchange {
    /**
     * What a client says with its token.
     *
     * @param host as the client names this server, empty when it doesn't
     * @param port likewise
     */
    record Token(String value, String host, String port) {}

    /** The two ways to write it. */
    enum Form {
        OAUTHBEARER("{\"status\":\"invalid_token\"}"), XOAUTH2("{\"status\":\"401\",\"schemes\":\"bearer\"}");

        private final String refusal;

        Form(String refusal) {
            this.refusal = refusal;
        }
    }

    private static final String SEPARATOR = "\1"; // kvsep
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9._~+/-]+=*"); // RFC 6750 2.1, b64token
    private static final String SCHEME = "bearer ";

    private final Form form;
    private final Function<Token, CompletableFuture<Step>> judge;
    private boolean asked;
    private @Nullable Step refusal;

    BearerExchange(Form form, Function<Token, CompletableFuture<Step>> judge) {
        this.form = form;
        this.judge = judge;
    }

    @Override
    public CompletableFuture<Step> respond(byte @Nullable [] response) {
        if (refusal != null) {
            return CompletableFuture.completedFuture(refusal); // whatever the dummy response is, RFC 7628 3.2.3
        }
        if (response == null) {
            if (asked) {
                return Steps.malformed("no response");
            }
            asked = true;
            return Steps.challenge("");
        }
        asked = true;
        String message = Utf8.decode(response);
        String[] parts = message == null ? new String[0] : message.split(SEPARATOR, -1);
        int last = parts.length - 1;
        if (last < 2 || !parts[last].isEmpty() || !parts[last - 1].isEmpty()) {
            return Steps.malformed("expected pairs of key and value, each with an octet 1 after it, and one more");
        }
        Map<String, String> pairs = new HashMap<>();
        for (int i = form == Form.OAUTHBEARER ? 1 : 0; i < last - 1; i++) {
            int equals = parts[i].indexOf('=');
            if (equals < 1
                    || pairs.put(parts[i].substring(0, equals).toLowerCase(Locale.ROOT),
                            parts[i].substring(equals + 1)) != null) {
                return Steps.malformed("a pair isn't key=value, or is there twice");
            }
        }
        String name = form == Form.OAUTHBEARER ? gs2Name(parts[0]) : pairs.getOrDefault("user", "");
        if (name == null) {
            return Steps.malformed("the GS2 header isn't one of a mechanism without channel binding");
        }
        String authorization = pairs.getOrDefault("auth", "");
        String token = authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
                ? authorization.substring(SCHEME.length()).strip()
                : "";
        if (!TOKEN.matcher(token).matches()) {
            return refused("there is no bearer token");
        }
        return judge.apply(new Token(token, pairs.getOrDefault("host", ""), pairs.getOrDefault("port", "")))
                .thenCompose(step -> judged(step, name));
    }

    /** @return the authorization identity, empty for none; null when the header is wrong */
    private static @Nullable String gs2Name(String header) {
        String[] parts = header.split(",", -1);
        if (parts.length != 3 || !(parts[0].equals("n") || parts[0].equals("y")) || !parts[2].isEmpty()) {
            return null;
        }
        if (parts[1].isEmpty()) {
            return "";
        }
        return parts[1].startsWith("a=") ? SaslName.decode(parts[1].substring(2)) : null;
    }

    private CompletableFuture<Step> judged(Step step, String name) {
        return switch (step) {
            case Step.Success(Identity identity) when !name.isEmpty()
                    && !identity.name().equals(SaslPrep.query(name)) ->
                refused("the token is another one's");
            case Step.Failure(Reason reason, String detail) when reason == Reason.CREDENTIALS -> refused(detail);
            case Step.Success _,Step.Failure _,Step.Challenge _ -> CompletableFuture.completedFuture(step);
        };
    }

    /** The client is told by a challenge, answers it, and fails then. */
    private CompletableFuture<Step> refused(String detail) {
        refusal = new Step.Failure(Reason.CREDENTIALS, detail);
        return Steps.challenge(form.refusal);
    }
}
