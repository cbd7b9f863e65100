package dev.penstock.preflight;

import java.util.List;

import dev.penstock.dkim.PublicKeyRecord;
import dev.penstock.dkim.TagList;
import dev.penstock.routing.RecordSet;

/**
 * What DNS says of a DKIM key (RFC 6376 3.6.1, RFC 8463). Immutable.
 *
 * @param bits 256 for Ed25519; 0 when there is no key
 * @param why  for people, when it can't be used
 */
record KeyFacts(State state, boolean ed25519, int bits, String why) {
    private static final String VERSION = "DKIM1";

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
            TagList tags = TagList.parse(text);
            return tags.get("p") != null && tags.get("v", VERSION).equals(VERSION);
        } catch (IllegalArgumentException _) {
            return text.contains("p=") && text.contains(VERSION);
        }
    }

    private static KeyFacts of(String text) {
        PublicKeyRecord key;
        try {
            key = PublicKeyRecord.parse(text);
        } catch (IllegalArgumentException e) {
            return unreadable(false, "the key can't be used: " + e.getMessage());
        }
        if (key.isRevoked()) {
            return new KeyFacts(State.REVOKED, false, 0, "the key was revoked (p= is empty)");
        }
        boolean ed25519 = key.keyType().equals("ed25519");
        if (!ed25519 && !key.keyType().equals("rsa")) {
            return unreadable(false, "keys of type " + key.keyType() + " aren't known");
        }
        int bits = key.bits();
        return bits == 0
                ? unreadable(ed25519, "p= is no key of type " + key.keyType())
                : new KeyFacts(State.PRESENT, ed25519, bits, "");
    }

    private static KeyFacts unreadable(boolean ed25519, String why) {
        return new KeyFacts(State.UNREADABLE, ed25519, 0, why);
    }
}
