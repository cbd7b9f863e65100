package dev.penstock.testing;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.interfaces.XECPublicKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.XECPublicKeySpec;
import java.util.Arrays;
import javax.crypto.KeyAgreement;

import io.netty.pkitesting.X509Bundle;
import org.jspecify.annotations.Nullable;

/**
 * The server's end of TLS 1.3 (RFC 8446) whose records a test writes itself, beside {@link RawTlsClient}. X25519,
 * TLS_AES_128_GCM_SHA256, a P-256 certificate; what the client says after its hello isn't read. Not thread-safe.
 */
public final class RawTlsHost {
    private static final int SESSION_ID = 4 + 2 + 32; // where it is in both hellos: behind header, version, random
    private static final int SHARE = 32; // octets of X25519

    private final ByteArrayOutputStream transcript = new ByteArrayOutputStream();
    private final X509Bundle certificate;
    private final byte[] flight;
    private RawTlsClient.@Nullable Direction writing; // made with the flight

    /** Reads the client's hello, and makes {@link #flight}. */
    public RawTlsHost(X509Bundle certificate, InputStream client) throws IOException, GeneralSecurityException {
        this.certificate = certificate;
        DataInputStream in = new DataInputStream(client);
        in.readNBytes(3);
        byte[] hello = in.readNBytes(in.readUnsignedShort());
        transcript.writeBytes(hello);
        flight = answer(hello);
    }

    /** Everything up to the server's Finished, to be sent first. */
    public byte[] flight() {
        return flight.clone();
    }

    /** One record with this inside, by the keys of now. */
    public byte[] sealed(int type, byte[] content) throws GeneralSecurityException {
        return requireNonNull(writing).sealed(type, content);
    }

    /** One record that updates the server's keys so many times, and asks for as many updates of the client's. */
    public byte[] updates(int times) throws GeneralSecurityException {
        byte[] record = sealed(RawTlsClient.HANDSHAKE, RawTlsClient.keyUpdates(times));
        for (int i = 0; i < times; i++) {
            writing = requireNonNull(writing).updated();
        }
        return record;
    }

    private byte[] answer(byte[] hello) throws GeneralSecurityException {
        KeyPair keys = KeyPairGenerator.getInstance("X25519").generateKeyPair();
        KeyAgreement agreement = KeyAgreement.getInstance("X25519");
        agreement.init(keys.getPrivate());
        agreement
                .doPhase(KeyFactory.getInstance("X25519").generatePublic(new XECPublicKeySpec(NamedParameterSpec.X25519,
                        new BigInteger(1, reversed(share(hello))))), true);
        byte[] sessionId = Arrays.copyOfRange(hello, SESSION_ID, SESSION_ID + 1 + hello[SESSION_ID]);
        byte[] own = reversed(padded(((XECPublicKey) keys.getPublic()).getU().toByteArray()));
        byte[] extensions = RawTlsClient.joined(RawTlsClient.extension(43, new byte[]{3, 4}),
                RawTlsClient.extension(51, RawTlsClient.joined(new byte[]{0, 0x1d, 0, SHARE}, own)));
        byte[] serverHello = message(2, RawTlsClient.joined(new byte[]{3, 3}, new byte[32], sessionId,
                new byte[]{0x13, 1, 0, 0, (byte) extensions.length}, extensions));
        byte[] early = RawTlsClient.hmac(new byte[32], new byte[32]);
        byte[] secret = RawTlsClient.hmac(
                RawTlsClient.expand(early, "derived", RawTlsClient.hash(new byte[0]), 32), agreement.generateSecret());
        byte[] server = RawTlsClient.expand(secret, "s hs traffic", now(), 32);
        byte[] encrypted = RawTlsClient.joined(message(8, new byte[]{0, 0}), certificate(), proof(), finished(server));
        byte[] main = RawTlsClient.hmac(
                RawTlsClient.expand(secret, "derived", RawTlsClient.hash(new byte[0]), 32), new byte[32]);
        byte[] records = RawTlsClient.joined(RawTlsClient.clear(RawTlsClient.HANDSHAKE, serverHello),
                new RawTlsClient.Direction(server).sealed(RawTlsClient.HANDSHAKE, encrypted));
        writing = new RawTlsClient.Direction(RawTlsClient.expand(main, "s ap traffic", now(), 32));
        return records;
    }

    private byte[] certificate() throws GeneralSecurityException {
        byte[] der = certificate.getCertificate().getEncoded();
        return message(11, RawTlsClient.joined(new byte[]{0}, length(der.length + 5), length(der.length), der,
                new byte[]{0, 0}));
    }

    private byte[] proof() throws GeneralSecurityException {
        Signature signature = Signature.getInstance("SHA256withECDSA");
        signature.initSign(certificate.getKeyPair().getPrivate());
        byte[] blanks = new byte[64];
        Arrays.fill(blanks, (byte) ' ');
        signature.update(RawTlsClient.joined(blanks, "TLS 1.3, server CertificateVerify".getBytes(US_ASCII),
                new byte[1], now())); // 4.4.3
        byte[] signed = signature.sign();
        return message(15, RawTlsClient.joined(new byte[]{4, 3, 0, (byte) signed.length}, signed));
    }

    private byte[] finished(byte[] secret) throws GeneralSecurityException {
        return message(20, RawTlsClient.hmac(RawTlsClient.expand(secret, "finished", new byte[0], 32), now()));
    }

    /** Of what was said so far. */
    private byte[] now() throws GeneralSecurityException {
        return RawTlsClient.hash(transcript.toByteArray());
    }

    private byte[] message(int type, byte[] body) {
        byte[] message = RawTlsClient.joined(new byte[]{(byte) type}, length(body.length), body);
        transcript.writeBytes(message);
        return message;
    }

    private static byte[] length(int octets) {
        return new byte[]{(byte) (octets >> 16), (byte) (octets >> 8), (byte) octets};
    }

    private static byte[] share(byte[] clientHello) throws GeneralSecurityException {
        ByteBuffer in = ByteBuffer.wrap(clientHello).position(SESSION_ID);
        in.position(in.get() + in.position());
        in.position(in.getShort() + in.position()); // ciphers
        in.position(in.get() + in.position()); // compressions
        int end = (in.getShort() & 0xffff) + in.position();
        while (in.position() < end) {
            int type = in.getShort();
            int next = (in.getShort() & 0xffff) + in.position();
            in.position(type == 51 ? in.position() + 2 : next);
            while (in.position() < next) {
                int group = in.getShort();
                byte[] share = new byte[in.getShort()];
                in.get(share);
                if (group == 0x1d) {
                    return share;
                }
            }
        }
        throw new GeneralSecurityException("the client shares no key of X25519");
    }

    private static byte[] padded(byte[] u) {
        byte[] octets = new byte[SHARE];
        int length = Math.min(u.length, SHARE);
        System.arraycopy(u, u.length - length, octets, SHARE - length, length);
        return octets;
    }

    private static byte[] reversed(byte[] octets) {
        byte[] reversed = new byte[octets.length];
        for (int i = 0; i < octets.length; i++) {
            reversed[i] = octets[octets.length - 1 - i];
        }
        return reversed;
    }
}
