package dev.penstock.delivery;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Set;
import java.util.function.Supplier;
import javax.net.ssl.SSLSocket;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.RouteLogin;
import dev.penstock.config.TlsPolicy;
import dev.penstock.message.Content;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.message.Recipient;
import dev.penstock.mime.Conversion;
import dev.penstock.routing.MailHost;
import dev.penstock.smtp.Capabilities;
import dev.penstock.smtp.DeliverBy;
import dev.penstock.smtp.DotStuffing;
import dev.penstock.smtp.Idna;
import dev.penstock.smtp.Notify;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.smtp.Reply;
import dev.penstock.smtp.ReplyParser;
import dev.penstock.smtp.ReplySyntaxException;
import dev.penstock.smtp.Ret;
import dev.penstock.smtp.Sink;
import dev.penstock.smtp.XText;
import dev.penstock.spool.UnreadableMessageException;
import dev.penstock.tls.CertificateDemand;
import dev.penstock.tls.ClientTls;
import dev.penstock.units.CertificateFileException;

/**
 * The client's end of one SMTP (RFC 5321) or LMTP (RFC 2033) session over a plain blocking socket. Confined to the
 * delivery session's thread, but for {@link #breakOff} and {@link #abort}.
 *
 * <p>A transaction goes {@link #begin}, {@link #awaitGo}, {@link #send}, {@link #awaitEnd}. To a host that offers
 * PIPELINING its MAIL, RCPT and DATA leave in one write, and {@code send} puts the next transaction's behind the end of
 * data (RFC 2920 3.1): while there is mail, a message costs one write and one read. Every wait has its own deadline
 * (RFC 5321 4.5.3.2), kept by the {@link DeadlineGuard} for reads and writes alike. Whatever goes wrong is told as a
 * {@link SessionException}, after which the session is of no use; 421 is such a case.
 *
 * <p>Replies have no names: the next one is taken for the answer to the next command. So nothing is sent while octets wait
 * to be read, and answers that can't follow each other end the session ({@link Failure.Kind#OUT_OF_STEP}).
 */
final class SmtpClientSession implements AutoCloseable {
    private static final byte[] RSET = ascii("RSET\r\n");
    private static final byte[] MAIL = ascii("MAIL FROM:<");
    private static final byte[] RCPT = ascii("RCPT TO:<");
    private static final byte[] SIZE = ascii("> SIZE=");
    private static final byte[] CLOSE = ascii(">");
    private static final byte[] BODY_8BITMIME = ascii(" BODY=8BITMIME");
    private static final byte[] SMTPUTF8 = ascii(" SMTPUTF8");
    private static final byte[] REQUIRETLS = ascii(" REQUIRETLS");
    private static final byte[] STARTTLS = ascii("STARTTLS\r\n");
    private static final byte[] RET_FULL = ascii(" RET=FULL");
    private static final byte[] RET_HDRS = ascii(" RET=HDRS");
    private static final byte[] ENVID = ascii(" ENVID=");
    private static final byte[] BY = ascii(" BY=");
    private static final byte[] NOTIFY = ascii(" NOTIFY=");
    private static final byte[] ORCPT = ascii(" ORCPT=");
    private static final byte[] CRLF = ascii("\r\n");
    private static final byte[] CLOSE_CRLF = ascii(">\r\n");
    private static final byte[] DATA = ascii("DATA\r\n");
    private static final byte[] END_OF_DATA = ascii(".\r\n");
    private static final byte[] QUIT = ascii("QUIT\r\n");

    private static final int MAX_ORCPT = 500; // RFC 3461 4.2
    private static final long MAX_BY = 999_999_999; // seconds; RFC 2852 4
    /** RFC 5321 4.5.3.2.5 gives each block of content its time; KumoMTA, Postfix and we call 64 KB a block. */
    private static final int BLOCK = 64 << 10;
    /** A 4 KB message with both envelopes fits without growing. */
    private static final int FIRST_BUFFER = 8 << 10;
    private static final int INPUT_BUFFER = 2 << 10;
    /** Characters of a reply's text that aren't counted; more is kept where there is room. */
    static final int USUAL_REPLY = 512;
    /** For a reply that may have come before the host closed on us, and for the answer to QUIT of a host that is left. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(1);
    /** RFC 3207 4: the only answer after which TLS begins. */
    private static final int READY_FOR_TLS = 220;
    /** Milliseconds for what has arrived to be decrypted. */
    private static final int AT_ONCE = 1;
    private static final int MAX_EXCERPT = 80;
    /** What hosts offer to EHLO and never say to MAIL. */
    private static final Set<String> ONLY_TO_EHLO = Set.of(Capabilities.PIPELINING, Capabilities.EIGHT_BIT_MIME,
            Capabilities.ENHANCED_STATUS_CODES, Capabilities.STARTTLS, Capabilities.CHUNKING, Capabilities.SMTPUTF8);

    private final MailHost host;
    private final boolean lmtp;
    private final SessionRules rules;
    private final SessionRules.Times times;
    private final HostConnection connection;
    private final DeadlineGuard.Watch watch;
    private final TlsDecision decision;
    /** What comes over the wire, be it in clear or under TLS with the host or with a proxy. */
    private final InputStream wire;
    private InputStream input;
    private OutputStream output;
    private ClientTls.@Nullable Connection tls;
    private final ByteBuffer received = ByteBuffer.allocate(INPUT_BUFFER).flip();
    private final ReplyParser parser = new ReplyParser();
    private final DotStuffing stuffing = new DotStuffing();
    private final Sink<IOException> appendSink = this::appendContent;
    private final Content.ChunkSink stuffedSink = (bytes, offset, length) -> stuffing.encode(bytes, offset, length,
            appendSink);

