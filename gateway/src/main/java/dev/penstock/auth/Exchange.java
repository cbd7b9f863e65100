package dev.penstock.auth;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

/**
 * One SASL exchange (RFC 4422 3) on the server's side. One call at a time, the next after the last one's answer;
 * whoever calls never blocks, the work is done elsewhere.
 */
public interface Exchange {
    /**
     * @param response decoded; null at the start when the client sent no initial response
     * @return completes within a deadline, never exceptionally
     */
    CompletableFuture<Step> respond(byte @Nullable [] response);

    /**
     * A response as the client wrote it: base64, {@code =} for an empty initial one (RFC 4954 4).
     *
     * @return null when it isn't base64: 501 5.5.2
     */
    static byte @Nullable [] decode(String base64) {
        if (base64.equals("=")) {
            return new byte[0];
        }
        if (base64.length() % 4 != 0) { // RFC 4954 4 wants the padding, which the JDK doesn't
            return null;
        }
        try {
            byte[] octets = Base64.getDecoder().decode(base64);
            // one text for these octets: the JDK overlooks bits behind the last of them (RFC 4648 3.5)
            return Base64.getEncoder().encodeToString(octets).equals(base64) ? octets : null;
        } catch (IllegalArgumentException _) {
            return null;
        }
    }

    /** What follows a response. */
    sealed interface Step {
        /** To be sent as it is: in base64, empty for an empty one. */
        record Challenge(String base64) implements Step {
            static Challenge of(String text) {
                return new Challenge(Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8)));
            }
        }

        record Success(Identity identity) implements Step {}

        record Failure(Reason reason, String detail) implements Step {}
    }

    /** Why an exchange failed; {@code detail} is for the log, never for the client, and holds no secret. */
    enum Reason {
        /** 535 5.7.8. */
        CREDENTIALS,
        /** 501 5.5.2: not what the mechanism wants. */
        MALFORMED,
        /** 454 4.7.0: can't be decided now. */
        TEMPORARY
    }
}
