package dev.penstock.auth;

import org.jspecify.annotations.Nullable;

/** PLAIN (RFC 4616). Confined to its session. */
final class PlainClient extends SaslClient {
    static final String MECHANISM = "PLAIN";

    private final byte[] message;
    private boolean said;

    PlainClient(String user, String password) {
        this.message = Utf8.encode("\0" + user + "\0" + password);
    }

    @Override
    public String mechanism() {
        return MECHANISM;
    }

    @Override
    public byte @Nullable [] initial(int most) {
        said = message.length <= most;
        return said ? message : null;
    }

    /** When the command had no room for it, it comes to the first challenge, which is empty. */
    @Override
    byte @Nullable [] respond(byte[] challenge) {
        if (said) {
            return cancel("asked for more than PLAIN has");
        }
        said = true;
        return message;
    }

    @Override
    public boolean isComplete() {
        return said;
    }
}