    private byte[] out = new byte[FIRST_BUFFER];
    private int count;
    private Capabilities capabilities = Capabilities.NONE;
    private boolean pipelining;
    private boolean esmtp;
    private boolean needsReset;
    private boolean paused;
    /** The host waits for content, whatever is sent. */
    private boolean inContent;
    /** What is appended is of an envelope, or of content and what follows it. */
    private Phase appended = Phase.MAIL;
    private boolean contentSent;
    /** Transactions the host has answered for. */
    private int answered;
    private @Nullable SessionException writeFailure;
    private volatile boolean stopped;
    /** An operator has ended it, and says why. */
    private volatile @Nullable String aborted;
    private final Dialogue dialogue;
    /** Null when content goes by DATA alone. */
    private @Nullable Chunking chunking;
    /** What the session takes beyond {@link DeliveryMemory#SESSION} and {@link DeliveryMemory#TLS}. */
    private final DeliveryMemory.Share memory;

    /**
     * How a session is secured.
     *
     * @param identity   what hosts are shown; asked for only when TLS is about to begin, and throws a
     *     {@link CertificateFileException} when its files can't be used
     * @param insisting  whether a host that can't do TLS just now is to be asked later, though the policy is opportunistic
     */
    record Security(TlsDecision decision, Supplier<ClientTls> identity, boolean insisting) {
        /** As configured, of a host that the configuration names or nobody vouches for. */
        Security(TlsPolicy policy, ClientTls tls, boolean configured, boolean insisting) {
            this(TlsDecision.of(policy, new TlsDecision.Host("", "", configured, false, null, null), insisting),
                    () -> tls, insisting);
        }

        TlsPolicy policy() {
            return decision.policy();
        }
    }

    /** Watches a session's deadlines, and calls {@code breakOff} when one is past. */
    @FunctionalInterface
    interface Watcher {
        DeadlineGuard.Watch watch(Runnable breakOff);
    }

    private SmtpClientSession(HostConnection connection, boolean lmtp, TlsDecision decision, SessionRules rules,
            DeliveryMemory.Share memory, Dialogue dialogue) throws IOException {
        this.dialogue = dialogue;
        this.host = connection.host();
        this.lmtp = lmtp;
        this.decision = decision;
        this.rules = rules;
        this.times = rules.times();
        this.connection = connection;
        this.watch = connection.watch();
        this.input = connection.socket().getInputStream();
        this.wire = connection.wire().equals(connection.socket()) ? input : connection.wire().getInputStream();
        this.output = connection.socket().getOutputStream();
        this.memory = memory;
    }

    /**
     * Awaits the greeting, says hello, and once more under TLS when the policy has it so. The session counts as
     * established when it has answered for a first envelope: from then on losing patience could double a message.
     *
     * @param connection closed with the session, and when this throws
     * @param login      null for none
     * @param memory     closed with the session
     */
    static SmtpClientSession open(HostConnection connection, boolean lmtp, Security security,
            @Nullable RouteLogin login, String hostname, SessionRules rules, DeliveryMemory.Share memory)
            throws SessionException {
        return open(connection, lmtp, security, login, hostname, rules, memory, Dialogue.unseen());
    }

    /**
     * Likewise.
     *
     * @param dialogue told where the session is, and what is said in it
     */
    static SmtpClientSession open(HostConnection connection, boolean lmtp, Security security,
            @Nullable RouteLogin login, String hostname, SessionRules rules, DeliveryMemory.Share memory,
            Dialogue dialogue) throws SessionException {
        SmtpClientSession session = over(connection, lmtp, security.decision, rules, memory, dialogue);
        if (login != null) {
            dialogue.trace().login(login.user(), login.password());
        }
        try {
            session.greet(hostname);
            session.secure(security, hostname);
            if (login != null) {
                new HostLogin(session, login, session.times.auth()).run(session.capabilities);
            }
            session.mustBeInStep(session.helloPhase());
            return session;
        } catch (SessionException e) {
            session.end(e);
            throw e;
        }
    }

    private static SmtpClientSession over(HostConnection connection, boolean lmtp, TlsDecision decision,
            SessionRules rules, DeliveryMemory.Share memory, Dialogue dialogue) throws SessionException {
        try {
            return new SmtpClientSession(connection, lmtp, decision, rules, memory, dialogue);
        } catch (IOException e) {
            connection.close();
            throw new SessionException(Phase.CONNECT, new Failure(Failure.Kind.CONNECTION_LOST,
                    "lost connection with " + describe(connection.host()) + ": " + e.getMessage()));
        }
    }

    private void greet(String hostname) throws SessionException {
        Reply greeting = read(Phase.GREETING, times.greeting());
        if (greeting.code() >= 300) {
            throw new SessionException(Phase.GREETING, new Cause.Replied(greeting));
        }
        sayHello(hostname);
    }

    private void sayHello(String hostname) throws SessionException {
        Phase phase = helloPhase();
        Reply hello = kept(hello(phase, hostname), memory);
        esmtp = hello.code() < 300;
        if (hello.isPermanent() && !lmtp) { // RFC 5321 3.2: an old server gets HELO
            phase = Phase.HELO;
            hello = hello(phase, hostname);
        }
        if (hello.code() >= 300) {
            throw new SessionException(phase, new Cause.Replied(hello));
        }
        if (esmtp) {
            capabilities = Capabilities.parse(hello);
            pipelining = rules.pipelining() && capabilities.has(Capabilities.PIPELINING);
        }
    }

    private Phase helloPhase() {
        return lmtp ? Phase.LHLO : Phase.HELLO;
    }

    private Reply hello(Phase phase, String hostname) throws SessionException {
        append(phase.command());
        append(" ");
        append(hostname);
        append(CRLF);
        return ask(phase, times.hello());
    }

    private static String wish(TlsDecision decision) {
        return decision.by() == TlsDecision.Basis.CONFIGURED
                ? decision.policy().toString()
                : "required by " + (decision.by() == TlsDecision.Basis.DANE ? "DANE" : "its domain's MTA-STS policy");
    }

    /** RFC 7672 8.1: the name that the TLSA records are of. */
    private String sni(TlsDecision decision) {
        return decision.demand() instanceof CertificateDemand.Dane dane ? dane.base() : host.name();
    }

