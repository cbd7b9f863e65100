package dev.penstock.auth;

import java.util.Base64;
import java.util.Set;

import org.jspecify.annotations.Nullable;

/**
 * The client's side of one SASL exchange (RFC 4422), without its octets on the wire. Confined to its session. What goes wrong
 * is told by {@link #problem}, in which nothing of the password is.
 */
public abstract sealed class SaslClient permits ScramClient, PlainClient, LoginClient {
    /** RFC 5802 5.1: decoded, of what a server says. */
    private static final Base64.Decoder BASE64 = Base64.getDecoder();

    private String problem = "";

    /**
     * The strongest mechanism of those that the host offers.
     *
     * @param offered in upper case
     * @return null when there is none that we know
     */
    public static @Nullable SaslClient strongest(Set<String> offered, String user, String password) {
        if (offered.contains(ScramClient.MECHANISM)) {
            return new ScramClient(user, password);
        }
        if (offered.contains(PlainClient.MECHANISM)) {
            return new PlainClient(user, password);
        }
        return offered.contains(LoginClient.MECHANISM) ? new LoginClient(user, password) : null;
    }

    public abstract String mechanism();

    /**
     * What goes with the command.
     *
     * @param most octets that it has room for
     * @return null when there is no room, or the host speaks first
     */
    public abstract byte @Nullable [] initial(int most);

    /**
     * What answers a challenge.
     *
     * @param challenge as it came, in base64
     * @return null to cancel: {@link #problem} says why
     */
    public final byte @Nullable [] respond(String challenge) {
        byte[] octets = decode(challenge);
        return octets == null ? cancel("sent a challenge that isn't base64") : respond(octets);
    }

    abstract byte @Nullable [] respond(byte[] challenge);

    /** Whether the host may say that it is enough: with SCRAM only when it has proved that it knows the password too. */
    public abstract boolean isComplete();

    /** What is wrong with what the host says; empty while nothing is. */
    public final String problem() {
        return problem;
    }

    final byte @Nullable [] cancel(String why) {
        problem = why;
        return null;
    }

    static byte @Nullable [] decode(String text) {
        try {
            return BASE64.decode(text);
        } catch (IllegalArgumentException _) {
            return null;
        }
    }
}
