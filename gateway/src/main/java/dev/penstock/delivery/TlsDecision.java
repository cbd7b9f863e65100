package dev.penstock.delivery;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.TlsPolicy;
import dev.penstock.routing.StsPolicy;
import dev.penstock.routing.TlsaAnswer;
import dev.penstock.tls.CertificateDemand;
import dev.penstock.tls.DaneAssociation;

/**
 * What TLS a session with one host has to have, out of what is configured and what the receiver says. Immutable, made by a
 * pure function.
 *
 * <p>What a receiver demands by signed records (RFC 7672) or by an enforced policy (RFC 8461) is more than any
 * configuration for it, {@code none} included, and DANE is more than MTA-STS (RFC 8461 2).
 *
 * @param policy    of the session; {@link TlsPolicy#DANE} only where a TLSA record has to match
 * @param by        who has demanded that much
 * @param inClear   whether the mail may go in clear after a handshake that failed
 * @param authentic whether the host's name comes from the configuration, signed records or an MTA-STS policy
 * @param demand    what the certificate has to be, where TLS is spoken
 * @param refusal   why no session may be opened, null when one may
 */
record TlsDecision(TlsPolicy policy, Basis by, boolean inClear, boolean authentic, CertificateDemand demand,
        @Nullable Failure refusal) {
    /** Who demands it. */
    enum Basis {
        CONFIGURED,
        /** An enforced policy. */
        MTA_STS,
        DANE;

        /** As the delivery log has it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /**
     * What is known of a host before it is connected to.
     *
     * @param name       of the host
     * @param text       as texts name it
     * @param configured whether the configuration names it for the domain
     * @param signed     whether signed records do
     * @param sts        the domain's policy, null for none
     * @param tlsa       null when DANE isn't asked for
     */
    record Host(String name, String text, boolean configured, boolean signed, @Nullable StsPolicy sts,
            @Nullable TlsaAnswer tlsa) {}

    /** @param requireTls whether the session is for mail that requires TLS (RFC 8689), which never goes in clear */
    static TlsDecision of(TlsPolicy configured, Host host, boolean requireTls) {
        boolean admitted = host.sts != null && host.sts.admits(host.name);
        boolean enforced = host.sts != null && host.sts.mode() == StsPolicy.Mode.ENFORCE;
        boolean authentic = host.configured || host.signed || admitted;
        TlsPolicy plain = configured == TlsPolicy.DANE ? TlsPolicy.OPPORTUNISTIC : configured;
        if (enforced && !admitted) {
            return refused(Basis.MTA_STS, new Failure(Failure.Kind.STS_HOST,
                    host.text + " isn't among the hosts of the domain's MTA-STS policy"));
        }
        if (host.tlsa instanceof TlsaAnswer.Trouble(String why)) {
            return refused(Basis.DANE, new Failure(Failure.Kind.DANE_UNKNOWN,
                    "it isn't known what DANE demands of " + host.text + ": " + why));
        }
        if (host.tlsa instanceof TlsaAnswer.Records(List<TlsaAnswer.Tlsa> records, String base)) {
            List<DaneAssociation> usable = DaneAssociation.usable(records.stream()
                    .map(one -> new DaneAssociation(one.usage(), one.selector(), one.matching(), one.data())).toList());
            if (!usable.isEmpty()) {
                return new TlsDecision(TlsPolicy.DANE, Basis.DANE, false, authentic,
                        new CertificateDemand.Dane(usable, base, Stream.of(base, host.name.toLowerCase(Locale.ROOT))
                                .collect(Collectors.toSet())),
                        null);
            }
            if (!enforced) { // RFC 7672 2.2: TLS all the same
                return with(stricter(plain), Basis.DANE, requireTls, authentic);
            }
        }
        return enforced
                ? with(TlsPolicy.VERIFIED, Basis.MTA_STS, requireTls, authentic)
                : with(plain, Basis.CONFIGURED, requireTls, authentic);
    }

    /** What is configured, but never in clear. */
    private static TlsPolicy stricter(TlsPolicy configured) {
        return switch (configured) {
            case NONE, OPPORTUNISTIC, REQUIRED, DANE -> TlsPolicy.REQUIRED;
            case OPPORTUNISTIC_VERIFIED, VERIFIED -> TlsPolicy.VERIFIED;
        };
    }

    private static TlsDecision with(TlsPolicy policy, Basis by, boolean requireTls, boolean authentic) {
        return new TlsDecision(policy, by, policy == TlsPolicy.OPPORTUNISTIC && !requireTls, authentic,
                policy.verifies() ? CertificateDemand.NAMED : CertificateDemand.ANY, null);
    }

    private static TlsDecision refused(Basis by, Failure refusal) {
        return new TlsDecision(TlsPolicy.VERIFIED, by, false, false, CertificateDemand.NAMED, refusal);
    }

    /** The same in clear, after a handshake that failed. */
    TlsDecision withoutTls() {
        return new TlsDecision(TlsPolicy.NONE, by, false, authentic, demand, null);
    }

    /** For logs: who demands it and what. */
    @Override
    public String toString() {
        return by == Basis.CONFIGURED
                ? policy.toString()
                : by == Basis.DANE && policy != TlsPolicy.DANE
                        ? "dane-without-usable-records"
                        : by.toString();
    }
}
