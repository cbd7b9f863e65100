package dev.penstock.preflight;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.penstock.routing.RecordSet;

/**
 * What DNS says of a DKIM key (RFC 6376 3.6.1, RFC 8463). Immutable.
 *
 * @param bits 256 for Ed25519; 0 when there is no key
 * @param why  for people, when it can't be used
 */
record KeyFacts(State state, boolean ed25519, int bits, String why) {
    private static final String VERSION = "DKIM1";
    private static final int ED25519_OCTETS = 32; // RFC 8463 4: the raw public key
    private static final int ED25519_BITS = 256;
    private static final Base64.Decoder BASE64 = Base64.getMimeDecoder(); // folded values have spaces inside

    static final KeyFacts UNKNOWN = new KeyFacts(State.UNKNOWN, false, 0, "no answer in time");

    enum State {
        PRESENT, MISSING,
        /** {@code p=} is empty. */
        REVOKED, UNREADABLE, UNKNOWN
    }

    static KeyFacts of(RecordSet records) {
        if (records.state() == RecordSet.State.UNKNOWN) {
            return new KeyFacts(State.UNKNOWN, false, 0, records.why());
        }
        List<String> keys = records.values().stream().filter(KeyFacts::isKey).toList();
        return switch (keys.size()) {
            case 0 -> new KeyFacts(State.MISSING, false, 0, "there is no key record");
            case 1 -> of(keys.getFirst());
            // RFC 6376 3.6.2.2: undefined; verifiers take any
            default -> new KeyFacts(State.UNREADABLE, false, 0, "there are " + keys.size() + " key records");
        };
    }

    /** A record without a version is a key, too (RFC 6376 3.6.1), when it has {@code p=}. */
    private static boolean isKey(String text) {
        try {
            Map<String, String> tags = TagList.parse(text);
            return tags.containsKey("p") && tags.getOrDefault("v", VERSION).equals(VERSION);
        } catch (IllegalArgumentException _) {
            return text.contains("p=") && text.contains(VERSION);
        }
    }

    private static KeyFacts of(String text) {
        try {
            Map<String, String> tags = TagList.parse(text);
            String key = tags.getOrDefault("p", "");
            if (key.isEmpty()) {
                return new KeyFacts(State.REVOKED, false, 0, "the key was revoked (p= is empty)");
            }
            if (!Set.of(tags.getOrDefault("s", "*").replace(" ", "").split(":")).stream()
                    .anyMatch(service -> service.equals("*") || service.equals("email"))) {
                return new KeyFacts(State.UNREADABLE, false, 0, "the key isn't for mail (s=)");
            }
            byte[] octets = BASE64.decode(key);
            return switch (tags.getOrDefault("k", "rsa")) {
                case "rsa" -> new KeyFacts(State.PRESENT, false, rsaBits(octets), "");
                case "ed25519" -> octets.length == ED25519_OCTETS
                        ? new KeyFacts(State.PRESENT, true, ED25519_BITS, "")
                        : new KeyFacts(State.UNREADABLE, true, 0, "an Ed25519 key has 32 octets");
                case String other -> new KeyFacts(State.UNREADABLE, false, 0, "keys of type " + other
                        + " aren't known");
            };
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            return new KeyFacts(State.UNREADABLE, false, 0, "the key can't be read: " + e.getMessage());
        }
    }

    private static int rsaBits(byte[] octets) throws GeneralSecurityException {
        RSAPublicKey key = (RSAPublicKey) KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(octets));
        return key.getModulus().bitLength();
    }
}
