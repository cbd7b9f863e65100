package dev.penstock.config;

import java.time.Duration;

import dev.penstock.units.ByteSize;

/**
 * Against clients that waste the server's time.
 *
 * @param greetDelay       the greeting waits this long for clients outside the relay networks; whoever talks before it
 *                         gets 554 5.5.1 (postscreen_greet_wait; RFC 5321 4.3.1 has clients wait). Zero: no waiting;
 *                         then only what came right behind a PROXY header is early talk
 * @param minDataRate      octets per second that a message being received must bring, averaged since 354 and after
 *                         {@code dataGrace}
 * @param dataGrace        at the start of a message, in which the rate isn't asked for
 * @param commandDeadline  for a whole command line, from its first octet (smtpd_per_request_deadline)
 * @param sessionDeadline  for a session without any message accepted in it
 * @param maxErrorDelay    the delay of replies grows by {@code error-delay} with each error up to this
 * @param stressAt         percent of {@code max-sessions} in use from which the stress limits below apply
 *                         (postscreen and smtpd switch when all processes are busy)
 * @param stressTimeout    command timeout under stress (Postfix: 10 s)
 * @param stressErrorLimit hard error limit under stress (Postfix: 1)
 * @param stressJunkLimit  junk command limit under stress (Postfix: 1)
 */
public record HostilityConfig(Duration greetDelay, ByteSize minDataRate, Duration dataGrace, Duration commandDeadline,
        Duration sessionDeadline, Duration maxErrorDelay, int stressAt, Duration stressTimeout, int stressErrorLimit,
        int stressJunkLimit) {
    public static final HostilityConfig DEFAULT = new HostilityConfig(Duration.ZERO, new ByteSize(64),
            Duration.ofSeconds(60), Duration.ofSeconds(60), Duration.ofMinutes(30), Duration.ofSeconds(10), 90,
            Duration.ofSeconds(10), 1, 1);
}
