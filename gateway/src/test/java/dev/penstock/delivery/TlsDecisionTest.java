package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.TlsPolicy;
import dev.penstock.routing.StsPolicy;
import dev.penstock.routing.TlsaAnswer;
import dev.penstock.routing.TlsaAnswer.Tlsa;
import dev.penstock.tls.CertificateDemand;

/** What a session must do, by what is configured and what the receiver says. */
class TlsDecisionTest {
    private static final byte[] SHA_256 = HexFormat.of().parseHex("00".repeat(32));
    private static final TlsaAnswer USABLE = new TlsaAnswer.Records(List.of(new Tlsa(3, 1, 1, SHA_256),
            new Tlsa(0, 1, 1, SHA_256)), "mx.example.net");
    private static final TlsaAnswer UNUSABLE = new TlsaAnswer.Records(List.of(new Tlsa(1, 1, 1, SHA_256),
            new Tlsa(3, 1, 1, new byte[31]), new Tlsa(3, 2, 1, SHA_256), new Tlsa(3, 1, 3, SHA_256)), "mx.example.net");

    @ParameterizedTest
    @CsvSource(textBlock = """
            # configured,            STS,             TLSA,     → policy,                by,         in clear, refused
            none,                    -,               -,          none,                   configured, false, -
            opportunistic,           -,               -,          opportunistic,          configured, true,  -
            opportunistic-verified,  -,               -,          opportunistic-verified, configured, false, -
            required,                -,               -,          required,               configured, false, -
            verified,                -,               -,          verified,               configured, false, -
            dane,                    -,               -,          opportunistic,          configured, true,  -
            dane,                    -,               none,       opportunistic,          configured, true,  -
            dane,                    -,               usable,     dane,                   dane,       false, -
            dane,                    -,               unusable,   required,               dane,       false, -
            dane,                    -,               trouble,    verified,               dane,       false, DANE_UNKNOWN
            none,                    -,               usable,     dane,                   dane,       false, -
            none,                    -,               unusable,   required,               dane,       false, -
            verified,                -,               usable,     dane,                   dane,       false, -
            verified,                -,               unusable,   verified,               dane,       false, -
            opportunistic-verified,  -,               unusable,   verified,               dane,       false, -
            opportunistic,           testing,         -,          opportunistic,          configured, true,  -
            opportunistic,           testing-other,   -,          opportunistic,          configured, true,  -
            none,                    testing,         -,          none,                   configured, false, -
            opportunistic,           enforce,         -,          verified,               mta-sts,    false, -
            none,                    enforce,         -,          verified,               mta-sts,    false, -
            required,                enforce,         -,          verified,               mta-sts,    false, -
            opportunistic,           enforce-other,   -,          verified,               mta-sts,    false, STS_HOST
            opportunistic,           enforce,         usable,     dane,                   dane,       false, -
            opportunistic,           enforce,         unusable,   verified,               mta-sts,    false, -
            opportunistic,           enforce,         trouble,    verified,               dane,       false, DANE_UNKNOWN
            opportunistic,           enforce-other,   usable,     verified,               mta-sts,    false, STS_HOST
            """)
    void theStrictestCounts(String configured, String sts, String tlsa, String policy, String by, boolean inClear,
            String refused) {
        TlsDecision decision = decide(configured, sts, tlsa, false);
        assertThat(decision.policy()).hasToString(policy);
        assertThat(decision.by()).hasToString(by);
        assertThat(decision.inClear()).isEqualTo(inClear);
        assertThat(decision.refusal() == null ? "-" : decision.refusal().kind().name()).isEqualTo(refused);
        assertThat(decision.demand()).isInstanceOf(switch (decision.policy()) {
            case DANE -> CertificateDemand.Dane.class;
            case VERIFIED, OPPORTUNISTIC_VERIFIED -> CertificateDemand.Named.class;
            case NONE, OPPORTUNISTIC, REQUIRED -> CertificateDemand.Any.class;
        });
        assertThat(decide(configured, sts, tlsa, true).inClear()).as("with REQUIRETLS").isFalse();
    }

    @ParameterizedTest
    @CsvSource({"false,false,-,false", "true,false,-,true", "false,true,-,true", "false,false,enforce,true",
        "false,false,testing,true", "false,false,testing-other,false"})
    void aHostsNameIsAuthenticByConfigurationSignedRecordsOrAPolicy(boolean configured, boolean signed, String sts,
            boolean authentic) {
        assertThat(TlsDecision.of(TlsPolicy.OPPORTUNISTIC,
                new TlsDecision.Host("mx.example.net", "mx", configured, signed, policy(sts), null), true).authentic())
                .isEqualTo(authentic);
    }

    private static TlsDecision decide(String configured, String sts, String tlsa, boolean requireTls) {
        return TlsDecision.of(TlsPolicy.parse(configured),
                new TlsDecision.Host("mx.example.net", "mx.example.net[192.0.2.1]:25", false, true, policy(sts),
                        switch (tlsa) {
                            case "usable" -> USABLE;
                            case "unusable" -> UNUSABLE;
                            case "trouble" -> new TlsaAnswer.Trouble("SERVFAIL");
                            case "none" -> TlsaAnswer.NONE;
                            default -> null;
                        }),
                requireTls);
    }

    private static @Nullable StsPolicy policy(String text) {
        return text.equals("-")
                ? null
                : new StsPolicy(text.startsWith("testing") ? StsPolicy.Mode.TESTING : StsPolicy.Mode.ENFORCE,
                        List.of(text.endsWith("other") ? "*.example.org" : "*.example.net"));
    }
}