    /** RFC 3207 4; what the host offered in clear is forgotten (4.2). */
    private void secure(Security security, String hostname) throws SessionException {
        if (security.policy() == TlsPolicy.NONE
                || security.policy().isOptional() && !capabilities.has(Capabilities.STARTTLS)) {
            return;
        }
        if (!capabilities.has(Capabilities.STARTTLS)) {
            throw new SessionException(Phase.STARTTLS, new Failure(Failure.Kind.TLS_NOT_OFFERED,
                    describe(host) + " offers no TLS, which is " + wish(security.decision)));
        }
        mustBeInStep(helloPhase());
        ClientTls client = client(security);
        append(STARTTLS);
        flush(Phase.STARTTLS, times.startTls());
        Reply ready = read(Phase.STARTTLS, times.startTls());
        if (ready.code() != READY_FOR_TLS) {
            if (security.policy() == TlsPolicy.OPPORTUNISTIC && !(security.insisting && ready.isTransient())) {
                return;
            }
            throw new SessionException(Phase.STARTTLS, new Cause.Replied(ready));
        }
        handshake(client, security.decision);
        capabilities = Capabilities.NONE;
        pipelining = false;
        sayHello(hostname);
    }

    /** Before the host is asked for TLS: nothing is wrong with it. */
    private static ClientTls client(Security security) throws SessionException {
        try {
            return security.identity.get();
        } catch (CertificateFileException e) {
            throw new SessionException(Phase.STARTTLS, new Failure(Failure.Kind.OWN_CERTIFICATE,
                    "the certificate for hosts can't be used: " + e.getMessage()));
        }
    }

    private void handshake(ClientTls client, TlsDecision wanted) throws SessionException {
        try {
            // a server has nothing to say before the client's first message: whoever did wasn't under TLS
            if (received.hasRemaining() || input.available() > 0) {
                throw new SessionException(Phase.STARTTLS, new Failure(Failure.Kind.PLAINTEXT_AFTER_STARTTLS,
                        describe(host) + " sent something in clear after its answer to STARTTLS"));
            }
            dialogue.at(Phase.STARTTLS, watch.within(times.handshake().toNanos()));
            ClientTls.Connection secured = client.handshake(connection.socket(), sni(wanted), host.port(),
                    wanted.demand());
            if (!memory.take((long) secured.certificates() * DeliveryMemory.CERTIFICATE)) {
                throw noMemory();
            }
            input = secured.input();
            output = secured.socket().getOutputStream();
            tls = secured;
            if (dialogue.trace().tells()) {
                dialogue.trace().note("TLS " + secured.protocol() + " " + secured.cipher()
                        + (secured.verified() ? ", verified" : ", unverified: " + secured.problem()));
            }
        } catch (IOException e) {
            Failure broken = broken(Phase.STARTTLS, e.getMessage());
            throw new SessionException(Phase.STARTTLS, broken.isOurs()
                    ? broken
                    : new Failure(Failure.Kind.TLS_FAILED, "TLS handshake with " + describe(host) + " failed: "
                            + (watch.expired() ? "timed out" : e.getMessage())));
        }
    }

    private SessionException noMemory() {
        return new SessionException(Phase.STARTTLS, new Failure(Failure.Kind.NO_MEMORY,
                "no memory for TLS with " + describe(host)));
    }

    MailHost host() {
        return host;
    }

    /** What is wrong with the certificate; empty when nothing is, or in clear. */
    String certificateProblem() {
        ClientTls.Connection secured = tls;
        return secured == null ? "" : secured.problem();
    }

    boolean isResumed() {
        return tls != null && tls.resumed();
    }

    boolean isEncrypted() {
        return tls != null;
    }

    /** Whether what is said leaves this machine: not to Unix sockets and the loopback. */
    boolean isOnThisMachine() {
        return HostLogin.isOnThisMachine(host, connection);
    }

    /** What it is secured with, null in clear. */
    MessageEvent.@Nullable Tls security() {
        ClientTls.Connection secured = tls;
        return secured == null
                ? null
                : new MessageEvent.Tls(secured.protocol(), secured.cipher(), decision.toString(),
                        secured.verified() ? "verified" : "unverified", secured.resumed());
    }

    String protocol() {
        String plain = lmtp ? "LMTP" : esmtp ? "ESMTP" : "SMTP";
        return tls == null || !esmtp ? plain : plain + "S"; // RFC 3848
    }

    String sourceAddress() {
        return connection.from();
    }

    /** Whether the next envelope may go behind the content of this transaction, whose answers are in. */
    boolean mayRide(Transaction t) {
        if (t.chunked) {
            return false;
        }
        // with LMTP, the answer to that envelope would pass for one that is missing
        return pipelining && (!lmtp || t.accepted == 1);
    }

    /** Whether the host has answered for a transaction, so that losing it now may just be its way to end the session. */
    boolean reused() {
        return answered > 0;
    }

    /** Why the host can't take this at all, as it announced; null when it may be asked. */
    @Nullable
    Failure unfit(DeliveryAttempt work, long nowMillis) {
        if (mustConvert(work)) {
            Failure fixed = convert(work);
            if (fixed != null) {
                return fixed;
            }
        }
        Content content = content(work);
        long size = content.size();
        long limit = capabilities.size();
        if (limit > 0 && size > limit) { // RFC 1870 6.1
            return new Failure(Failure.Kind.TOO_LARGE,
                    "message of " + size + " octets, " + describe(host) + " takes " + limit);
        }
        if (work.needsSmtpUtf8(content) && !capabilities.has(Capabilities.SMTPUTF8)) { // RFC 6531 3.5
            return new Failure(Failure.Kind.NEEDS_SMTPUTF8,
                    describe(host) + " takes no addresses and header fields beyond ASCII");
        }
        Options options = work.envelope.options();
        if (options.requireTls() && !lmtp) { // RFC 8689 4.2.1; the store isn't another relay
            Failure insecure = insecure();
            if (insecure != null) {
                return insecure;
            }
        }
        if (options.deliverByMode() == DeliverBy.Mode.RETURN && !lmtp
                && !takesDeliverBy(options, work.secondsLeft(nowMillis))) { // RFC 2852 4.1.4.2
            return new Failure(Failure.Kind.NEEDS_DELIVERBY,
                    describe(host) + " doesn't promise to return what it can't deliver in time");
        }
        return null;
    }

