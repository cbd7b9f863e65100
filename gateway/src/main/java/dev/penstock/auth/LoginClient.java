package dev.penstock.auth;

import org.jspecify.annotations.Nullable;

/** LOGIN (draft-murchison-sasl-login): whatever the host asks, the name comes first and then the password. Confined to its session. */
final class LoginClient extends SaslClient {
    static final String MECHANISM = "LOGIN";
    private static final int ANSWERS = 2;

    private final byte[][] answers;
    private int given;

    LoginClient(String user, String password) {
        this.answers = new byte[][]{Utf8.encode(user), Utf8.encode(password)};
    }

    @Override
    public String mechanism() {
        return MECHANISM;
    }

    @Override
    public byte @Nullable [] initial(int most) {
        return null;
    }

    @Override
    byte @Nullable [] respond(byte[] challenge) {
        return given < ANSWERS ? answers[given++] : cancel("asked for more than LOGIN has");
    }

    @Override
    public boolean isComplete() {
        return given == ANSWERS;
    }
}
