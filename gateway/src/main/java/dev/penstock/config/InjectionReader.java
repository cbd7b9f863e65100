package dev.penstock.config;

import java.time.Duration;

import dev.penstock.units.ByteSize;

/** Reads the table {@code [injection]}. Stateless. */
final class InjectionReader {
    private static final int MAX_PORT = 65_535;
    private static final int MAX_RECIPIENTS = 100_000;
    private static final int MAX_CONCURRENT = 10_000;
    private static final int MAX_CONNECTIONS = 1_000_000;
    private static final int MAX_KEYS = 100_000_000;
    /** What a request may take for each octet of its body: read, understood, filled in, written as a message. */
    private static final int BODY_IN_MEMORY = 8;
    private static final ByteSize KILOBYTE = ByteSize.ofKilobytes(1);
    private static final ByteSize MAX_BODY = ByteSize.ofMegabytes(1024);
    private static final ByteSize MAX_MEMORY = ByteSize.ofMegabytes(1024 * 1024);
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private InjectionReader() {}

    static InjectionConfig read(TableBinder table) {
        InjectionConfig d = InjectionConfig.DEFAULT;
        ByteSize maxBody = table.size("max-body", d.maxBody(), KILOBYTE, MAX_BODY);
        InjectionConfig injection = new InjectionConfig(
                table.text("address", d.address(), "an IP address in quotes, or \"\" for no injection",
                        text -> text.isEmpty() ? text : Syntax.addressAlone(text)),
                table.integer("port", d.port(), 0, MAX_PORT),
                maxBody,
                table.integer("max-recipients", d.maxRecipients(), 1, MAX_RECIPIENTS),
                table.integer("max-concurrent", d.maxConcurrent(), 1, MAX_CONCURRENT),
                table.integer("max-connections", d.maxConnections(), 1, MAX_CONNECTIONS),
                table.integer("max-connections-per-address", d.maxConnectionsPerAddress(), 1, MAX_CONNECTIONS),
                table.size("memory-limit", memoryFor(maxBody), KILOBYTE, MAX_MEMORY),
                table.duration("deadline", d.deadline(), SECOND, Duration.ofHours(1)),
                table.flag("require-auth", d.requireAuth()),
                table.list("relay-networks", d.relayNetworks(), Syntax::network),
                table.directory("directory", d.directory()),
                table.duration("idempotency-retention", d.idempotencyRetention(), MINUTE, Duration.ofDays(30)),
                table.integer("max-keys", d.maxKeys(), 1, MAX_KEYS),
                ListenerReader.certificates(table.tables("certificate")));
        table.end();
        if (injection.memoryLimit().bytes() / BODY_IN_MEMORY < injection.maxBody().bytes()) {
            table.reject("memory-limit", injection.memoryLimit() + " is too small; allowed: at least " + BODY_IN_MEMORY
                    + " times max-body, which is " + injection.maxBody());
        }
        return injection;
    }

    /** Unless it is configured: the default, or what one request may take when that is more. */
    private static ByteSize memoryFor(ByteSize maxBody) {
        ByteSize usual = InjectionConfig.DEFAULT.memoryLimit();
        ByteSize one = new ByteSize(BODY_IN_MEMORY * maxBody.bytes());
        return one.compareTo(usual) > 0 ? one : usual;
    }
}
