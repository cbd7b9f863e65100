package dev.penstock.tls;

import io.netty.handler.ssl.SslHandler;

/** Placeholder. */
public interface ServerTls {
    SslHandler newHandler();

    TlsSession session(SslHandler handler);
}