    private boolean mustConvert(DeliveryAttempt work) {
        return work.content.hasEightBit() && !capabilities.has(Capabilities.EIGHT_BIT_MIME);
    }

    /** RFC 6152 3. @return why it can't be, null when it has been */
    private @Nullable Failure convert(DeliveryAttempt work) {
        String lacking = describe(host) + " takes no 8-bit content";
        if (!rules.convertEightBit()) {
            return new Failure(Failure.Kind.NEEDS_8BITMIME, lacking);
        }
        try {
            return switch (work.conversion()) {
                case Conversion.Converted _ -> null;
                case Conversion.Impossible(String why) -> new Failure(Failure.Kind.NEEDS_8BITMIME,
                        lacking + ", and " + why);
            };
        } catch (IOException e) {
            return unreadableContent(e);
        }
    }

    /** What this host gets of it, when it isn't {@link #unfit}. */
    Content content(DeliveryAttempt work) {
        try {
            return mustConvert(work) && work.conversion() instanceof Conversion.Converted(Content converted)
                    ? converted
                    : work.content;
        } catch (IOException e) { // it was read before, when it was found to be fit
            throw new UncheckedIOException(e);
        }
    }

    private @Nullable Failure insecure() {
        return RequireTls.refusal(new RequireTls.Session(describe(host), decision.authentic(), tls != null,
                tls == null ? "" : tls.problem(), capabilities.has(Capabilities.REQUIRETLS)));
    }

    /** Whether the host offers DELIVERBY and takes so short a time, which matters for mode R alone (RFC 2852 2, 4.1.1). */
    private boolean takesDeliverBy(Options options, long seconds) {
        return capabilities.has(Capabilities.DELIVERBY) && (options.deliverByMode() == DeliverBy.Mode.NOTIFY
                || seconds >= Math.max(1, capabilities.minimumDeliverBy()));
    }

    /** Recipients the host takes in one transaction as it announced (RFC 9422 4.2), {@code max} at most. */
    int maxRecipients(int max) {
        return Math.min(max, capabilities.limit("RCPTMAX"));
    }

    /**
     * Whether the host takes no more than these transactions over one session (RFC 9422 4.1), or the next would need an
     * RSET before it that isn't to be said.
     */
    boolean isUsedUp(int further) {
        return answered + further >= capabilities.limit("MAILMAX") || needsReset && !rules.reset();
    }

    /** Keywords of the host's answer to EHLO. */
    Set<String> offers() {
        return capabilities.keywords().keySet();
    }

    /**
     * Content may go by BDAT where the host takes it.
     *
     * @param mostAloft messages whose answers may be awaited at one time, 0 for DATA alone
     */
    void mayChunk(PeerKnowledge peers, int mostAloft) {
        if (mostAloft > 0 && pipelining && !lmtp && capabilities.has(Capabilities.CHUNKING)) {
            chunking = new Chunking(this, peers, rules.reset() ? mostAloft : 1); // RSET goes between those aloft
        }
    }

    /**
     * How that message may be sent at once, envelope and content, before or behind others whose answers aren't in.
     *
     * @return null when it goes {@link #begin} and so on
     */
    @Nullable
    Chunking launcher(int recipients, long octets) {
        Chunking how = chunking;
        return how != null && !(paused && reused()) && how.mayLaunch(recipients, octets) ? how : null;
    }

    /** Sends the envelope when it can go in one piece. */
    void begin(Transaction t) throws SessionException {
        mustBeInStep(Phase.MAIL);
        t.resetFirst = needsReset;
        t.afterPause = paused && reused();
        needsReset = false;
        paused = false;
        appended = Phase.MAIL;
        t.chunked = chunking != null && chunking.takes(t);
        if (pipelining) {
            appendEnvelope(t);
            flush(Phase.MAIL, times.mail());
        }
    }

    void appendEnvelope(Transaction t) throws SessionException {
        if (t.resetFirst) {
            append(RSET);
        }
        appendMail(t);
        for (int i = 0; i < t.recipients.size(); i++) {
            appendRcpt(t, t.recipients.get(i));
        }
        if (!t.chunked) {
            append(DATA);
        }
    }

    private void appendMail(Transaction t) throws SessionException {
        Options options = t.envelope.options();
        boolean smtpUtf8 = t.envelope.smtpUtf8() && capabilities.has(Capabilities.SMTPUTF8);
        String sender = t.envelope.sender();
        append(MAIL);
        append(t.envelope.smtpUtf8() && !smtpUtf8 ? withALabels(sender) : sender);
        if (capabilities.has(Capabilities.SIZE)) {
            append(SIZE);
            append(t.content.size());
        } else {
            append(CLOSE);
        }
        if (t.content.hasEightBit()) {
            append(BODY_8BITMIME);
        }
        if (smtpUtf8) {
            append(SMTPUTF8);
        }
        if (options.requireTls() && capabilities.has(Capabilities.REQUIRETLS)) {
            append(REQUIRETLS);
        }
        if (capabilities.has(Capabilities.DSN)) {
            if (options.ret() != null) {
                append(options.ret() == Ret.FULL ? RET_FULL : RET_HDRS);
            }
            if (options.envid() != null) {
                append(ENVID);
                append(XText.encode(options.envid()));
            }
        }
        if (options.deliverByMode() != null && takesDeliverBy(options, t.secondsLeft)) {
            append(BY);
            append(Math.clamp(t.secondsLeft, -MAX_BY, MAX_BY));
            append(options.deliverByMode() == DeliverBy.Mode.RETURN ? ";R" : ";N");
            if (options.deliverByTrace()) {
                append("T");
            }
        }
        append(CRLF);
    }

