package dev.penstock.routing;

import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** What else DNS is asked about receivers, by the same servers and with the same limits. Thread-safe; never blocks or fails. */
public interface Lookups {
    /** Of a mail host, on the port it is spoken to; none when no word is taken for signatures. */
    CompletableFuture<TlsaAnswer> tlsa(String host, int port);

    /** Not cached. */
    CompletableFuture<TextAnswer> texts(String name);

    /** Those that records may send us to; none when it has none or nothing is known. */
    CompletableFuture<List<InetAddress>> addresses(String host);
}
