package dev.penstock.tls;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Set;

import io.netty.pkitesting.X509Bundle;
import org.junit.jupiter.api.Test;

import dev.penstock.testing.TestCertificates;

/** Whose names a certificate below a named authority (DANE-TA) is good for, RFC 7672 3.2.3. */
class DaneCheckTest {
    private static final TestCertificates AUTHORITY = new TestCertificates();
    private static final String HOST = "mx.dest.example";

    private static void check(X509Bundle certificate) throws CertificateException {
        X509Certificate[] chain = {certificate.getCertificate(), AUTHORITY.authority()};
        DaneCheck.check(chain, new CertificateDemand.Dane(List.of(authority()), HOST, Set.of(HOST)));
    }

    private static DaneAssociation authority() throws CertificateEncodingException {
        return new DaneAssociation(DaneAssociation.AUTHORITY, DaneAssociation.CERTIFICATE, DaneAssociation.WHOLE,
                AUTHORITY.authority().getEncoded());
    }

    @Test
    void aDnsNameOrAWildcardForIt() {
        assertThatCode(() -> check(AUTHORITY.server(HOST))).doesNotThrowAnyException();
        assertThatCode(() -> check(AUTHORITY.server("*.dest.example"))).doesNotThrowAnyException();
    }

    @Test
    void aCommonNameAloneIsNoNameOfTheHost() {
        assertThatThrownBy(() -> check(AUTHORITY.client(HOST))).isInstanceOf(CertificateException.class)
                .hasMessage("the certificate is for none of " + HOST);
    }

    @Test
    void norIsACommonNameBesideOtherDnsNames() {
        assertThatThrownBy(() -> check(AUTHORITY.server("mx.other.example"))).isInstanceOf(CertificateException.class);
        assertThatThrownBy(() -> check(AUTHORITY.server("*.example"))).isInstanceOf(CertificateException.class);
    }
}
