package dev.penstock.inbound;

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
 */
public record InboundStats(long sessions, long sessionsTotal, long sessionsRefused, long messages, long octets,
        long recipients, long recipientsRefused, long messagesRefused, long messagesDeferred, long messagesAborted,
        long errors, long timeouts, long tlsSessions, long tlsFailures, long logins, long loginsFailed,
        long receivingOctets) {}
