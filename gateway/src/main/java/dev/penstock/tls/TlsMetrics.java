package dev.penstock.tls;

import java.util.function.Supplier;

import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.meters.PartMeters;

/** TLS of clients, as metrics name it. Stateless. */
public final class TlsMetrics {
    private TlsMetrics() {}

    public static PartMeters<TlsFigures> of(Supplier<TlsFigures> source, Supplier<HistogramSnapshot> handshakeTimes) {
        PartMeters<TlsFigures> part = PartMeters.of("penstock.tls.", source);
        part.counter("handshakes", "Handshakes of clients, by what they came to",
                tls -> tls.stats().handshakes(), "outcome", "done");
        part.counter("handshakes", "Handshakes of clients, by what they came to",
                tls -> tls.stats().failedHandshakes(), "outcome", "failed");
        part.gauge("handshakes.waiting", "Steps of handshakes that wait for a thread", TlsFigures::waiting);
        part.counter("reloads", "Certificates read anew because their files had changed",
                tls -> tls.stats().reloads());
        part.counter("reloads.failed", "Changed certificates that can't be used; the ones from before stay",
                tls -> tls.stats().failedReloads());
        part.counter("floods", "Connections ended because their TLS records brought no data",
                tls -> tls.stats().floods());
        part.gauge("certificate.not.after.seconds",
                "When the certificate that expires first does, in seconds since 1970; NaN without TLS",
                tls -> tls.notAfter().map(time -> (double) time.getEpochSecond()).orElse(Double.NaN));
        part.histogram("handshake.duration.seconds", "From a client's first octets to the end of its handshake",
                handshakeTimes);
        return part;
    }
}