    private void appendRcpt(Transaction t, Recipient recipient) throws SessionException {
        append(RCPT);
        append(t.envelope.smtpUtf8() && !capabilities.has(Capabilities.SMTPUTF8)
                ? withALabels(recipient.address())
                : recipient.address());
        if (!capabilities.has(Capabilities.DSN)) {
            append(CLOSE_CRLF);
            return;
        }
        append(CLOSE);
        Notify notify = recipient.notifyOn();
        if (notify != null) {
            append(NOTIFY);
            append(notify.keywords());
        }
        OriginalRecipient original = recipient.orcpt() == null
                ? OriginalRecipient.of(recipient.address()) // RFC 3461 5.2.1
                : recipient.orcpt();
        String orcpt = original.encoded();
        if (orcpt.length() <= MAX_ORCPT) {
            append(ORCPT);
            append(orcpt);
        }
        append(CRLF);
    }

    /** The address with its domain in ASCII; as it is when the domain can't be. */
    private static String withALabels(String address) {
        int at = address.lastIndexOf('@') + 1;
        try {
            return address.substring(0, at) + Idna.toAscii(address.substring(at));
        } catch (IllegalArgumentException e) {
            return address;
        }
    }

    /**
     * Awaits the answers to the envelope, having sent it command by command when the host knows no PIPELINING.
     *
     * @return whether {@link #send} must follow
     */
    boolean awaitGo(Transaction t) throws SessionException {
        if (t.resetFirst) {
            Reply reset = command(Phase.RSET, RSET);
            if (reset.code() >= 300) {
                throw new SessionException(Phase.RSET, new Cause.Replied(reset));
            }
        }
        if (!pipelining) {
            appendMail(t);
        }
        Reply mail = kept(command(Phase.MAIL, null), t.memory);
        t.mail = mail;
        boolean opened = mail.code() < 300;
        if (mail.isIntermediate() || !reused() && isOfHello(mail)) {
            throw outOfStep(Phase.MAIL, "said " + brief(mail) + " to MAIL");
        }
        if (!opened && !pipelining) {
            if (t.isDoubtful()) {
                throw outOfStep(Phase.MAIL, "said " + brief(mail) + " after a pause");
            }
            return refused(Phase.MAIL);
        }
        for (int i = 0; i < t.rcpt.length; i++) {
            if (!pipelining) {
                appendRcpt(t, t.recipients.get(i));
            }
            Reply rcpt = kept(command(Phase.RCPT, null), t.memory);
            t.rcpt[i] = rcpt;
            if (rcpt.isPositive() && (!opened || rcpt.isIntermediate())) {
                throw outOfStep(Phase.RCPT,
                        "said " + brief(mail) + " to MAIL and " + brief(rcpt) + " to RCPT");
            }
            if (rcpt.code() < 300) {
                t.accepted++;
            }
        }
        if (t.accepted == 0 && !pipelining) {
            needsReset = true;
            return refused(Phase.RCPT);
        }
        if (t.chunked) {
            if (t.accepted == 0) {
                needsReset = opened;
                return refused(Phase.RCPT);
            }
            watch.established();
            return true;
        }
        Reply data = kept(pipelining ? read(Phase.DATA, times.dataInit()) : command(Phase.DATA, DATA),
                t.memory);
        t.data = data;
        if (data.isIntermediate()) { // RFC 5321 4.2.1: the first digit decides
            inContent = true;
            if (t.accepted == 0 && (!opened || lmtp)) { // RFC 2033 4.2
                throw outOfStep(Phase.DATA, "wants content for nobody");
            }
            watch.established();
            return true;
        }
        if (data.isPositive()) {
            throw outOfStep(Phase.DATA, "said " + brief(data) + " to DATA");
        }
        needsReset = opened;
        return refused(Phase.DATA);
    }

    /** As it may be kept while the transaction lasts: a long text counts, and is cut where it can't. */
    private static Reply kept(Reply reply, DeliveryMemory.Share memory) {
        int length = reply.textLength();
        return length <= USUAL_REPLY || memory.take(2L * Character.BYTES * length) ? reply : reply.cutTo(USUAL_REPLY);
    }

    private boolean refused(Phase phase) throws SessionException {
        mustBeAll(phase);
        answered++;
        watch.established();
        return false;
    }

    private static boolean isOfHello(Reply reply) {
        return reply.isPositive() && reply.lines().size() > 1
                && Capabilities.parse(reply).keywords().keySet().stream().anyMatch(ONLY_TO_EHLO::contains);
    }

    /** Sends {@code line}, or what is appended, unless it went with the envelope; then reads its answer. */
    private Reply command(Phase phase, byte @Nullable [] line) throws SessionException {
        if (!pipelining) {
            if (line != null) {
                append(line);
            }
            mustBeInStep(phase);
            flush(phase, times.of(phase));
        }
        return read(phase, times.of(phase));
    }

    /**
     * Sends the content and the end of data, and behind it the envelope of {@code next}, which {@link #awaitGo} is to be
     * called for without {@link #begin}. When no recipient was accepted, the host that wants content all the same gets
     * none (RFC 2920 3.1).
     *
     * @param next only when it {@link #mayRide}
     */
    void send(Transaction t, @Nullable Transaction next) throws SessionException {
        if (t.chunked) {
            requireNonNull(chunking).send(t);
            return;
        }
        writeFailure = null;
        appended = Phase.CONTENT;
        contentSent = false;
        if (t.accepted > 0) {
            try {
                dialogue.sent().contentBegins(count);
                appendContent(t.content);
                dialogue.sent().contentEnds(count, true);
            } catch (IOException e) {
                throw writeFailure != null ? writeFailure : unreadable(e);
            }
        } else {
            append(END_OF_DATA);
        }
        if (contentSent) {
            mustBeHeard();
        } else { // as late as can be: what comes from now on passes for the answer to the end of data
            mustBeInStep(Phase.DATA);
        }
        if (next != null) {
            appendEnvelope(next);
        }
        flush(Phase.CONTENT, times.dataBlock());
        inContent = false;
    }

