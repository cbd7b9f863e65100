package dev.penstock.delivery;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.queue.QueueKey;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.StsPolicy;
import dev.penstock.tls.CertificateDemand;
import dev.penstock.tls.DaneAssociation;
import dev.penstock.tls.TlsResult;

/**
 * What the opening of one delivery session tells receivers who want to know (RFC 8460). Confined to the session's thread.
 *
 * <p>A session counts for the domain of the first mail that is taken for it, or charged with its failure: until then it
 * isn't known whose it is. One that no mail was taken for isn't told of.
 */
final class SessionTlsResults {
    /** Hosts tried in one session, at most (DeliverySession). */
    private static final int MAX_RESULTS = 10;

    private final TlsResult.Listener listener;
    private final QueueKey key;
    private final DeliveryStats stats;
    private final List<Result> waiting = new ArrayList<>(1);
    private @Nullable String domain;

    private record Result(TlsResult.Policy policy, TlsResult.@Nullable Failure failure) {}

    SessionTlsResults(TlsResult.Listener listener, QueueKey key, DeliveryStats stats) {
        this.listener = listener;
        this.key = key;
        this.stats = stats;
    }

    /** Mail for this domain has been taken. */
    void of(String mailDomain) {
        if (domain == null) {
            domain = mailDomain;
            waiting.forEach(this::tell);
            waiting.clear();
        }
    }

    /** A session is up. */
    void opened(MailHost host, TlsDecision decision, SmtpClientSession session) {
        if (session.isEncrypted()) {
            switch (decision.by()) {
                case MTA_STS -> stats.stsSessions.increment();
                case DANE -> stats.daneSessions.increment();
                case CONFIGURED -> {
                }
            }
            if (session.isResumed()) {
                stats.tlsResumed.increment();
            }
        }
        if (!concerns()) {
            return;
        }
        TlsResult.Policy policy = policy(decision);
        String problem = session.certificateProblem();
        if (!session.isEncrypted()) {
            add(policy, failure("starttls-not-supported", host, session.sourceAddress(), "no TLS"));
        } else if (policy.kind() != TlsResult.Kind.NO_POLICY_FOUND && !problem.isEmpty()) {
            add(policy, failure(certificateType(decision, problem), host, session.sourceAddress(), problem));
        } else {
            add(policy, null);
        }
    }

    /** None came up; only what is wrong with TLS is of interest. */
    void failed(MailHost host, TlsDecision decision, SessionException e) {
        if (!concerns() || e.phase() != Phase.STARTTLS
                || e.reason() instanceof Failure(Failure.Kind kind, _) && kind == Failure.Kind.OWN_CERTIFICATE) {
            return;
        }
        String why = e.getMessage() == null ? e.toString() : e.getMessage();
        add(policy(decision), failure(switch (e.reason()) {
            case Cause.Replied _,Cause.Unroutable _ -> "starttls-not-supported";
            case Failure failure -> switch (failure.kind()) {
                case TLS_NOT_OFFERED -> "starttls-not-supported";
                case STS_HOST -> "validation-failure";
                case DANE_UNKNOWN -> "dnssec-invalid";
                case TLS_FAILED -> certificateType(decision, why);
                default -> "validation-failure";
            };
        }, host, "", why));
    }

    /** RFC 8460 3: reports are of what MX records lead to. */
    private boolean concerns() {
        return !listener.equals(TlsResult.Listener.NONE) && !key.configured() && !key.lmtp();
    }

    /** As JSSE, PKIX and the check by TLSA records word what is wrong. */
    private static String certificateType(TlsDecision decision, String problem) {
        if (problem.contains("No subject alternative") || problem.contains("No name matching")
                || problem.contains("is for none of")) {
            return "certificate-host-mismatch";
        }
        if (problem.contains("NotAfter") || problem.contains("expired") || problem.contains("validity check failed")) {
            return "certificate-expired";
        }
        if (problem.contains("unable to find valid certification path")) {
            return "certificate-not-trusted";
        }
        return problem.contains("TLSA") || decision.by() == TlsDecision.Basis.DANE
                ? "tlsa-invalid"
                : "validation-failure";
    }

    private TlsResult.Policy policy(TlsDecision decision) {
        StsPolicy sts = key.proof().sts();
        if (decision.by() == TlsDecision.Basis.DANE) {
            return new TlsResult.Policy(TlsResult.Kind.TLSA,
                    decision.demand() instanceof CertificateDemand.Dane dane
                            ? dane.associations().stream().map(SessionTlsResults::line).toList()
                            : List.of(),
                    List.of());
        }
        return sts == null
                ? TlsResult.Policy.NONE
                : new TlsResult.Policy(TlsResult.Kind.STS, sts.lines(), sts.mx());
    }

    private static String line(DaneAssociation association) {
        return association.usage() + " " + association.selector() + " " + association.matching() + " "
                + HexFormat.of().formatHex(association.data());
    }

    private static TlsResult.Failure failure(String type, MailHost host, String source, String reason) {
        return new TlsResult.Failure(type, host.name(), host.addressText(), source, reason);
    }

    private void add(TlsResult.Policy policy, TlsResult.@Nullable Failure failure) {
        Result result = new Result(policy, failure);
        if (domain != null) {
            tell(result);
        } else if (waiting.size() < MAX_RESULTS) {
            waiting.add(result);
        }
    }

    private void tell(Result result) {
        if (domain != null) {
            listener.on(new TlsResult(domain, result.policy, result.failure));
        }
    }
}
