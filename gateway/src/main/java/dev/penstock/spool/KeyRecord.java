package dev.penstock.spool;

/** What is recorded under an idempotency key. Immutable by agreement: nobody writes to the arrays. */
public final class KeyRecord {
    /** Octets of a fingerprint: SHA-256. */
    public static final int FINGERPRINT = 32;

    /** Octets of an answer, at most: half of what a record may have. */
    public static final int MAX_ANSWER = 32 << 20;

    /** Of no request. */
    static final KeyRecord NONE = new KeyRecord(new byte[FINGERPRINT], new byte[0], 0);

    private final byte[] fingerprint;
    private final byte[] answer;
    private final long expiresMillis;

    /**
     * @param fingerprint   of the request, {@value #FINGERPRINT} octets
     * @param answer        what the client was told, as it is told again; up to {@value #MAX_ANSWER} octets
     * @param expiresMillis until when, milliseconds since 1970
     */
    public KeyRecord(byte[] fingerprint, byte[] answer, long expiresMillis) {
        if (fingerprint.length != FINGERPRINT) {
            throw new IllegalArgumentException("a fingerprint has " + FINGERPRINT + " octets");
        }
        if (answer.length > MAX_ANSWER) {
            throw new IllegalArgumentException("an answer has at most " + MAX_ANSWER + " octets");
        }
        this.fingerprint = fingerprint;
        this.answer = answer;
        this.expiresMillis = expiresMillis;
    }

    public byte[] fingerprint() {
        return fingerprint;
    }

    public byte[] answer() {
        return answer;
    }

    public long expiresMillis() {
        return expiresMillis;
    }
}