    static SessionException unreadable(IOException e) {
        return new SessionException(Phase.CONTENT, unreadableContent(e));
    }

    private static Failure unreadableContent(IOException e) {
        return new Failure(e instanceof UnreadableMessageException
                ? Failure.Kind.CONTENT_LOST
                : Failure.Kind.CONTENT_UNREADABLE, "content can't be read: " + e.getMessage());
    }

    /** What a host says before the end of data is no answer to it; not sent, that can't be taken for one either. */
    private void mustBeHeard() throws SessionException {
        if (hasUnread()) {
            Reply early = read(Phase.CONTENT, LAST_WORDS);
            throw early.isPositive()
                    ? outOfStep(Phase.CONTENT, "said " + brief(early) + " before the end of data")
                    : new SessionException(Phase.CONTENT, new Cause.Replied(early));
        }
    }

    private void appendContent(Content content) throws IOException, SessionException {
        stuffing.reset();
        content.forEachChunk(stuffedSink);
        stuffing.end(appendSink);
    }

    private void appendContent(byte[] bytes, int offset, int length) throws IOException {
        try {
            if (length <= out.length - count || count + length <= BLOCK && grow(count + length)) {
                append(bytes, offset, length);
                return;
            }
            if (!contentSent) {
                mustBeInStep(Phase.DATA);
                contentSent = true;
            }
            flush(Phase.CONTENT, times.dataBlock());
            int from = offset;
            int end = offset + length;
            for (; end - from > BLOCK; from += BLOCK) {
                write(bytes, from, BLOCK, Phase.CONTENT, times.dataBlock());
            }
            if (end - from <= out.length || grow(end - from)) {
                append(bytes, from, end - from);
            } else {
                write(bytes, from, end - from, Phase.CONTENT, times.dataBlock());
            }
        } catch (SessionException e) {
            writeFailure = e;
            throw new IOException(e);
        }
    }

    /** Awaits what the host says to the end of data. */
    void awaitEnd(Transaction t) throws SessionException {
        if (t.chunked) {
            requireNonNull(chunking).awaitEnd(t);
            return;
        }
        if (t.accepted == 0) {
            Reply nothing = read(Phase.END_OF_DATA, times.dataDone());
            if (nothing.isPositive()) {
                throw outOfStep(Phase.DATA, "said " + brief(nothing) + " to content for nobody");
            }
        } else if (lmtp) {
            for (int i = 0; i < t.end.length; i++) {
                if (t.isAccepted(i)) {
                    t.end[i] = kept(read(Phase.END_OF_DATA, times.dataDone()), t.memory);
                }
            }
        } else {
            Reply end = kept(read(Phase.END_OF_DATA, times.dataDone()), t.memory);
            for (int i = 0; i < t.end.length; i++) {
                if (t.isAccepted(i)) {
                    t.end[i] = end;
                }
            }
        }
        answered++;
    }

    /**
     * Asks whether the host would take mail for {@code mailbox}, and sends none. The null reverse path is what no host may
     * refuse by policy, and asks for no question back (RFC 5321 6.1).
     *
     * @return the answer to MAIL if that was refused, else to RCPT
     */
    Probed probe(String mailbox, boolean smtpUtf8) throws SessionException {
        append(MAIL);
        append(CLOSE);
        if (smtpUtf8) {
            append(SMTPUTF8);
        }
        append(CRLF);
        Reply mail = ask(Phase.MAIL, times.mail());
        if (mail.code() >= 300 || isOfHello(mail)) {
            return new Probed(Phase.MAIL, mail);
        }
        needsReset = true;
        append(RCPT);
        append(mailbox);
        append(CLOSE_CRLF);
        Reply rcpt = ask(Phase.RCPT, times.rcpt());
        mustBeAll(Phase.RCPT);
        return new Probed(Phase.RCPT, rcpt);
    }

    // What Chunking is made of

    /** @param first whether nothing is awaited @return whether RSET goes first */
    boolean startEnvelope(boolean first) throws SessionException {
        if (first) {
            mustBeInStep(Phase.MAIL);
        } else {
            dialogue.trace().isOn();
        }
        boolean reset = needsReset || !first;
        needsReset = false;
        paused = false;
        appended = Phase.MAIL;
        return reset;
    }

    int count() {
        return count;
    }

    /** A buffer of that size, unless there is no room for it. */
    boolean makeRoom(int octets) {
        return octets <= out.length || octets <= BLOCK && grow(octets);
    }

    boolean fits(int octets) {
        return octets <= out.length - count;
    }

    void flushEnvelope() throws SessionException {
        flush(Phase.MAIL, times.mail());
    }

    /** The last so many octets of the buffer are a message's content. */
    void appendedContent(int octets) {
        dialogue.sent().contentBegins((long) count - octets);
        dialogue.sent().contentEnds(count, true);
    }

    void flushContent() throws SessionException {
        flush(Phase.CONTENT, times.dataBlock());
    }

    /** Into the buffer, however large it has to be. */
    void appendWhole(byte[] bytes, int offset, int length) {
        if (length > out.length - count) {
            resize(count + length);
        }
        System.arraycopy(bytes, offset, out, count, length);
        count += length;
    }

    /** Puts {@code bytes} in the place of what the buffer holds from {@code from} to {@code to}. */
    void replace(int from, int to, byte[] bytes) {
        byte[] rest = Arrays.copyOfRange(out, to, count);
        count = from;
        appendWhole(bytes, 0, bytes.length);
        appendWhole(rest, 0, rest.length);
    }

    /** @param head octets that are left free for it */
    void startChunk(int head) {
        count = head;
    }

    /** Octets that the chunk takes yet, more than none. */
    int roomInChunk(int wanted) {
        if (wanted > out.length - count && out.length < BLOCK) {
            grow(Math.min(BLOCK, count + wanted));
        }
        return out.length - count;
    }

