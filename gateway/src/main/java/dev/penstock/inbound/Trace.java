package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.InetAddress;
import java.util.List;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageId;
import dev.penstock.policy.Policy;
import dev.penstock.tls.TlsSession;

/** The trace field that reception puts before a message (RFC 5321 4.4), and fields that policies add. Stateless. */
final class Trace {
    private static final byte[] NONE = {};

    private Trace() {}

    /**
     * What all messages of a session have in common.
     *
     * @param clientName as a trusted proxy told it, empty when unknown
     */
    static String start(String helo, String clientName, InetAddress client, @Nullable TlsSession tls,
            String hostname) {
        String literal = (client.getAddress().length == 4 ? "[" : "[IPv6:") + NetUtil.toAddressString(client) + "]";
        return "Received: from " + printable(helo) + " (" + (clientName.isEmpty() ? "" : printable(clientName) + " ")
                + literal + ")\r\n"
                + (tls == null ? "" : "\t(using " + tls.protocol() + " with cipher " + tls.cipher() + ")\r\n")
                + "\tby " + hostname + " with ";
    }

    static byte[] field(String start, String protocol, MessageId id, String date) {
        return (start + protocol + " id " + id + ";\r\n\t" + date + "\r\n").getBytes(ISO_8859_1);
    }

    /** Header fields in wire form. What would end a field early becomes a space. */
    static byte[] fields(List<Policy.HeaderField> fields) {
        if (fields.isEmpty()) {
            return NONE;
        }
        StringBuilder text = new StringBuilder();
        fields.forEach(field -> text.append(printable(field.name())).append(": ")
                .append(field.value().replaceAll("[\\r\\n\\x00]+", " ")).append("\r\n"));
        return text.toString().getBytes(UTF_8);
    }

    /** In a comment or a name of the field no character may mean anything. */
    static String printable(String name) {
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
