package dev.penstock.auth;

import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.SaslPrep;
import dev.penstock.config.ScramVerifier;

/** SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677). Confined to its session. */
final class ScramExchange implements Exchange {
    /**
     * Whom a name stands for.
     *
     * @param verifier made up when there is no such user, so that the exchange goes on as it would
     * @param identity null when there is no such user, or not one who may log in
     */
    record Account(ScramVerifier verifier, @Nullable Identity identity) {}

    /** A client's nonce in characters; well beyond what clients send. */
    private static final int MAX_NONCE = 512;
    private static final int NONCE_OCTETS = 18; // 24 characters without padding
    private static final String MANDATORY_EXTENSION = "m=";

    private enum State {
        FIRST, FINAL, ACKNOWLEDGE, OVER
    }

    private final boolean plus;
    private final boolean plusOffered;
    private final Function<String, byte @Nullable []> bindings;
    private final Function<String, Account> accounts;
    private final String serverNonce;
    private State state = State.FIRST;
    private boolean asked;
    private byte[] binding = new byte[0]; // gs2-header and channel binding data
    private String clientFirstBare = "";
    private String serverFirst = "";
    private String nonce = "";
    private @Nullable Account account;

    /**
     * @param plus        whether this is SCRAM-SHA-256-PLUS
     * @param plusOffered whether the client was offered it, so that one which could use it and was told otherwise is
     *                    found (RFC 5802 6)
     * @param bindings    channel binding data by type, null for none
     * @param accounts    by prepared name
     */
    ScramExchange(boolean plus, boolean plusOffered, Function<String, byte @Nullable []> bindings,
            Function<String, Account> accounts) {
        this(plus, plusOffered, bindings, accounts,
                Base64.getEncoder().encodeToString(Hashing.random(NONCE_OCTETS)));
    }

    ScramExchange(boolean plus, boolean plusOffered, Function<String, byte @Nullable []> bindings,
            Function<String, Account> accounts, String serverNonce) {
        this.plus = plus;
        this.plusOffered = plusOffered;
        this.bindings = bindings;
        this.accounts = accounts;
        this.serverNonce = serverNonce;
    }

    @Override
    public CompletableFuture<Step> respond(byte @Nullable [] response) {
        if (response == null) {
            if (state != State.FIRST || asked) {
                return over(Steps.malformed("no response"));
            }
            asked = true;
            return Steps.challenge("");
        }
        return switch (state) {
            case FIRST -> first(response);
            case FINAL -> last(response);
            case ACKNOWLEDGE -> acknowledged(response);
            case OVER -> Steps.malformed("the exchange is over");
        };
    }

    /** client-first-message. */
    private CompletableFuture<Step> first(byte[] response) {
        String message = Utf8.decode(response);
        int flagEnd = message == null ? -1 : message.indexOf(',');
        int headerEnd = message == null || flagEnd < 0 ? -1 : message.indexOf(',', flagEnd + 1);
        if (message == null || headerEnd < 0) {
            return over(Steps.malformed("expected a GS2 header"));
        }
        String flag = message.substring(0, flagEnd);
        String authorization = message.substring(flagEnd + 1, headerEnd);
        byte[] data = new byte[0];
        switch (flag) {
            case "n" -> {
                if (plus) {
                    return over(Steps.malformed("SCRAM-SHA-256-PLUS without channel binding"));
                }
            }
            case "y" -> {
                if (plus || plusOffered) {
                    return over(Steps.refused("the client was made to believe there is no channel binding"));
                }
            }
            default -> {
                if (!plus || !flag.startsWith("p=")) {
                    return over(Steps.malformed("the channel binding flag doesn't fit the mechanism"));
                }
                byte[] found = bindings.apply(flag.substring(2));
                if (found == null) {
                    return over(Steps.refused("unsupported channel binding type"));
                }
                data = found;
            }
        }
        binding = concat(Utf8.encode(message.substring(0, headerEnd + 1)), data);
        clientFirstBare = message.substring(headerEnd + 1);
        return name(authorization);
    }