    /**
     * Sends the chunk, and begins another.
     *
     * @param last whether the message ends with it
     */
    void writeChunk(byte[] head, int space, boolean last) throws SessionException {
        int from = space - head.length;
        System.arraycopy(head, 0, out, from, head.length);
        int end = count;
        count = space;
        dialogue.sent().contentBegins(head.length);
        dialogue.sent().contentEnds((long) end - from, last);
        write(out, from, end - from, Phase.CONTENT, times.dataBlock());
    }

    void endChunks() {
        count = 0;
    }

    Reply readChunkAnswer() throws SessionException {
        return read(Phase.CONTENT, times.dataDone());
    }

    /** The next answer, kept for the transaction. */
    Reply readFor(Phase phase, Transaction t) throws SessionException {
        Reply reply = kept(read(phase, times.of(phase)), t.memory);
        if (phase == Phase.MAIL && !reused() && isOfHello(reply)) {
            throw outOfStep(phase, "said " + brief(reply) + " to MAIL");
        }
        return reply;
    }

    /** Whether something waits to be read that isn't the end of the session. */
    boolean hasMore() {
        return !parser.isEndless() && hasUnread() && !isClosing();
    }

    /**
     * The host has answered for a message.
     *
     * @param reset whether its transaction may be open there
     */
    void landed(boolean reset) {
        needsReset = reset;
        answered++;
        watch.established();
    }

    /** The answer to a question. */
    record Probed(Phase phase, Reply reply) {}

    /** Nothing is to be sent for now: holds no deadline and little memory. */
    void idle() {
        paused = true;
        watch.clear();
        if (out.length > FIRST_BUFFER) {
            memory.give(out.length - FIRST_BUFFER);
            out = new byte[FIRST_BUFFER];
        }
    }

    /** Says goodbye, waits a moment for the answer and closes. */
    void quit() {
        quit(times.quit());
    }

    /** As {@link #quit}, from a host that has shown to be of no use: waits a second at most. */
    void part() {
        Duration time = times.quit();
        quit(time.compareTo(LAST_WORDS) < 0 ? time : LAST_WORDS);
    }

    /** Closes after a failure, with a goodbye when the host still listens for one (RFC 5321 4.1.1.10). */
    void end(SessionException why) {
        boolean listening = switch (why.reason()) {
            case Cause.Replied _ -> why.phase() != Phase.CONTENT;
            case Failure failure -> failure.kind() == Failure.Kind.OUT_OF_STEP
                    || failure.kind() == Failure.Kind.ROUTE_LOGIN
                    || failure.kind() == Failure.Kind.OWN_CERTIFICATE
                    || failure.kind() == Failure.Kind.TLS_NOT_OFFERED;
            case Cause.Unroutable _ -> false;
        };
        if (listening) {
            part();
        } else {
            close();
        }
    }

    private void quit(Duration time) {
        try {
            if (inContent) {
                return;
            }
            count = 0; // what was to be sent no more is
            append(QUIT);
            flush(Phase.QUIT, time);
            read(Phase.QUIT, time);
            if (tls != null) {
                tls.socket().close(); // says so under TLS
            }
        } catch (SessionException | IOException _) {
            // the session is over either way
        } finally {
            close();
        }
    }

    /** As {@link #breakOff}, since an operator wants it so. For other threads. */
    void abort(String why) {
        aborted = why;
        closeQuietly(connection.wire());
    }

    /** Ends whatever the session is doing. For other threads. */
    void breakOff() {
        stopped = true;
        closeQuietly(connection.wire());
    }

    @Override
    public void close() {
        memory.close();
        watch.end();
        closeQuietly(connection.wire());
    }

    /** Sends what is appended, and awaits its answer. */
    Reply ask(Phase phase, Duration time) throws SessionException {
        mustBeInStep(phase);
        flush(phase, time);
        return read(phase, time);
    }

    /** What is read next must be the answer to what is sent next: nothing may be waiting, unless it ends the session. */
    void mustBeInStep(Phase phase) throws SessionException {
        if (phase != Phase.CONTENT) { // of which nobody who watches from now on would know how much there was
            dialogue.trace().isOn();
        }
        if (hasUnread()) {
            if (isClosing()) {
                read(phase, times.of(phase));
            }
            throw unasked(phase);
        }
    }

    /** All answers are in: one that is waiting, if not the end of the session, says that they were others'. */
    private void mustBeAll(Phase phase) throws SessionException {
        if (!parser.isEndless() && hasUnread() && !isClosing()) {
            throw unasked(phase);
        }
    }

    /** Whether the host has said something that wasn't read. Doesn't wait. */
    private boolean hasUnread() {
        if (received.hasRemaining() || parser.inReply()) {
            return true;
        }
        SSLSocket secured = tls != null
                ? tls.socket()
                : connection.socket() instanceof SSLSocket toProxy ? toProxy : null;
        try {
            if (wire.available() == 0 && (secured == null || input.available() == 0)) {
                return false;
            }
            int n;
            if (secured == null || input.available() > 0) {
                n = input.read(received.array());
            } else if (host.address() instanceof UnixDomainSocketAddress) {
                n = 0; // tickets, or what a channel without a time-out can't be asked for
            } else {
                n = readAtOnce(secured);
            }
            received.position(0).limit(Math.max(n, 0));
            return n > 0;
        } catch (IOException _) { // what is sent next will tell
            return false;
        }
    }

    /** Under TLS not all that comes is to be read: tickets and updates of keys bring nothing. @return 0 for nothing */
    private int readAtOnce(SSLSocket secured) throws IOException {
        watch.within(times.mail().toNanos());
        secured.setSoTimeout(AT_ONCE);
        try {
            return input.read(received.array());
        } catch (SocketTimeoutException _) {
            return 0;
        } finally {
            secured.setSoTimeout(0);
        }
    }

    /** Whether what is unread begins with 421, which a host may say at any time (RFC 5321 3.8). */
    private boolean isClosing() {
        int at = received.position();
        return !parser.inReply() && received.remaining() > 2 && received.get(at) == '4' && received.get(at + 1) == '2'
                && received.get(at + 2) == '1';
    }

