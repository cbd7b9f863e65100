package dev.penstock.egress;

/**
 * The octets of SOCKS5 (RFC 1928) and its login (RFC 1929), with what {@code penstock proxy} adds. Stateless.
 *
 * <p>A client that wants a certain address sends BIND with it and port 0 first. The proxy binds and answers at once; the
 * CONNECT that follows on the same connection goes out from there. KumoMTA's proxy does the same; RFC 1928's own meaning
 * of BIND, to wait for a connection, has no use here.
 */
public final class Socks {
    public static final int VERSION = 5;
    /** RFC 1929 2: of the login's sub-negotiation. */
    public static final int LOGIN_VERSION = 1;
    public static final int LOGIN_GOOD = 0;

    public static final int NO_LOGIN = 0;
    public static final int LOGIN = 2;
    public static final int NO_METHOD = 0xFF;

    public static final int CONNECT = 1;
    public static final int BIND = 2;

    public static final int IPV4 = 1;
    public static final int NAME = 3;
    public static final int IPV6 = 4;

    public static final int GRANTED = 0;
    public static final int FAILURE = 1;
    public static final int NOT_ALLOWED = 2;
    public static final int NETWORK_UNREACHABLE = 3;
    public static final int HOST_UNREACHABLE = 4;
    public static final int CONNECTION_REFUSED = 5;
    /** RFC 1928 calls it "TTL expired"; KumoMTA's proxy and ours say it of a host that didn't answer in time. */
    public static final int TIMED_OUT = 6;
    public static final int NO_SUCH_COMMAND = 7;
    public static final int NO_SUCH_ADDRESS_TYPE = 8;
    /**
     * To BIND: the address isn't on the proxy's machine. RFC 1928 6 leaves X'09' to X'FF' unassigned; other proxies say
     * {@link #FAILURE}.
     */
    public static final int NOT_PLUMBED = 0xA0;

    private Socks() {}

    /** A reply's code in words. */
    public static String text(int reply) {
        return switch (reply) {
            case GRANTED -> "granted";
            case FAILURE -> "general failure";
            case NOT_ALLOWED -> "not allowed by its rules";
            case NETWORK_UNREACHABLE -> "network unreachable";
            case HOST_UNREACHABLE -> "host unreachable";
            case CONNECTION_REFUSED -> "connection refused";
            case TIMED_OUT -> "timed out";
            case NO_SUCH_COMMAND -> "command not supported";
            case NO_SUCH_ADDRESS_TYPE -> "address type not supported";
            case NOT_PLUMBED -> "no such address on its machine";
            default -> "reply " + reply;
        };
    }
}
