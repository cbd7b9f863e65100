package dev.penstock.delivery;

import java.net.SocketAddress;
import java.time.Duration;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Ticker;

import dev.penstock.routing.MailHost;

/** What earlier sessions have shown of hosts that their answer to EHLO doesn't tell. For a day, of so many hosts. Thread-safe. */
final class PeerKnowledge {
    private static final int MAX_HOSTS = 100_000;
    private static final Duration TIME = Duration.ofDays(1);

    /** What becomes of BDAT (RFC 3030) at a host that offers CHUNKING. */
    enum Bdat {
        UNKNOWN,
        /** It has taken a message by it. */
        SOUND,
        /** It didn't know the command, or was gone before it had answered for all it had been sent. */
        BROKEN
    }

    private final Cache<SocketAddress, Bdat> bdat;

    PeerKnowledge(Ticker ticker) {
        this.bdat = Caffeine.newBuilder().expireAfterWrite(TIME).maximumSize(MAX_HOSTS).ticker(ticker).build();
    }

    Bdat bdat(MailHost host) {
        Bdat known = bdat.getIfPresent(host.address());
        return known == null ? Bdat.UNKNOWN : known;
    }

    void bdat(MailHost host, Bdat shown) {
        bdat.put(host.address(), shown);
    }
}
