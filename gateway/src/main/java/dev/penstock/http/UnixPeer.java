package dev.penstock.http;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.unix.PeerCredentials;
import jdk.net.ExtendedSocketOptions;
import jdk.net.UnixDomainPrincipal;

/** Whom the system names at the other end of a Unix socket (unix(7), SO_PEERCRED). Stateless. */
final class UnixPeer {
    private UnixPeer() {}

    /** Empty when it doesn't say, and for other sockets. */
    static Optional<String> of(Channel channel) {
        try {
            if (channel instanceof EpollDomainSocketChannel epoll) {
                return Optional.of(name(epoll.peerCredentials()));
            }
            UnixDomainPrincipal principal = channel.config()
                    .getOption(NioChannelOption.of(ExtendedSocketOptions.SO_PEERCRED));
            return Optional.ofNullable(principal).map(peer -> peer.user().getName());
        } catch (IOException | ChannelException | UnsupportedOperationException _) {
            return Optional.empty();
        }
    }

    /** Java has no way from a user's number to a name but an owner; a process is its user's directory in /proc. */
    private static String name(PeerCredentials peer) {
        Path process = Path.of("/proc", Integer.toString(peer.pid()));
        try {
            if (Files.getAttribute(process, "unix:uid") instanceof Integer uid && uid == peer.uid()) {
                return Files.getOwner(process).getName();
            }
        } catch (IOException | UnsupportedOperationException _) {
            // it has gone
        }
        return "uid " + peer.uid();
    }
}
