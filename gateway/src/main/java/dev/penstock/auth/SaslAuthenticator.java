package dev.penstock.auth;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.Exchange.Reason;
import dev.penstock.auth.Exchange.Step;
import dev.penstock.config.AuthConfig;
import dev.penstock.config.CalloutConfig;
import dev.penstock.config.ClientLimits;
import dev.penstock.config.PasswordHash;
import dev.penstock.config.SaslPrep;
import dev.penstock.config.ScramVerifier;
import dev.penstock.config.UserConfig;
import dev.penstock.tls.TlsSession;
import dev.penstock.units.ClientKey;

/**
 * Lets users of the credentials file log in, and those that a call-out vouches for. Thread-safe; calls never block, but
 * for {@link #open}, {@link #reconfigure} and {@link #look}.
 */
public final class SaslAuthenticator implements Authenticator, AutoCloseable {
    private static final String TLS_1_3 = "TLSv1.3";
    /** Longer than a password check may wait and then take. */
    static final Duration CHECK_DEADLINE = Duration.ofSeconds(10);

    private static final Logger log = LoggerFactory.getLogger(SaslAuthenticator.class);
    private static final String SCRAM_PLUS = "SCRAM-SHA-256-PLUS";
    private static final String SCRAM = "SCRAM-SHA-256";
    private static final int SHA_256_LENGTH = 32;
    private static final ClientKey UNKNOWN_CLIENT = new ClientKey(0, 0);

    /** What a configuration names. */
    private record Sources(AuthConfig config, @Nullable CredentialsFile file, @Nullable IdentityCallout callout,
            @Nullable IdentityCallout bearer) {
        Credentials users() {
            return file == null ? Credentials.NONE : file.current();
        }
    }

    private final ChannelBinding binding;
    private final PasswordChecker checker;
    private final LongAdder successes = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final LongAdder malformed = new LongAdder();
    private final LongAdder undecided = new LongAdder();
    private final LongAdder unanswered = new LongAdder();
    private final LongAdder reloads = new LongAdder();
    private final LongAdder reloadsRefused = new LongAdder();
    private final @Nullable Path directory;
    private @Nullable SaltKey keptSalts; // read when the first credentials file is
    private volatile SaltKey salts = SaltKey.passing();
    private volatile int ipv6Prefix;
    private volatile Sources sources;

    /**
     * Reads the credentials file and begins to watch it.
     *
     * @param clients   says how many bits of an IPv6 address are a client
     * @param directory where what must survive a restart is kept, the spool's
     * @throws IOException when the credentials file has an error
     */
    public static SaslAuthenticator open(AuthConfig config, ClientLimits clients, Path directory) throws IOException {
        return new SaslAuthenticator(config, clients, directory, ChannelBinding.OF_TLS, new PasswordChecker());
    }

    /** With nothing that survives a restart. */
    public static SaslAuthenticator open(AuthConfig config) throws IOException {
        return new SaslAuthenticator(config, ChannelBinding.OF_TLS, new PasswordChecker());
    }

    SaslAuthenticator(AuthConfig config, ChannelBinding binding, PasswordChecker checker) throws IOException {
        this(config, ClientLimits.DEFAULT, null, binding, checker);
    }

    private SaslAuthenticator(AuthConfig config, ClientLimits clients, @Nullable Path directory,
            ChannelBinding binding, PasswordChecker checker) throws IOException {
        this.directory = directory;
        this.binding = binding;
        this.checker = checker;
        this.ipv6Prefix = clients.ipv6Prefix();
        Optional<Path> users = config.users();
        CredentialsFile file = users.isPresent() ? opened(users.get()) : null;
        this.sources = new Sources(config, file, callout(config.callout(), "ok"),
                callout(config.bearer(), "active"));
    }

    private CredentialsFile opened(Path path) throws IOException {
        CredentialsFile file = new CredentialsFile(path, reloads, reloadsRefused, checker::forget);
        if (directory != null && keptSalts == null) {
            keptSalts = SaltKey.kept(directory);
            salts = keptSalts;
        }
        file.start();
        return file;
    }

    private @Nullable IdentityCallout callout(Optional<CalloutConfig> config, String decision) {
        return config.map(found -> new IdentityCallout(found, decision, unanswered)).orElse(null);
    }

    /**
     * Applies a changed configuration, to exchanges under way too; questions that were asked have their time to be
     * answered. The credentials file is read when it has changed and isn't being written.
     *
     * @throws IOException when the credentials file is another one and has an error; then nothing has changed
     */
    public synchronized void reconfigure(AuthConfig changed, ClientLimits clients) throws IOException {
        Sources old = sources;
        CredentialsFile file = old.file();
        if (!changed.users().equals(old.config().users())) {
            file = changed.users().isPresent() ? opened(changed.users().get()) : null;
        } else if (file != null) {
            file.lookNow();
        }
        IdentityCallout callout = changed.callout().equals(old.config().callout())
                ? old.callout()
                : callout(changed.callout(), "ok");
        IdentityCallout bearer = changed.bearer().equals(old.config().bearer())
                ? old.bearer()
                : callout(changed.bearer(), "active");
        sources = new Sources(changed, file, callout, bearer);
        ipv6Prefix = clients.ipv6Prefix();
        checker.forget();
        closeUnless(old.file() == file, old.file());
        retireUnless(old.callout() == callout, old.callout());
        retireUnless(old.bearer() == bearer, old.bearer());
    }

