package dev.penstock.delivery;

import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import dev.penstock.routing.Lookups;
import dev.penstock.routing.TextAnswer;
import dev.penstock.routing.TlsaAnswer;
import dev.penstock.tls.TlsResult;

/**
 * What deliveries need of others for TLS. Immutable.
 *
 * @param lookups where TLSA records come from
 * @param results told of every session that a receiver may want a report of
 */
public record TlsOut(Lookups lookups, TlsResult.Listener results) {
    /** Of receivers that say nothing, and want to hear nothing. */
    public static final TlsOut NONE = new TlsOut(new Lookups() {
        @Override
        public CompletableFuture<TlsaAnswer> tlsa(String host, int port) {
            return CompletableFuture.completedFuture(TlsaAnswer.NONE);
        }

        @Override
        public CompletableFuture<TextAnswer> texts(String name) {
            return CompletableFuture.completedFuture(new TextAnswer.Texts(List.of()));
        }

        @Override
        public CompletableFuture<List<InetAddress>> addresses(String host) {
            return CompletableFuture.completedFuture(List.of());
        }
    }, TlsResult.Listener.NONE);
}
