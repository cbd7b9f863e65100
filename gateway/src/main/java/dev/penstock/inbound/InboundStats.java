package dev.penstock.inbound;

import java.util.Map;

/**
 * What the SMTP server did since its start, and has now.
 *
 * @param sessions           open now
 * @param sessionsTotal      that were greeted
 * @param sessionsRefused    that were not: too many in all or from one address
 * @param messages           answered with 250
 * @param octets             of their content
 * @param recipients         of these messages
 * @param recipientsRefused  RCPT commands answered with 4xx or 5xx
 * @param messagesRefused    answered with 5xx at the end of data
 * @param messagesDeferred   MAIL, DATA or end of data answered with 4xx: spool or memory had no room
 * @param messagesAborted    whose connection was lost before the end of data
 * @param errors             commands answered with an error that counts against the session
 * @param timeouts           sessions closed because the client said nothing
 * @param tlsSessions        TLS handshakes that succeeded
 * @param tlsFailures        and that failed
 * @param logins             AUTH that succeeded
 * @param loginsFailed       and that failed
 * @param receivingOctets    of messages being received or made durable now
 * @param hostility          what was done against clients that waste time
 */
public record InboundStats(long sessions, long sessionsTotal, long sessionsRefused, long messages, long octets,
        long recipients, long recipientsRefused, long messagesRefused, long messagesDeferred, long messagesAborted,
        long errors, long timeouts, long tlsSessions, long tlsFailures, long logins, long loginsFailed,
        long receivingOctets, Hostility hostility) {

    /** Without TLS, logins and hostile clients. */
    public InboundStats(long sessions, long sessionsTotal, long sessionsRefused, long messages, long octets,
            long recipients, long recipientsRefused, long messagesRefused, long messagesDeferred, long messagesAborted,
            long errors, long timeouts, long receivingOctets) {
        this(sessions, sessionsTotal, sessionsRefused, messages, octets, recipients, recipientsRefused,
                messagesRefused, messagesDeferred, messagesAborted, errors, timeouts, 0, 0, 0, 0, receivingOctets,
                Hostility.NONE);
    }

    /**
     * What was done against clients that waste time.
     *
     * @param refused           sessions that were not greeted, by why; of {@link #sessionsRefused}
     * @param messagesLimited   MAIL commands beyond the client's rate
     * @param recipientsLimited RCPT commands beyond the client's rate
     * @param slow              sessions closed because the client took too long, by how; of {@link #timeouts}
     * @param proxyFailures     connections from proxies closed for want of a valid PROXY header
     * @param earlyTalkers      clients that spoke before they were greeted
     * @param foreignCommands   sessions closed for a command of another protocol
     * @param outOfStep         sessions closed for input behind a command that must end its group
     * @param stressed          times that the server came under stress
     * @param stress            whether it is now
     */
    public record Hostility(Map<SessionRefusal, Long> refused, long messagesLimited, long recipientsLimited,
            Map<Slowness, Long> slow, long proxyFailures, long earlyTalkers, long foreignCommands, long outOfStep,
            long stressed, boolean stress) {
        public static final Hostility NONE = new Hostility(Map.of(), 0, 0, Map.of(), 0, 0, 0, 0, 0, false);

        public Hostility {
            refused = Map.copyOf(refused);
            slow = Map.copyOf(slow);
        }
    }
}
