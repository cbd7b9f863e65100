package dev.penstock.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

import dev.penstock.units.ByteSize;

/**
 * The SMTP client. Time-outs are deadlines for a whole phase (RFC 5321 4.5.3.2).
 *
 * @param port                     of MX hosts
 * @param sourceAddress            local address to send from; empty lets the system choose
 * @param maxSessions              open at one time over all ready queues
 * @param maxRecipientsPerTransaction more recipients of one message make further transactions
 * @param connectTimeout           for the TCP connection to one address
 * @param greetingTimeout          for the 220
 * @param commandTimeout           for EHLO, MAIL, RCPT, RSET
 * @param dataInitTimeout          for the 354
 * @param dataBlockTimeout         for each 64 KB of content to be taken
 * @param dataDoneTimeout          for the reply to the final dot
 * @param quitTimeout              for the reply to QUIT
 * @param badHostTime              a host that couldn't be reached isn't tried again for this long when there is another
 * @param stopTimeout              deliveries under way at a stop get this long to finish
 * @param memoryLimit              octets that sessions and their messages hold while hosts take their time; what goes
 *                                 beyond is read from the spool piece by piece
 * @param tls                      of hosts whose route says nothing else
 * @param tlsCa                    PEM file of the authorities that hosts' certificates are checked against; those that
 *                                 come with Java when empty
 */
public record DeliveryConfig(int port, String sourceAddress, int maxSessions, int maxRecipientsPerTransaction,
        Duration connectTimeout, Duration greetingTimeout, Duration commandTimeout, Duration dataInitTimeout,
        Duration dataBlockTimeout, Duration dataDoneTimeout, Duration quitTimeout, Duration badHostTime,
        Duration stopTimeout, ByteSize memoryLimit, TlsPolicy tls, Optional<Path> tlsCa) {
    private static final ByteSize MEMORY_LIMIT = ByteSize.ofMegabytes(192);
    public static final DeliveryConfig DEFAULT = new DeliveryConfig(25, "", 5_000, 100, Duration.ofSeconds(30),
            Duration.ofMinutes(5), Duration.ofMinutes(5), Duration.ofMinutes(2), Duration.ofMinutes(3),
            Duration.ofMinutes(10), Duration.ofSeconds(5), Duration.ofMinutes(1), Duration.ofSeconds(20));

    /** With TLS when a host offers it. */
    public DeliveryConfig(int port, String sourceAddress, int maxSessions, int maxRecipientsPerTransaction,
            Duration connectTimeout, Duration greetingTimeout, Duration commandTimeout, Duration dataInitTimeout,
            Duration dataBlockTimeout, Duration dataDoneTimeout, Duration quitTimeout, Duration badHostTime,
            Duration stopTimeout) {
        this(port, sourceAddress, maxSessions, maxRecipientsPerTransaction, connectTimeout, greetingTimeout,
                commandTimeout, dataInitTimeout, dataBlockTimeout, dataDoneTimeout, quitTimeout, badHostTime,
                stopTimeout, MEMORY_LIMIT, TlsPolicy.OPPORTUNISTIC, Optional.empty());
    }

    /** With another limit of memory. */
    public DeliveryConfig with(ByteSize newMemoryLimit) {
        return new DeliveryConfig(port, sourceAddress, maxSessions, maxRecipientsPerTransaction, connectTimeout,
                greetingTimeout, commandTimeout, dataInitTimeout, dataBlockTimeout, dataDoneTimeout, quitTimeout,
                badHostTime, stopTimeout, newMemoryLimit, tls, tlsCa);
    }
}
