package dev.penstock.tls;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;

/** Placeholder. */
public interface ServerTls {
    ChannelHandler newHandler(Channel channel);

    TlsSession session(Channel channel);
}
