package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

import dev.penstock.spool.IdempotencyKey;

/** SHA-256 of what clients send. Stateless. */
final class Digests {
    private Digests() {}

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    /** Half of the digest of identity and key: what no two clients share. */
    static IdempotencyKey key(String identity, String key) {
        ByteBuffer digest = ByteBuffer.wrap(sha256().digest((identity + "\0" + key).getBytes(UTF_8)));
        return new IdempotencyKey(digest.getLong(), digest.getLong());
    }
}
