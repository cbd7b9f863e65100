package dev.penstock.tls;

/**
 * What the listeners' TLS has come to since the start. Immutable.
 *
 * @param handshakes       done
 * @param failedHandshakes that failed, whoever's fault it was
 * @param reloads          certificates read anew because their files had changed
 * @param failedReloads    changes that couldn't be used, each counted once; the certificate from before stays
 * @param floods           connections ended because their records brought no data
 */
public record TlsStats(long handshakes, long failedHandshakes, long reloads, long failedReloads, long floods) {}
