package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;

import io.netty.pkitesting.CertificateBuilder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.UserConfig;

class CertificateIdentityTest {
    private SaslAuthenticator authenticator;

    @BeforeEach
    void open(@TempDir Path directory) throws IOException {
        UserConfig user = Users.user("dns", "x");
        authenticator = PatientAuthenticator.open(Users.file(directory.resolve("users.toml"),
                Users.withCertificateNames(user, "client.example.com"),
                Users.withCertificateNames(Users.user("mail", "x"), "bulk@example.com"),
                Users.withCertificateNames(Users.user("uri", "x"), "spiffe://example.com/Bulk"),
                Users.withCertificateNames(Users.user("common", "x"), "old style client"),
                Users.disabled(Users.withCertificateNames(Users.user("gone", "x"), "gone.example.com"))));
    }

    @AfterEach
    void close() {
        authenticator.close();
    }

    @Test
    void anAlternativeNameOfAnyKindLogsIn() throws Exception {
        assertThat(name(certificate("CN=other").addSanDnsName("CLIENT.example.com"))).isEqualTo("dns");
        assertThat(name(certificate("CN=other").addSanRfc822Name("bulk@example.com"))).isEqualTo("mail");
        assertThat(name(certificate("CN=other").addSanUriName("spiffe://example.com/Bulk"))).isEqualTo("uri");
    }

    @Test
    void theCommonNameCountsOnlyWhereThereAreNone() throws Exception {
        assertThat(name(certificate("O=Example, CN=Old Style Client"))).isEqualTo("common");
        assertThat(name(certificate("CN=old style client").addSanDnsName("client.example.com"))).isEqualTo("dns");
        assertThat(name(certificate("CN=old style client").addSanDnsName("other.example.com"))).isNull();
        assertThat(name(certificate("CN=old style client").addSanIpAddress("192.0.2.1"))).isNull();
    }

    @Test
    void aNameThatAProxyVouchesForIsTheUserAsAfterALogin(@TempDir Path directory) throws Exception {
        UserConfig bob = Users.user("bob", "x");
        try (SaslAuthenticator users = PatientAuthenticator
                .open(Users.file(directory.resolve("vouched.toml"), bob, Users.disabled(Users.user("gone", "x"))))) {
            assertThat(users.vouched("bob")).isEqualTo(new Identity("bob", "acme", List.of("example.com")));
            assertThat(users.vouched("\uff42ob")).as("another spelling").isEqualTo(users.vouched("bob"));
            assertThat(users.vouched("gone")).isNull();
            assertThat(users.vouched("elsewhere")).isEqualTo(new Identity("elsewhere", "", List.of()));
            assertThat(users.vouched("a\u0007")).isNull();
        }
    }

    @Test
    void namesOfNobodyAndOfDisabledUsersLogNobodyIn() throws Exception {
        assertThat(name(certificate("CN=nobody").addSanDnsName("nobody.example.com"))).isNull();
        assertThat(name(certificate("CN=x").addSanUriName("spiffe://example.com/bulk"))).isNull();
        assertThat(name(certificate("O=old style client"))).isNull();
        assertThat(name(certificate("CN=x").addSanDnsName("gone.example.com"))).isNull();
    }

    private static CertificateBuilder certificate(String subject) {
        return new CertificateBuilder().ecp256().subject(subject).setIsCertificateAuthority(true);
    }

    private @Nullable String name(CertificateBuilder builder) throws Exception {
        X509Certificate certificate = builder.buildSelfSigned().getCertificate();
        Identity identity = authenticator.certificate(certificate);
        return identity == null ? null : identity.name();
    }
}