    /** client-first-message-bare. */
    private CompletableFuture<Step> name(String authorization) {
        if (clientFirstBare.startsWith(MANDATORY_EXTENSION)) {
            return over(Steps.malformed("unknown mandatory extension"));
        }
        String[] attributes = clientFirstBare.split(",", -1);
        if (attributes.length < 2 || !attributes[0].startsWith("n=") || !attributes[1].startsWith("r=")) {
            return over(Steps.malformed("expected a name and a nonce"));
        }
        String written = SaslName.decode(attributes[0].substring(2));
        String clientNonce = attributes[1].substring(2);
        if (written == null || written.isEmpty() || !isNonce(clientNonce)) {
            return over(Steps.malformed("the name or the nonce isn't well formed"));
        }
        if (!authorization.isEmpty()) {
            String as = authorization.startsWith("a=") ? SaslName.decode(authorization.substring(2)) : null;
            if (as == null) {
                return over(Steps.malformed("the authorization identity isn't well formed"));
            }
            if (!as.equals(written)) {
                return over(Steps.refused("the authorization identity isn't the name"));
            }
        }
        String name = SaslPrep.query(written);
        Account found = accounts.apply(name == null ? "" : name);
        account = found;
        nonce = clientNonce + serverNonce;
        serverFirst = "r=" + nonce + ",s=" + found.verifier().salt() + ",i=" + found.verifier().iterations();
        state = State.FINAL;
        return Steps.challenge(serverFirst);
    }

    private static boolean isNonce(String text) {
        return !text.isEmpty() && text.length() <= MAX_NONCE && text.chars().allMatch(c -> c > ' ' && c <= '~');
    }

    /** client-final-message. */
    private CompletableFuture<Step> last(byte[] response) {
        Account asking = account;
        String message = Utf8.decode(response);
        int proofStart = message == null ? -1 : message.lastIndexOf(",p=");
        if (asking == null || message == null || proofStart < 0) {
            return over(Steps.malformed("expected a proof"));
        }
        String withoutProof = message.substring(0, proofStart);
        byte[] proof = base64(message.substring(proofStart + 3));
        String[] attributes = withoutProof.split(",", -1);
        if (attributes.length < 2 || !attributes[0].startsWith("c=") || !attributes[1].startsWith("r=")
                || proof == null) {
            return over(Steps.malformed("expected channel binding, nonce and proof"));
        }
        byte[] bound = base64(attributes[0].substring(2));
        if (bound == null) {
            return over(Steps.malformed("the channel binding isn't base64"));
        }
        if (!attributes[1].substring(2).equals(nonce)) {
            return over(Steps.refused("the nonce is another one"));
        }
        byte[] authMessage = Utf8.encode(clientFirstBare + "," + serverFirst + "," + withoutProof);
        boolean proved = proves(proof, asking.verifier(), authMessage);
        if (!MessageDigest.isEqual(bound, binding)) {
            return over(Steps.refused("the channel binding doesn't fit this connection"));
        }
        if (!proved || asking.identity() == null) {
            return over(Steps.refused("wrong name or password"));
        }
        byte[] signature = Hashing.hmac(Base64.getDecoder().decode(asking.verifier().serverKey()), authMessage);
        state = State.ACKNOWLEDGE;
        return Steps.challenge("v=" + Base64.getEncoder().encodeToString(signature));
    }

    private static boolean proves(byte[] proof, ScramVerifier verifier, byte[] authMessage) {
        byte[] storedKey = Base64.getDecoder().decode(verifier.storedKey());
        byte[] clientKey = Hashing.hmac(storedKey, authMessage);
        if (proof.length != clientKey.length) {
            return false;
        }
        for (int i = 0; i < clientKey.length; i++) {
            clientKey[i] ^= proof[i];
        }
        return MessageDigest.isEqual(Hashing.sha256(clientKey), storedKey);
    }

    /** The client has the server's signature; SMTP's 235 carries no data, so it has to say so (RFC 4954 4). */
    private CompletableFuture<Step> acknowledged(byte[] response) {
        Account proved = account;
        if (response.length > 0 || proved == null || proved.identity() == null) {
            return over(Steps.malformed("expected an empty response"));
        }
        return over(Steps.success(proved.identity()));
    }

    private CompletableFuture<Step> over(CompletableFuture<Step> step) {
        state = State.OVER;
        account = null;
        return step;
    }

    private static byte @Nullable [] base64(String text) {
        return text.equals("=") ? null : Exchange.decode(text);
    }

    private static byte[] concat(byte[] first, byte[] second) {
        ByteArrayOutputStream octets = new ByteArrayOutputStream(first.length + second.length);
        octets.writeBytes(first);
        octets.writeBytes(second);
        return octets.toByteArray();
    }
}
