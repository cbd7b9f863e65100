package dev.penstock.testing;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.interfaces.XECPublicKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.XECPublicKeySpec;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

import org.jspecify.annotations.Nullable;

/**
 * The client's end of TLS 1.3 (RFC 8446) whose records a test writes itself: engines don't let one put several messages
 * into a record, or the wrong ones. X25519, TLS_AES_128_GCM_SHA256; the server's certificate isn't looked at, what it
 * says after its handshake isn't read. Not thread-safe.
 */
public final class RawTlsClient {
    public static final int ALERT = 21;
    public static final int HANDSHAKE = 22;
    public static final int DATA = 23;
    /** Octets of a record, without header, tag and type (5.1). */
    public static final int MAX_PLAIN = 1 << 14;

    private static final int HEADER = 5;
    private static final int MESSAGE_HEADER = 4;
    private static final int HASH = 32; // octets of SHA-256
    private static final int SERVER_HELLO = 2;
    private static final int FINISHED = 20;
    private static final int KEY_UPDATE = 24;
    private static final int KEY_SHARE = 51;
    private static final int TAG_BITS = 128;
    private static final byte[] NOTHING = {};

    private final KeyPair keys;
    private final ByteArrayOutputStream transcript = new ByteArrayOutputStream();
    private final ByteArrayOutputStream wire = new ByteArrayOutputStream();
    private final ByteArrayOutputStream messages = new ByteArrayOutputStream();
    private final byte[] hello;
    private @Nullable Direction reading;
    private @Nullable Direction writing;
    private byte[] handshakeSecret = NOTHING;
    private byte[] clientSecret = NOTHING;
    private byte[] finished = NOTHING;

    /** Keys of one direction, and the number of its next record. */
    static final class Direction {
        private final SecretKeySpec key;
        private final byte[] iv;
        private final byte[] secret;
        private long number;

        Direction(byte[] secret) throws GeneralSecurityException {
            this.secret = secret;
            key = new SecretKeySpec(expand(secret, "key", NOTHING, 16), "AES");
            iv = expand(secret, "iv", NOTHING, 12);
        }

