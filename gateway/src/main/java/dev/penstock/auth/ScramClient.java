package dev.penstock.auth;

import java.security.MessageDigest;
import java.util.Base64;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.SaslPrep;

/** SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding. Confined to its session. */
final class ScramClient extends SaslClient {
    static final String MECHANISM = "SCRAM-SHA-256";
    /** A hundred times what servers have, and less than a second of a core: no host makes us work for ever. */
    private static final int MAX_ITERATIONS = 1_000_000;
    private static final int NONCE_OCTETS = 18; // 24 characters without padding
    private static final String NO_BINDING = "n,,";
    private static final String BOUND = "c=" + Base64.getEncoder().encodeToString(Utf8.encode(NO_BINDING));

    private enum State {
        FIRST, FINAL, PROVED
    }

    private final String password;
    private final String nonce;
    private final String firstBare;
    private State state = State.FIRST;
    private byte[] expected = {};
    /** Whether the host has our first message. */
    private boolean said;

    ScramClient(String user, String password) {
        this(user, password, Base64.getEncoder().encodeToString(Hashing.random(NONCE_OCTETS)));
    }

    ScramClient(String user, String password, String nonce) {
        this.password = prepared(password);
        this.nonce = nonce;
        this.firstBare = "n=" + prepared(user).replace("=", "=3D").replace(",", "=2C") + ",r=" + nonce;
    }

    private static String prepared(String text) {
        String prepared = SaslPrep.query(text);
        return prepared == null ? text : prepared;
    }

    @Override
    public String mechanism() {
        return MECHANISM;
    }

    @Override
    public byte @Nullable [] initial(int most) {
        byte[] first = Utf8.encode(NO_BINDING + firstBare);
        said = first.length <= most;
        return said ? first : null;
    }

    @Override
    byte @Nullable [] respond(byte[] challenge) {
        String message = Utf8.decode(challenge);
        if (message == null) {
            return cancel("isn't SCRAM");
        }
        return switch (state) {
            case FIRST -> first(message);
            case FINAL -> last(message);
            case PROVED -> cancel("asked for more than SCRAM has");
        };
    }

    private byte @Nullable [] first(String message) {
        if (message.isEmpty() && !said) { // the command had no room for ours
            said = true;
            return Utf8.encode(NO_BINDING + firstBare);
        }
        String[] attributes = message.split(",", -1);
        if (attributes.length < 3 || !attributes[0].startsWith("r=" + nonce)
                || attributes[0].length() == nonce.length() + 2 || !attributes[1].startsWith("s=")
                || !attributes[2].startsWith("i=")) {
            return cancel("didn't answer to our nonce as SCRAM does");
        }
        byte[] salt = decode(attributes[1].substring(2));
        int iterations = iterations(attributes[2].substring(2));
        if (salt == null || salt.length == 0 || iterations == 0) {
            return cancel("has a salt or a count of iterations that isn't taken");
        }
        byte[] salted = Hashing.salted(password, salt, iterations);
        String withoutProof = BOUND + "," + attributes[0];
        byte[] authMessage = Utf8.encode(firstBare + "," + message + "," + withoutProof);
        byte[] proof = Hashing.hmac(salted, Utf8.encode("Client Key"));
        byte[] signature = Hashing.hmac(Hashing.sha256(proof), authMessage);
        for (int i = 0; i < proof.length; i++) {
            proof[i] ^= signature[i];
        }
        expected = Hashing.hmac(Hashing.hmac(salted, Utf8.encode("Server Key")), authMessage);
        state = State.FINAL;
        return Utf8.encode(withoutProof + ",p=" + Base64.getEncoder().encodeToString(proof));
    }

    /** @return 0 when it isn't taken */
    private static int iterations(String text) {
        if (text.isEmpty() || text.length() > 7 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return 0;
        }
        int number = Integer.parseInt(text);
        return number <= MAX_ITERATIONS ? number : 0;
    }

    private byte @Nullable [] last(String message) {
        String verifier = message.split(",", -1)[0];
        byte[] signature = verifier.startsWith("v=") ? decode(verifier.substring(2)) : null;
        if (signature == null || !MessageDigest.isEqual(signature, expected)) {
            return cancel("doesn't know the password itself: it isn't who it should be");
        }
        state = State.PROVED;
        return new byte[0];
    }

    @Override
    public boolean isComplete() {
        return state == State.PROVED;
    }
}
