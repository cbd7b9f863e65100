package dev.penstock.http;

import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;

import io.netty.channel.unix.DomainSocketAddress;
import reactor.netty.resources.LoopResources;

/** Addresses of Unix sockets as Netty's transport on this machine takes them. Pure functions. */
public final class UnixSockets {
    private UnixSockets() {}

    /** For a server or a client whose loops may be native ones. */
    public static SocketAddress address(Path path) {
        return LoopResources.hasNativeSupport()
                ? new DomainSocketAddress(path.toString())
                : UnixDomainSocketAddress.of(path);
    }

    static boolean isOne(SocketAddress address) {
        return address instanceof DomainSocketAddress || address instanceof UnixDomainSocketAddress;
    }
}
