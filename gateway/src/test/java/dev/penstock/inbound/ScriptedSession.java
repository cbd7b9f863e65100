package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.ListenerConfig;
import dev.penstock.dkim.Signing;
import dev.penstock.message.Envelope;
import dev.penstock.policy.Policy;
import dev.penstock.reception.Reception;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.FakeSpool;
import dev.penstock.tls.ServerTls;

/**
 * The state machine of a session alone, on a {@link ScriptedConnection}: each write of a transcript is one read, and
 * nothing happens but what the test does. Confined to the test's thread.
 */
final class ScriptedSession implements Transcript.Client, AutoCloseable {
    private static final InetSocketAddress CLIENT = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 40_000);
    private static final InetSocketAddress SERVER = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 25);

    final FakeSpool spool = new FakeSpool();
    final List<Envelope> accepted = new ArrayList<>();
    final ScriptedConnection connection = new ScriptedConnection();
    final SmtpServer server;
    private final ClientAccounts accounts;
    private final Session session;
    private final StringBuilder replies = new StringBuilder();

    ScriptedSession() {
        this(config -> config, new FakePolicy());
    }

    ScriptedSession(UnaryOperator<ConfigBuilder> limits, Policy policy) {
        this(limits, new ListenerBuilder().build(), null, policy, Authenticator.NONE);
    }

    ScriptedSession(UnaryOperator<ConfigBuilder> limits, ListenerConfig listener, @Nullable ServerTls tls,
            Policy policy, Authenticator authenticator) {
        this(limits, listener, tls, policy, authenticator, Signing.off());
    }

    /** @param signing of what is received */
    ScriptedSession(UnaryOperator<ConfigBuilder> limits, ListenerConfig listener, @Nullable ServerTls tls,
            Policy policy, Authenticator authenticator, Signing signing) {
        var config = limits.apply(new ConfigBuilder()).build();
        server = new SmtpServer("gateway.example", List.of(listener), config,
                tls == null ? Map.of() : Map.of(listener.name(), tls), policy, authenticator,
                new Reception(spool, this::accepted, _ -> {}, InstantSource.fixed(SmtpFixture.NOW), signing), _ -> {},
                InstantSource.fixed(SmtpFixture.NOW));
        accounts = new ClientAccounts(config, new Counters(), connection::nanoTime);
        ClientAccount account = accounts.enter(CLIENT.getAddress(), listener);
        session = new Session(server, connection, new LoopScratch(), account, CLIENT, SERVER, false, 0,
                server.settings(0), 1);
        connection.attach(session);
        session.begin();
        connection.run();
    }

    private void accepted(QueuedDestination destination) {
        if (destination.entry().destination() == 0) {
            accepted.add(destination.envelope());
        }
    }

    ScriptedSession plays(String transcript) {
        try {
            Transcript.play(transcript, this);
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One read. */
    @Override
    public void send(String text) {
        if (!text.isEmpty()) {
            connection.arrives(text.getBytes(ISO_8859_1));
            connection.run();
        }
    }

    /** {@code <nothing>} while nothing has come. */
    @Override
    public String readLine() {
        connection.run();
        replies.append(connection.takeSent());
        int end = replies.indexOf("\r\n");
        if (end >= 0) {
            String line = replies.substring(0, end);
            replies.delete(0, end + 2);
            return line;
        }
        return connection.isOutputEnded() ? replies + "<close>" : replies + "<nothing>";
    }

    void pass(Duration time) {
        connection.pass(time);
    }

    /** The server is told to close. */
    void shutDown() {
        server.close();
        session.shutDown();
        connection.run();
    }

    /** An operator ends the session. */
    void abort() {
        session.abort("a test");
        connection.run();
    }

    /** Sessions that clients have by their accounts. */
    int countedSessions() {
        return accounts.sessions();
    }

    long receivingOctets() {
        return server.memory().used();
    }

    @Override
    public void close() {
        connection.close();
        connection.run();
    }
}
