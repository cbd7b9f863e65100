package dev.penstock.reception;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.net.InetAddress;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageId;
import dev.penstock.tls.TlsSession;

/** The Received field that goes before a message (RFC 5321 4.4). Stateless. */
public final class TraceField {
    /** For messages that get none. */
    public static final byte[] NONE = {};

    private TraceField() {}

    /**
     * What all messages of an SMTP session have in common.
     *
     * @param helo       {@link #printable}
     * @param clientName as a trusted proxy told it, empty when unknown
     */
    public static String start(String helo, String clientName, InetAddress client, @Nullable TlsSession tls,
            String hostname) {
        return "Received: from " + helo + " (" + (clientName.isEmpty() ? "" : printable(clientName) + " ")
                + literal(client) + ")\r\n"
                + (tls == null ? "" : "\t(using " + tls.protocol() + " with cipher " + tls.cipher() + ")\r\n")
                + by(hostname);
    }

    /** The same for a client that doesn't say its name. */
    public static String start(InetAddress client, String hostname) {
        return "Received: from " + literal(client) + "\r\n" + by(hostname);
    }

    private static String literal(InetAddress client) {
        return (client.getAddress().length == 4 ? "[" : "[IPv6:") + NetUtil.toAddressString(client) + "]";
    }

    private static String by(String hostname) {
        return "\tby " + hostname + " with ";
    }

    /**
     * @param start    what messages of a client have in common
     * @param protocol as {@link dev.penstock.message.Origin#protocol()}
     * @param date     RFC 5322 3.3
     */
    public static byte[] of(String start, String protocol, MessageId id, String date) {
        return (start + protocol + " id " + id + ";\r\n\t" + date + "\r\n").getBytes(ISO_8859_1);
    }

    /** In a comment or a name of the field no character may mean anything. */
    public static String printable(String name) {
        StringBuilder clean = new StringBuilder(name);
        for (int i = 0; i < clean.length(); i++) {
            char c = clean.charAt(i);
            if (c <= ' ' || c > '~' || "()<>\\\",;@".indexOf(c) >= 0) {
                clean.setCharAt(i, '?');
            }
        }
        return clean.toString();
    }
}
