package dev.penstock.endtoend;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import org.awaitility.Awaitility;

import dev.penstock.Penstock;
import dev.penstock.config.ConfigReader;

/**
 * A gateway with one listener of each kind, configured by a file as an operator's is, in front of an {@link SmtpSink}.
 * Clients on 127.0.0.1 may relay only once they have an identity.
 */
final class InboundGateway implements AutoCloseable {
    /** A client that may relay by its address; needs to be bound to. */
    static final String RELAY_CLIENT = "127.0.0.9";
    /** An address that may relay and that nobody here has, for XCLIENT and PROXY. */
    static final String DISTANT_RELAY_CLIENT = "10.9.8.7";
    /** In certificates; the first is what clients get that don't ask for a name. */
    static final String NAME = "mx.gateway.test";
    static final String OTHER_NAME = "mx.other.test";
    static final String SENDER = "alice@send.test";
    static final String RECIPIENT = "bob@sink.test";

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Certificates certificates;
    private final SmtpSink sink;
    private final Penstock penstock;

    private InboundGateway(Certificates certificates, SmtpSink sink, Penstock penstock) {
        this.certificates = certificates;
        this.sink = sink;
        this.penstock = penstock;
    }

    static InboundGateway start(Path directory) throws IOException, InterruptedException {
        return start(directory, "");
    }

    /** @param tables to be added to the configuration file */
    static InboundGateway start(Path directory, String tables) throws IOException, InterruptedException {
        Certificates certificates = Certificates.create(directory.resolve("certificates"));
        Certificates.Pem first = certificates.server(NAME);
        Certificates.Pem other = certificates.server(OTHER_NAME);
        SmtpSink sink = SmtpSink.start(directory);
        try {
            Path file = Files.writeString(directory.resolve("penstock.toml"), """
                    [gateway]
                    hostname = "gateway.test"

                    [[listener]]
                    name = "starttls"
                    address = "127.0.0.1:0"
                    client-certificates = "requested"
                    client-ca = "%1$s"
                    tenant = "by-starttls"
                    [[listener.certificate]]
                    chain = "%2$s"
                    key = "%3$s"
                    [[listener.certificate]]
                    chain = "%4$s"
                    key = "%5$s"

                    [[listener]]
                    name = "implicit"
                    address = "127.0.0.1:0"
                    tls = "implicit"
                    [[listener.certificate]]
                    chain = "%2$s"
                    key = "%3$s"

                    [[listener]]
                    name = "proxied"
                    address = "127.0.0.1:0"
                    proxy-networks = ["127.0.0.0/8"]
                    proxy-timeout = "10s"

                    [[listener]]
                    name = "trusting"
                    address = "127.0.0.1:0"
                    xclient-networks = ["127.0.0.0/8"]

                    [inbound]
                    relay-networks = ["%6$s/32", "10.9.0.0/16"]

                    [spool]
                    directory = "%7$s/spool"
                    [events]
                    directory = "%7$s/log"
                    [http]
                    port = 0
                    [routes."*"]
                    hosts = ["%8$s"]
                    %9$s
                    """.formatted(certificates.authority(), first.chain(), first.key(), other.chain(), other.key(),
                    RELAY_CLIENT, directory, sink.host(), tables));
            return switch (ConfigReader.read(file)) {
                case ConfigReader.Valid valid ->
                    new InboundGateway(certificates, sink, Penstock.start(valid.config()));
                case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
            };
        } catch (IOException | RuntimeException | AssertionError e) {
            sink.close();
            throw e;
        }
    }

    Penstock penstock() {
        return penstock;
    }

    Certificates certificates() {
        return certificates;
    }

    /** Offers STARTTLS, asks for client certificates. */
    InetSocketAddress starttls() {
        return penstock.smtpAddresses().get(0);
    }

    /** Speaks TLS from the first octet. */
    InetSocketAddress implicit() {
        return penstock.smtpAddresses().get(1);
    }

    /** Wants a PROXY protocol header first. */
    InetSocketAddress proxied() {
        return penstock.smtpAddresses().get(2);
    }

    /** Takes XCLIENT. */
    InetSocketAddress trusting() {
        return penstock.smtpAddresses().get(3);
    }

    /** Waits until {@code count} transactions have reached the sink, and gives them. */
    List<SmtpSink.Transaction> awaitDelivered(int count) throws IOException {
        Awaitility.await().atMost(PATIENCE).until(
                () -> penstock.deliveryStats().delivered() >= count && sink.transactions().size() >= count);
        return sink.transactions();
    }

    /** Waits for the only one. */
    SmtpSink.Transaction awaitDelivered() throws IOException {
        List<SmtpSink.Transaction> delivered = awaitDelivered(1);
        if (delivered.size() != 1) {
            throw new AssertionError(delivered);
        }
        return delivered.getFirst();
    }

    @Override
    public void close() {
        try (sink) {
            penstock.close();
        }
    }
}
