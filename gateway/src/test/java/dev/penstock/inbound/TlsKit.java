package dev.penstock.inbound;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ListenerTls;
import dev.penstock.config.ListenerTls.ClientCertificates;
import dev.penstock.config.ListenerTls.Mode;
import dev.penstock.testing.TestCertificates;
import dev.penstock.tls.Handshakes;
import dev.penstock.tls.ServerTls;

/** A certificate for mx.example, and both ends' contexts. Thread-safe. */
final class TlsKit implements AutoCloseable {
    private final TestCertificates authority = new TestCertificates();
    private final Handshakes handshakes = new Handshakes();
    private final List<ListenerTls.Certificate> certificates;
    private final Path authorityFile;

    TlsKit(Path directory) {
        TestCertificates.PemFiles files = TestCertificates.write(directory, "mx", authority.server("mx.example"));
        certificates = List.of(new ListenerTls.Certificate(files.chain(), files.key()));
        authorityFile = authority.writeAuthority(directory, "ca.pem");
    }

    ListenerTls config(Mode mode) {
        return config(mode, ClientCertificates.NONE);
    }

    ListenerTls config(Mode mode, ClientCertificates clients) {
        return new ListenerTls(mode, certificates, "TLSv1.2", clients, Optional.of(authorityFile));
    }

    @Nullable
    ServerTls server(ListenerTls config) {
        return config.mode() == Mode.NONE ? null : new ServerTls(config, handshakes);
    }

    SSLContext client() {
        return authority.clientContext();
    }

    /** Shows a certificate with this common name. */
    SSLContext client(String name) {
        return authority.clientContext(authority.client(name));
    }

    @Override
    public void close() {
        handshakes.close();
    }
}
