package dev.penstock.tls;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

import dev.penstock.config.ListenerTls;
import dev.penstock.config.ListenerTls.ClientCertificates;
import dev.penstock.testing.TestCertificates.PemFiles;

/** Tables of listeners as tests need them. Stateless. */
final class TlsConfigs {
    private TlsConfigs() {}

    static ListenerTls of(PemFiles... files) {
        return new ListenerTls(ListenerTls.Mode.OFFERED, certificates(files), "TLSv1.2", ClientCertificates.NONE,
                Optional.empty());
    }

    static ListenerTls onlyTls13(PemFiles... files) {
        return new ListenerTls(ListenerTls.Mode.OFFERED, certificates(files), "TLSv1.3", ClientCertificates.NONE,
                Optional.empty());
    }

    static ListenerTls asking(ClientCertificates clients, Path authority, PemFiles... files) {
        return new ListenerTls(ListenerTls.Mode.OFFERED, certificates(files), "TLSv1.2", clients,
                Optional.of(authority));
    }

    private static List<ListenerTls.Certificate> certificates(PemFiles... files) {
        return Arrays.stream(files).map(pair -> new ListenerTls.Certificate(pair.chain(), pair.key())).toList();
    }
}
