package dev.penstock.delivery;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.SourceConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.egress.Source;
import dev.penstock.egress.SourceListener;
import dev.penstock.egress.Sources;
import dev.penstock.local.CallAhead;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Router;
import dev.penstock.smtp.Capabilities;
import dev.penstock.smtp.Reply;
import dev.penstock.tls.ClientTls;

/**
 * Asks a domain's store for recipients: {@code MAIL FROM:<>}, {@code RCPT TO}, and no message. Thread-safe.
 *
 * <p>The hosts are the route's, asked in its order until one answers. Every phase keeps to what is left of the deadline.
 */
public final class RecipientProbe implements CallAhead, AutoCloseable {
    private static final int MAX_HOSTS = 3;
    private static final Duration QUIT_TIME = Duration.ofSeconds(1);

    private final DeliveryConfig config;
    private final Sources sources;
    private final HostConnector connector = new HostConnector(SourceListener.NONE);
    private final Router router;
    private final LongSupplier nanoTime;
    private final DeadlineGuard guard;
    private final ClientTls tls;

    /**
     * @param router   knows the stores of the local domains
     * @param nanoTime {@link System#nanoTime()}, or a test's
     */
    public RecipientProbe(String hostname, DeliveryConfig config, Router router, LongSupplier nanoTime) {
        this(hostname, config, Sources.ofDefault(config.sourceAddress(), hostname), router, nanoTime);
    }

    /** Likewise, from the default one of these sources. */
    public RecipientProbe(String hostname, DeliveryConfig config, Sources sources, Router router,
            LongSupplier nanoTime) {
        this.config = config;
        this.sources = sources;
        this.router = router;
        this.nanoTime = nanoTime;
        this.guard = new DeadlineGuard(nanoTime);
        this.tls = new ClientTls(config.tlsCa());
        guard.start();
    }

    @Override
    public Answer ask(String domain, String mailbox, Duration within) {
        long end = nanoTime.getAsLong() + within.toNanos();
        Route route;
        try {
            route = router.route(domain).get(within.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return new Answer.Unknown("interrupted");
        } catch (ExecutionException | TimeoutException e) {
            return new Answer.Unknown("no route to " + domain + " in time: " + e.getMessage());
        }
        return switch (route) {
            case Route.Hosts hosts -> ask(hosts, mailbox, end);
            case Route.Store _ -> new Answer.Unknown("a Maildir can't be asked");
            case Route.Failure failure -> new Answer.Unknown(failure.text());
        };
    }

    private Answer ask(Route.Hosts route, String mailbox, long end) {
        Answer answer = new Answer.Unknown("there was no time to ask");
        int asked = 0;
        for (MailHost host : route.hosts()) {
            long left = end - nanoTime.getAsLong();
            if (left <= 0 || asked++ == MAX_HOSTS) {
                return answer;
            }
            answer = ask(host, route, mailbox, Duration.ofNanos(left), end);
            if (!(answer instanceof Answer.Unknown)) {
                return answer;
            }
        }
        return answer;
    }

    /** As a delivery session opens it: a question must not fail where a delivery wouldn't. */
    private SmtpClientSession open(MailHost host, Route.Hosts route, DeliveryConfig limits) throws SessionException {
        TlsPolicy configured = route.tls() == null ? config.tls() : route.tls();
        TlsPolicy policy = configured == TlsPolicy.DANE ? TlsPolicy.OPPORTUNISTIC : configured; // no mail is risked
        try {
            return open(host, route, limits, policy);
        } catch (SessionException e) {
            if (policy == TlsPolicy.OPPORTUNISTIC && e.reason() instanceof Failure failure
                    && failure.isOfHandshake()) {
                return open(host, route, limits, TlsPolicy.NONE);
            }
            throw e;
        }
    }

    private SmtpClientSession open(MailHost host, Route.Hosts route, DeliveryConfig limits, TlsPolicy policy)
            throws SessionException {
        Source source = requireNonNull(sources.find(SourceConfig.DEFAULT_NAME));
        return SmtpClientSession.open(connector.connect(source, host, limits.connectTimeout(), guard::watch),
                route.lmtp(), new SmtpClientSession.Security(policy, tls, route.configured(), false),
                route.login(), source.ehloName(), SessionRules.of(limits), DeliveryMemory.uncounted());
    }

    private Answer ask(MailHost host, Route.Hosts route, String mailbox, Duration left, long end) {
        boolean smtpUtf8 = mailbox.chars().anyMatch(c -> c > 127);
        try (SmtpClientSession session = open(host, route, within(left))) {
            if (smtpUtf8 && !session.offers().contains(Capabilities.SMTPUTF8)) { // RFC 6531 3.5
                return new Answer.No(Reply.of(553, "5.6.7", "The mail store takes no addresses beyond ASCII"));
            }
            SmtpClientSession.Probed probed = session.probe(mailbox, smtpUtf8);
            if (end - nanoTime.getAsLong() > 0) {
                session.quit();
            }
            return answer(host, probed);
        } catch (SessionException e) {
            return new Answer.Unknown(switch (e.reason()) {
                case Cause.Replied(Reply reply) -> host.text() + " said " + reply.oneLine();
                case Failure failure -> failure.text();
                case Cause.Unroutable(Route.Failure failure) -> failure.text();
            });
        }
    }

    private static Answer answer(MailHost host, SmtpClientSession.Probed probed) {
        Reply reply = probed.reply();
        if (probed.phase() == Phase.RCPT && reply.code() < 300) {
            return new Answer.Yes();
        }
        // What is said to MAIL is about us and not about the recipient.
        return probed.phase() == Phase.RCPT && reply.isPermanent()
                ? new Answer.No(reply)
                : new Answer.Unknown(host.text() + " said " + reply.oneLine() + " to " + probed.phase().command());
    }

    /** The configuration of deliveries with no phase longer than {@code left}. */
    private DeliveryConfig within(Duration left) {
        return config.with(DeliveryConfig.CONNECT_TIMEOUT, shorter(config.connectTimeout(), left))
                .with(DeliveryConfig.GREETING_TIMEOUT, shorter(config.greetingTimeout(), left))
                .with(DeliveryConfig.COMMAND_TIMEOUT, shorter(config.commandTimeout(), left))
                .with(DeliveryConfig.DATA_INIT_TIMEOUT, shorter(config.dataInitTimeout(), left))
                .with(DeliveryConfig.DATA_BLOCK_TIMEOUT, shorter(config.dataBlockTimeout(), left))
                .with(DeliveryConfig.DATA_DONE_TIMEOUT, shorter(config.dataDoneTimeout(), left))
                .with(DeliveryConfig.QUIT_TIMEOUT, shorter(QUIT_TIME, left));
    }

    private static Duration shorter(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? a : b;
    }

    @Override
    public void close() {
        guard.close();
    }
}