    /** As with the clients of the defaults. */
    public void reconfigure(AuthConfig changed) throws IOException {
        reconfigure(changed, ClientLimits.DEFAULT);
    }

    /** As the watch does each second. */
    void look() {
        CredentialsFile file = sources.file();
        if (file != null) {
            file.look();
        }
    }

    @Override
    public List<String> mechanisms(@Nullable TlsSession tls) {
        Sources now = sources;
        return now.config().mechanisms().stream().filter(name -> offered(now, name, tls)).toList();
    }

    private boolean offered(Sources now, String mechanism, @Nullable TlsSession tls) {
        return now.config().mechanisms().contains(mechanism) && switch (mechanism) {
            case SCRAM -> now.users().hasScram();
            // before TLS 1.3 clients bind by tls-unique (RFC 5802 6), which JSSE doesn't give
            case SCRAM_PLUS ->
                tls != null && tls.protocol().equals(TLS_1_3) && now.users().hasScram() && hasBinding(tls);
            case "PLAIN", "LOGIN" -> tls != null && (now.users().hasPasswords() || now.callout() != null);
            case "OAUTHBEARER", "XOAUTH2" -> tls != null && now.bearer() != null;
            default -> false;
        };
    }

    private boolean hasBinding(TlsSession tls) {
        return binding.data(ChannelBinding.EXPORTER, tls) != null
                || binding.data(ChannelBinding.SERVER_END_POINT, tls) != null;
    }

    @Override
    public @Nullable Exchange start(String mechanism, @Nullable TlsSession tls, String clientAddress) {
        Sources now = sources;
        String name = mechanism.toUpperCase(Locale.ROOT);
        if (!offered(now, name, tls)) {
            return null;
        }
        Exchange exchange = switch (name) {
            case SCRAM, SCRAM_PLUS -> new ScramExchange(name.equals(SCRAM_PLUS), offered(now, SCRAM_PLUS, tls),
                    type -> tls == null ? null : binding.data(type, tls), user -> account(sources, user));
            case "PLAIN" -> new PlainExchange(
                    (user, password) -> login(sources, name, user, password, clientAddress));
            case "LOGIN" -> new LoginExchange(
                    (user, password) -> login(sources, name, user, password, clientAddress));
            default ->
                new BearerExchange(BearerExchange.Form.valueOf(name), token -> judge(sources, token, clientAddress));
        };
        return response -> exchange.respond(response).thenApply(this::counted);
    }

    @Override
    public CompletableFuture<Step> password(String name, byte[] password, String clientAddress) {
        return login(sources, "BASIC", name, password.clone(), clientAddress).thenApply(this::counted);
    }

    private Step counted(Step step) {
        switch (step) {
            case Step.Success _ -> successes.increment();
            case Step.Failure(Reason reason, String _) -> (switch (reason) {
                case CREDENTIALS -> refused;
                case MALFORMED -> malformed;
                case TEMPORARY -> undecided;
            }).increment();
            case Step.Challenge _ -> {
            }
        }
        return step;
    }

    /** A name that isn't known takes as long as a password that is wrong. */
    private CompletableFuture<Step> login(Sources now, String mechanism, String writtenName, byte[] writtenPassword,
            String clientAddress) {
        String name = SaslPrep.query(writtenName);
        String text = Utf8.decode(writtenPassword);
        String password = text == null ? null : SaslPrep.query(text);
        if (name == null || text == null || password == null) {
            return Steps.refused("the name or the password has characters that are never allowed");
        }
        Credentials users = now.users();
        UserConfig user = users.byName(name);
        if (user == null && now.callout() != null) {
            Map<String, String> question = new LinkedHashMap<>();
            question.put("mechanism", mechanism);
            question.put("name", writtenName);
            question.put("password", text);
            question.put("client", clientAddress);
            return now.callout().ask(question, name).thenApply(step -> narrowed(users, step));
        }
        PasswordHash hash = user == null ? users.unmatched() : user.password().orElse(users.unmatched());
        boolean disabled = user != null && user.disabled();
        // a disabled user's password is never found to be right, so it isn't remembered, which would tell
        return checker.check(client(clientAddress), name, disabled ? hash.unmatched() : hash, Utf8.encode(password))
                .orTimeout(CHECK_DEADLINE.toNanos(), TimeUnit.NANOSECONDS)
                .handle((verdict, failure) -> {
                    if (failure != null) {
                        log.error("event=password-check-failed name={}", name, failure);
                        return new Step.Failure(Reason.TEMPORARY, "the check failed: " + failure);
                    }
                    return switch (verdict) {
                        case BUSY -> new Step.Failure(Reason.TEMPORARY, "too many passwords are being checked");
                        case WRONG -> new Step.Failure(Reason.CREDENTIALS,
                                disabled ? "the user is disabled" : "wrong name or password");
                        case RIGHT -> user == null || disabled
                                ? new Step.Failure(Reason.CREDENTIALS, "wrong name or password")
                                : new Step.Success(identity(user));
                    };
                });
    }