    private SessionException unasked(Phase phase) {
        String text = new String(received.array(), received.position(),
                Math.min(received.remaining(), MAX_EXCERPT), StandardCharsets.ISO_8859_1);
        return outOfStep(phase, "said without being asked: " + text.strip().replaceAll("[^ -~]", "?"));
    }

    static String brief(Reply reply) {
        String line = reply.oneLine();
        return line.length() > MAX_EXCERPT ? line.substring(0, MAX_EXCERPT) : line;
    }

    SessionException outOfStep(Phase phase, String what) {
        return new SessionException(phase, new Failure(Failure.Kind.OUT_OF_STEP,
                describe(host) + " is out of step: " + what));
    }

    private Reply read(Phase phase, Duration time) throws SessionException {
        boolean waiting = false;
        try {
            while (true) {
                Reply reply = parser.parse(received);
                if (reply == null) {
                    if (!waiting) {
                        dialogue.at(phase, watch.within(time.toNanos()));
                        waiting = true;
                    }
                    fill(phase);
                    continue;
                }
                dialogue.trace().reply(reply);
                if (reply.code() == FailurePolicy.SERVICE_CLOSING) { // RFC 5321 3.8
                    throw new SessionException(phase, new Cause.Replied(reply));
                }
                return reply;
            }
        } catch (ReplySyntaxException e) {
            throw new SessionException(phase, new Failure(Failure.Kind.MALFORMED_REPLY,
                    "malformed reply from " + describe(host) + ": " + e.getMessage()));
        }
    }

    private void fill(Phase phase) throws SessionException {
        int n;
        try {
            n = input.read(received.array());
        } catch (IOException e) {
            throw new SessionException(phase, broken(phase, e.getMessage()));
        }
        if (n < 0) {
            throw new SessionException(phase, broken(phase, "closed by the host"));
        }
        received.position(0).limit(n);
    }

    private Failure broken(Phase phase, @Nullable String detail) {
        String where = " with " + describe(host) + (phase.command().isEmpty()
                ? " before its greeting"
                : phase == Phase.CONTENT
                        ? " during content"
                        : phase == Phase.END_OF_DATA ? " after the end of data" : " at " + phase.command());
        String why = aborted;
        if (why != null) {
            return new Failure(Failure.Kind.ABORTED, "session" + where + " aborted by an operator: " + why);
        }
        if (stopped) {
            return new Failure(Failure.Kind.STOPPED, "session" + where + " ended by a stop");
        }
        return watch.expired()
                ? new Failure(Failure.Kind.TIMEOUT, "timed out" + where)
                : new Failure(Failure.Kind.CONNECTION_LOST, "lost connection" + where + ": " + detail);
    }

    private void flush(Phase phase, Duration time) throws SessionException {
        int length = count;
        count = 0;
        if (length > 0) {
            write(out, 0, length, phase, time);
        }
    }

    private void write(byte[] bytes, int offset, int length, Phase phase, Duration time) throws SessionException {
        dialogue.at(phase, watch.within(time.toNanos()));
        dialogue.sent().written(bytes, offset, length);
        try {
            output.write(bytes, offset, length);
        } catch (IOException e) {
            Failure failure = broken(phase, e.getMessage());
            boolean othersAnswers = chunking != null && chunking.isAloft();
            throw new SessionException(phase, failure.kind() == Failure.Kind.CONNECTION_LOST && !othersAnswers
                    ? lastWords(phase, failure)
                    : failure);
        }
    }

    /**
     * A host that closes while we write may have said why. Of content it is an answer; what comes before an envelope is
     * there isn't about that, unless it is 421.
     */
    private Cause lastWords(Phase phase, Failure failure) {
        try {
            connection.socket().shutdownOutput();
        } catch (IOException _) {
            // then reading tells
        }
        try {
            Reply reply = read(phase, LAST_WORDS);
            return phase == Phase.CONTENT && !reply.isPositive() ? new Cause.Replied(reply) : failure;
        } catch (SessionException e) {
            return e.reason() instanceof Cause.Replied said ? said : failure;
        }
    }

    void append(byte[] bytes) throws SessionException {
        append(bytes, 0, bytes.length);
    }

    private void append(byte[] bytes, int offset, int length) throws SessionException {
        ensure(length);
        System.arraycopy(bytes, offset, out, count, length);
        count += length;
    }

    /** A text without line ends: what would be one, from whatever source, becomes a question mark. */
    private void append(String text) throws SessionException {
        ensure(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c > 127) {
                append(text.substring(i).replaceAll("\\p{Cntrl}", "?").getBytes(StandardCharsets.UTF_8));
                return;
            }
            out[count++] = (byte) (c < ' ' || c == 127 ? '?' : c);
        }
    }

    private void append(long number) throws SessionException {
        append(Long.toString(number));
    }

    /** Room for {@code length} more octets; what is there goes out when it would be too much. */
    private void ensure(int length) throws SessionException {
        if (length <= out.length - count) {
            return;
        }
        if (count + length > BLOCK || !grow(count + length)) {
            contentSent |= appended == Phase.CONTENT;
            flush(appended, times.dataBlock());
        }
        if (count + length > out.length) {
            resize(count + length); // one text longer than a buffer
        }
    }

    /** A larger buffer, where there is room for it. */
    private boolean grow(int octets) {
        int size = Math.max(octets, Math.min(BLOCK, out.length * 2));
        if (!memory.take(size - out.length)) {
            return false;
        }
        out = Arrays.copyOf(out, size);
        return true;
    }

    private void resize(int octets) {
        memory.hold(octets - out.length);
        out = Arrays.copyOf(out, octets);
    }

    private static String describe(MailHost host) {
        return host.text();
    }

    private static void closeQuietly(Socket socket) {
        try {
            socket.close();
        } catch (IOException _) {
            // nothing is left to be done with it
        }
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