        byte[] crypt(int mode, byte[] header, byte[] octets) throws GeneralSecurityException {
            byte[] nonce = iv.clone();
            for (int i = 0; i < Long.BYTES; i++) {
                nonce[nonce.length - 1 - i] ^= (byte) (number >>> Byte.SIZE * i);
            }
            number++;
            Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
            cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, nonce));
            cipher.updateAAD(header);
            return cipher.doFinal(octets);
        }

        byte[] sealed(int type, byte[] content) throws GeneralSecurityException {
            byte[] inner = Arrays.copyOf(content, content.length + 1);
            inner[content.length] = (byte) type;
            byte[] header = header(DATA, inner.length + TAG_BITS / Byte.SIZE);
            return joined(header, crypt(Cipher.ENCRYPT_MODE, header, inner));
        }

        Direction updated() throws GeneralSecurityException {
            return new Direction(expand(secret, "traffic upd", NOTHING, HASH));
        }
    }

    public RawTlsClient() throws GeneralSecurityException {
        keys = KeyPairGenerator.getInstance("X25519").generateKeyPair();
        hello = clientHello();
        transcript.writeBytes(hello);
    }

    /** The first record to be sent. */
    public byte[] hello() {
        return clear(HANDSHAKE, hello);
    }

    /**
     * What the server said, in whatever pieces.
     *
     * @return the client's Finished, to be sent, when the server's is in; else null
     */
    public byte @Nullable [] hear(byte[] octets) throws GeneralSecurityException {
        wire.writeBytes(octets);
        ByteBuffer in = ByteBuffer.wrap(wire.toByteArray());
        byte[] answer = null;
        while (finished.length == 0 && in.remaining() >= HEADER
                && in.remaining() >= HEADER + (in.getShort(in.position() + 3) & 0xffff)) {
            byte[] header = new byte[HEADER];
            in.get(header);
            byte[] content = new byte[(header[3] & 0xff) << Byte.SIZE | header[4] & 0xff];
            in.get(content);
            answer = record(header, content);
        }
        wire.reset();
        wire.write(in.array(), in.position(), in.remaining());
        return answer;
    }

    private byte @Nullable [] record(byte[] header, byte[] content) throws GeneralSecurityException {
        int type = header[0];
        byte[] plain = content;
        if (type == DATA && reading != null) {
            byte[] padded = reading.crypt(Cipher.DECRYPT_MODE, header, content);
            int end = padded.length - 1;
            while (padded[end] == 0) {
                end--;
            }
            type = padded[end];
            plain = Arrays.copyOf(padded, end);
        }
        if (type == ALERT) {
            throw new GeneralSecurityException("alert " + Arrays.toString(plain));
        }
        if (type != HANDSHAKE) {
            return null; // a change of ciphers, which says nothing
        }
        messages.writeBytes(plain);
        ByteBuffer in = ByteBuffer.wrap(messages.toByteArray());
        while (in.remaining() >= MESSAGE_HEADER
                && in.remaining() >= MESSAGE_HEADER + (in.getInt(in.position()) & 0xffffff)) {
            byte[] message = new byte[MESSAGE_HEADER + (in.getInt(in.position()) & 0xffffff)];
            in.get(message);
            transcript.writeBytes(message);
            if (message[0] == SERVER_HELLO) {
                secrets(share(message));
            } else if (message[0] == FINISHED) {
                return finish();
            }
        }
        messages.reset();
        messages.write(in.array(), in.position(), in.remaining());
        return null;
    }

    private void secrets(byte[] share) throws GeneralSecurityException {
        byte[] u = new byte[share.length];
        for (int i = 0; i < share.length; i++) {
            u[i] = share[share.length - 1 - i];
        }
        KeyAgreement agreement = KeyAgreement.getInstance("X25519");
        agreement.init(keys.getPrivate());
        agreement.doPhase(KeyFactory.getInstance("X25519").generatePublic(
                new XECPublicKeySpec(NamedParameterSpec.X25519, new BigInteger(1, u))), true);
        byte[] early = hmac(new byte[HASH], new byte[HASH]);
        handshakeSecret = hmac(expand(early, "derived", hash(NOTHING), HASH), agreement.generateSecret());
        byte[] now = hash(transcript.toByteArray());
        clientSecret = expand(handshakeSecret, "c hs traffic", now, HASH);
        reading = new Direction(expand(handshakeSecret, "s hs traffic", now, HASH));
    }

    private byte[] finish() throws GeneralSecurityException {
        byte[] now = hash(transcript.toByteArray());
        byte[] proof = hmac(expand(clientSecret, "finished", NOTHING, HASH), now);
        byte[] message = new byte[MESSAGE_HEADER + HASH];
        message[0] = FINISHED;
        message[3] = HASH;
        System.arraycopy(proof, 0, message, MESSAGE_HEADER, HASH);
        writing = new Direction(clientSecret);
        finished = sealed(HANDSHAKE, message);
        byte[] main = hmac(expand(handshakeSecret, "derived", hash(NOTHING), HASH), new byte[HASH]);
        writing = new Direction(expand(main, "c ap traffic", now, HASH));
        return finished;
    }

    /** One record with this inside, by the keys of now. */
    public byte[] sealed(int type, byte[] content) throws GeneralSecurityException {
        Direction direction = writing;
        if (direction == null) {
            throw new IllegalStateException("the server hasn't finished");
        }
        return direction.sealed(type, content);
    }

    /** One record that updates the client's keys so many times, and asks for as many updates of the server's. */
    public byte[] updates(int times) throws GeneralSecurityException {
        byte[] record = sealed(HANDSHAKE, keyUpdates(times));
        for (int i = 0; i < times && writing != null; i++) {
            writing = writing.updated();
        }
        return record;
    }

    static byte[] keyUpdates(int times) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (int i = 0; i < times; i++) {
            content.writeBytes(new byte[]{KEY_UPDATE, 0, 0, 1, 1});
        }
        return content.toByteArray();
    }

    private byte[] clientHello() {
        ByteBuffer share = ByteBuffer.allocate(38).putShort((short) 36).putShort((short) 0x1d).putShort((short) 32);
        byte[] u = ((XECPublicKey) keys.getPublic()).getU().toByteArray();
        for (int i = 0; i < 32; i++) {
            share.put(i < u.length ? u[u.length - 1 - i] : 0);
        }
        byte[] random = new byte[HASH];
        new SecureRandom().nextBytes(random);
        byte[] extensions = joined(extension(43, new byte[]{2, 3, 4}), extension(10, new byte[]{0, 2, 0, 0x1d}),
                extension(13, new byte[]{0, 8, 4, 3, 5, 3, 8, 4, 4, 1}), extension(KEY_SHARE, share.array()));
        byte[] body = joined(new byte[]{3, 3}, random,
                new byte[]{0, 0, 2, 0x13, 1, 1, 0, (byte) (extensions.length >> 8),
                    (byte) extensions.length},
                extensions);
        return joined(new byte[]{1, 0, (byte) (body.length >> 8), (byte) body.length}, body);
    }

    static byte[] extension(int type, byte[] content) {
        return joined(new byte[]{0, (byte) type, (byte) (content.length >> 8), (byte) content.length}, content);
    }

    private static byte[] share(byte[] serverHello) throws GeneralSecurityException {
        ByteBuffer in = ByteBuffer.wrap(serverHello);
        in.position(MESSAGE_HEADER + 2 + HASH);
        in.position(in.get(in.position()) + in.position() + 1 + 3); // session id, cipher, compression
        int end = (in.getShort() & 0xffff) + in.position();
        while (in.position() < end) {
            int type = in.getShort();
            byte[] content = new byte[in.getShort() & 0xffff];
            in.get(content);
            if (type == KEY_SHARE && content.length > MESSAGE_HEADER) {
                return Arrays.copyOfRange(content, MESSAGE_HEADER, content.length);
            }
        }
        throw new GeneralSecurityException("the server shares no key");
    }

    static byte[] clear(int type, byte[] content) {
        return joined(header(type, content.length), content);
    }

    private static byte[] header(int type, int length) {
        return new byte[]{(byte) type, 3, 3, (byte) (length >> Byte.SIZE), (byte) length};
    }

    static byte[] joined(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    static byte[] hash(byte[] octets) throws GeneralSecurityException {
        return MessageDigest.getInstance("SHA-256").digest(octets);
    }

    static byte[] hmac(byte[] key, byte[] octets) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(octets);
    }

    /** HKDF-Expand-Label (7.1), of one block. */
    static byte[] expand(byte[] secret, String label, byte[] context, int length)
            throws GeneralSecurityException {
        byte[] name = ("tls13 " + label).getBytes(US_ASCII);
        byte[] info = joined(new byte[]{0, (byte) length, (byte) name.length}, name, new byte[]{(byte) context.length},
                context, new byte[]{1});
        return Arrays.copyOf(hmac(secret, info), length);
    }
}
