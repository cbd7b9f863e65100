package dev.penstock.delivery;

import org.jspecify.annotations.Nullable;

/**
 * Whether a message whose sender asked for REQUIRETLS may go over a session (RFC 8689 4.2.1). Stateless, a pure function
 * of its arguments: there is no way around it, and no "in clear rather than not at all".
 */
final class RequireTls {
    private RequireTls() {}

    /**
     * What is known of a session.
     *
     * @param host       as texts name it
     * @param authentic  whether the host's name is from the configuration, signed records or an MTA-STS policy
     * @param encrypted  whether TLS is on
     * @param problem    what is wrong with the certificate, empty when it is good for the host's name, or matches a TLSA record
     * @param offered    whether the host offers REQUIRETLS under TLS
     */
    record Session(String host, boolean authentic, boolean encrypted, String problem, boolean offered) {}

    /** Null when it may go. */
    static @Nullable Failure refusal(Session session) {
        if (!session.authentic) {
            return new Failure(Failure.Kind.UNAUTHENTICATED_HOST, "REQUIRETLS can't be kept: " + session.host
                    + " comes from MX records that neither DNSSEC nor an MTA-STS policy vouches for; "
                    + "only configured routes can take such mail then");
        }
        if (!session.encrypted) {
            return new Failure(Failure.Kind.NEEDS_TLS, "REQUIRETLS can't be kept: no TLS with " + session.host);
        }
        if (!session.problem.isEmpty()) {
            return new Failure(Failure.Kind.NEEDS_TLS, "REQUIRETLS can't be kept: the certificate of " + session.host
                    + " isn't good for its name: " + session.problem);
        }
        if (!session.offered) {
            return new Failure(Failure.Kind.NEEDS_REQUIRETLS, session.host + " offers no REQUIRETLS");
        }
        return null;
    }
}