    /** As sessions are counted; those whose address isn't known are one. */
    private ClientKey client(String address) {
        try {
            return address.isEmpty()
                    ? UNKNOWN_CLIENT
                    : ClientKey.of(InetAddress.ofLiteral(address), Integer.SIZE, ipv6Prefix);
        } catch (IllegalArgumentException _) {
            return UNKNOWN_CLIENT;
        }
    }

    private static Identity identity(UserConfig user) {
        return new Identity(user.name(), user.tenant(), user.senderDomains());
    }

    private ScramExchange.Account account(Sources now, String name) {
        Credentials users = now.users();
        UserConfig user = users.byName(name);
        if (user == null || user.scramSha256().isEmpty()) {
            return new ScramExchange.Account(madeUp(name, users.scramIterations()), null);
        }
        return new ScramExchange.Account(user.scramSha256().get(), user.disabled() ? null : identity(user));
    }

    /** The same salt each time, so that asking twice doesn't tell that there is no such user. */
    private ScramVerifier madeUp(String name, int iterations) {
        byte[] salt = salts.salt(name, ScramVerifier.SALT_LENGTH);
        Base64.Encoder base64 = Base64.getEncoder();
        String noKey = base64.encodeToString(new byte[SHA_256_LENGTH]);
        return new ScramVerifier(iterations, base64.encodeToString(salt), noKey, noKey);
    }

    private CompletableFuture<Step> judge(Sources now, BearerExchange.Token token, String clientAddress) {
        if (now.bearer() == null) {
            return Steps.refused("there is nobody to ask about tokens");
        }
        Map<String, String> question = new LinkedHashMap<>();
        question.put("token", token.value());
        question.put("host", token.host());
        question.put("port", token.port());
        question.put("client", clientAddress);
        return now.bearer().ask(question, "").thenApply(step -> narrowed(now.users(), step));
    }

    /** A user of the credentials file stays one, whoever vouches for the name: disabled, or bound to sender domains. */
    private static Step narrowed(Credentials users, Step step) {
        if (!(step instanceof Step.Success(Identity identity))) {
            return step;
        }
        Identity narrowed = narrowed(users, identity);
        return narrowed == null
                ? new Step.Failure(Reason.CREDENTIALS, "the user is disabled")
                : new Step.Success(narrowed);
    }

    private static @Nullable Identity narrowed(Credentials users, Identity identity) {
        UserConfig user = users.byName(identity.name());
        if (user == null) {
            return identity;
        }
        return user.disabled()
                ? null
                : new Identity(user.name(), identity.tenant().isEmpty() ? user.tenant() : identity.tenant(),
                        identity.senderDomains().isEmpty() ? user.senderDomains() : identity.senderDomains());
    }

    @Override
    public @Nullable Identity vouched(String name) {
        String prepared = SaslPrep.query(name);
        return prepared == null || prepared.isEmpty()
                ? null
                : narrowed(sources.users(), new Identity(prepared, "", List.of()));
    }

    @Override
    public @Nullable Identity certificate(X509Certificate certificate) {
        Credentials users = sources.users();
        return CertificateNames.of(certificate).stream().map(users::byCertificateName)
                .filter(user -> user != null).findFirst()
                .filter(user -> !user.disabled()).map(SaslAuthenticator::identity).orElse(null);
    }

    public AuthStats stats() {
        return new AuthStats(successes.sum(), refused.sum(), malformed.sum(), undecided.sum(), checker.checks(),
                checker.recalled(), checker.busy(), unanswered.sum(), sources.users().size(),
                reloads.sum(), reloadsRefused.sum());
    }

    private static void retireUnless(boolean kept, @Nullable IdentityCallout callout) {
        if (!kept && callout != null) {
            callout.retire();
        }
    }

    private static void closeUnless(boolean kept, @Nullable AutoCloseable part) {
        if (kept || part == null) {
            return;
        }
        try {
            part.close();
        } catch (Exception e) {
            log.error("event=close-failed part={}", part.getClass().getSimpleName(), e);
        }
    }

    @Override
    public synchronized void close() {
        Sources last = sources;
        closeUnless(false, last.file());
        closeUnless(false, last.callout());
        closeUnless(false, last.bearer());
        checker.close();
    }
}
