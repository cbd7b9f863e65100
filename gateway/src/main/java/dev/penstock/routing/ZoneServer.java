package dev.penstock.routing;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.MXRecord;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.TXTRecord;
import org.xbill.DNS.Type;

/**
 * A small DNS server on loopback that answers from records in memory: {@code penstock demo} and tests ask it as a
 * production gateway asks its resolver. Thread-safe; one virtual thread answers UDP, one accepts TCP, one serves each
 * TCP connection.
 */
public class ZoneServer implements AutoCloseable {
    /** RFC 1035 4.2.1, for queries without EDNS. */
    private static final int PLAIN_UDP_SIZE = 512;
    private static final int MAX_UDP_SIZE = 4096;
    /** Two ports with the same number are wanted, and somebody may hold one of them. */
    private static final int BIND_ATTEMPTS = 50;
    private static final int TCP_IDLE_MILLIS = 5_000;
    private static final int MAX_ALIASES = 16;
    private static final int MAX_STRING = 255;
    private static final Logger log = LoggerFactory.getLogger(ZoneServer.class);

    private final Map<Name, List<Record>> records = new ConcurrentHashMap<>();
    /** Names and everything above them: what exists, be it empty (RFC 8020). */
    private final Set<Name> existing = ConcurrentHashMap.newKeySet();
    private final Set<Socket> connections = ConcurrentHashMap.newKeySet();
    private final DatagramSocket udp;
    private final ServerSocket tcp;
    private volatile long ttl = 300;
    private volatile long negativeTtl = 60;

    /**
     * Opens the port.
     *
     * @param port 0 lets the system choose
     */
    public ZoneServer(int port) {
        try {
            Ports ports = bind(port);
            udp = ports.udp;
            tcp = ports.tcp;
        } catch (IOException e) {
            throw new UncheckedIOException("no DNS server on 127.0.0.1 port " + port, e);
        }
    }

    /** Once. Questions that have come since the port was opened are answered too. */
    public ZoneServer start() {
        Thread.ofVirtual().name("zone-udp").start(this::serveUdp);
        Thread.ofVirtual().name("zone-tcp").start(this::acceptTcp);
        return this;
    }

    public InetSocketAddress address() {
        return (InetSocketAddress) udp.getLocalSocketAddress();
    }

    /** As {@link dev.penstock.config.DnsConfig#servers} wants it. */
    public String server() {
        return address().getAddress().getHostAddress() + ":" + address().getPort();
    }

    /** Of records added from now on. */
    public ZoneServer ttl(long seconds) {
        ttl = seconds;
        return this;
    }

    /** What the SOA of negative answers says from now on. */
    public ZoneServer negativeTtl(long seconds) {
        negativeTtl = seconds;
        return this;
    }

    /** A {@code host} of {@code .} makes a null MX (RFC 7505). */
    public ZoneServer mx(String domain, int preference, String host) {
        return add(new MXRecord(name(domain), DClass.IN, ttl, preference, name(host)));
    }

    /** IPv4 or IPv6. */
    public ZoneServer address(String host, String... addresses) {
        for (String text : addresses) {
            InetAddress address = InetAddress.ofLiteral(text);
            add(text.indexOf(':') < 0
                    ? new ARecord(name(host), DClass.IN, ttl, address)
                    : new AAAARecord(name(host), DClass.IN, ttl, address));
        }
        return this;
    }

    public ZoneServer alias(String from, String to) {
        return add(new CNAMERecord(name(from), DClass.IN, ttl, name(to)));
    }

    /** One record; a longer text than 255 octets becomes several strings of it (RFC 1035 3.3.14). */
    public ZoneServer text(String name, String value) {
        List<String> strings = new ArrayList<>();
        for (int from = 0; from < Math.max(1, value.length()); from += MAX_STRING) {
            strings.add(value.substring(from, Math.min(value.length(), from + MAX_STRING)));
        }
        return add(new TXTRecord(name(name), DClass.IN, ttl, strings));
    }

    /** The name of an address. */
    public ZoneServer pointer(String address, String host) {
        return add(new PTRRecord(ReverseMap.fromAddress(InetAddress.ofLiteral(address)), DClass.IN, ttl, name(host)));
    }

    /** Any other record. */
    public ZoneServer add(Record added) {
        records.computeIfAbsent(added.getName(), _ -> new CopyOnWriteArrayList<>()).add(added);
        for (int cut = 0; cut < added.getName().labels(); cut++) {
            existing.add(new Name(added.getName(), cut));
        }
        return this;
    }

    /** Takes all records of {@code domain} away: the name doesn't exist any more. */
    public ZoneServer remove(String domain) {
        records.remove(name(domain));
        existing.remove(name(domain));
        return this;
    }

    @Override
    public void close() {
        udp.close();
        try {
            tcp.close();
            for (Socket connection : connections) {
                connection.close();
            }
        } catch (IOException e) {
            log.debug("event=zone-server-close why={}", e.getMessage());
        }
    }

    private record Ports(DatagramSocket udp, ServerSocket tcp) {}

    private static Ports bind(int port) throws IOException {
        InetAddress loopback = InetAddress.ofLiteral("127.0.0.1");
        for (int attempt = 1;; attempt++) {
            DatagramSocket udp = new DatagramSocket(new InetSocketAddress(loopback, port));
            try {
                return new Ports(udp, new ServerSocket(udp.getLocalPort(), 0, loopback));
            } catch (IOException e) {
                udp.close();
                if (port != 0 || attempt == BIND_ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    /** Null to stay silent. */
    protected @Nullable Message answer(Message query, boolean overTcp) {
        Message answer = new Message(query.getHeader().getID());
        answer.getHeader().setFlag(Flags.QR);
        answer.getHeader().setFlag(Flags.AA);
        answer.getHeader().setFlag(Flags.RA);
        if (query.getHeader().getFlag(Flags.RD)) {
            answer.getHeader().setFlag(Flags.RD);
        }
        @Nullable
        Record question = query.getQuestion();
        if (question == null || query.getHeader().getOpcode() != Opcode.QUERY) {
            answer.getHeader().setRcode(question == null ? Rcode.FORMERR : Rcode.NOTIMP);
            return answer;
        }
        answer.addRecord(question, Section.QUESTION);
        resolve(question.getName(), question.getType(), answer);
        if (query.getOPT() != null) {
            answer.addRecord(new OPTRecord(MAX_UDP_SIZE, 0, 0), Section.ADDITIONAL);
        }
        return answer;
    }

    private void resolve(Name asked, int type, Message answer) {
        Name name = asked;
        Set<Name> seen = new HashSet<>();
        while (seen.add(name) && seen.size() <= MAX_ALIASES) {
            @Nullable
            Name target = null;
            boolean found = false;
            for (Record each : records.getOrDefault(name, List.of())) {
                if (each.getType() == type || type == Type.ANY) {
                    answer.addRecord(each, Section.ANSWER);
                    found = true;
                } else if (each instanceof CNAMERecord alias) {
                    answer.addRecord(each, Section.ANSWER);
                    target = alias.getTarget();
                }
            }
            if (found) {
                return;
            }
            if (target == null) {
                if (!existing.contains(name)) {
                    answer.getHeader().setRcode(Rcode.NXDOMAIN);
                }
                answer.addRecord(soa(name), Section.AUTHORITY);
                return;
            }
            name = target;
        }
        answer.getHeader().setRcode(Rcode.SERVFAIL); // aliases in a circle
    }

    /** One label up is as good a zone as any. */
    private SOARecord soa(Name name) {
        Name zone = name.labels() > 1 ? new Name(name, 1) : Name.root;
        return new SOARecord(zone, DClass.IN, negativeTtl, zone, zone, 1, 3600, 600, 86_400, negativeTtl);
    }

    private void serveUdp() {
        DatagramPacket packet = new DatagramPacket(new byte[MAX_UDP_SIZE], MAX_UDP_SIZE);
        while (!udp.isClosed()) {
            try {
                packet.setLength(MAX_UDP_SIZE);
                udp.receive(packet);
                byte[] bytes = new byte[packet.getLength()];
                System.arraycopy(packet.getData(), 0, bytes, 0, bytes.length);
                SocketAddress client = packet.getSocketAddress();
                handle(() -> answerUdp(bytes, client));
            } catch (IOException | RuntimeException e) {
                logUdp(e);
            }
        }
    }

    /** Runs {@code datagram}'s answering: at once, unless a server that is slow on purpose does it later. */
    protected void handle(Runnable datagram) {
        datagram.run();
    }

    private void answerUdp(byte[] bytes, SocketAddress client) {
        try {
            Message query = new Message(bytes);
            @Nullable
            Message answer = answer(query, false);
            if (answer != null) {
                @Nullable
                OPTRecord edns = query.getOPT();
                int room = edns == null
                        ? PLAIN_UDP_SIZE
                        : Math.clamp(edns.getPayloadSize(), PLAIN_UDP_SIZE, MAX_UDP_SIZE);
                byte[] reply = answer.toWire(room); // sets TC when it doesn't fit
                udp.send(new DatagramPacket(reply, reply.length, client));
            }
        } catch (IOException | RuntimeException e) {
            logUdp(e);
        }
    }

    private void logUdp(Exception e) {
        if (!udp.isClosed()) {
            log.debug("event=zone-server-udp why={}", e.getMessage());
        }
    }

    private void acceptTcp() {
        while (!tcp.isClosed()) {
            try {
                Socket connection = tcp.accept();
                connections.add(connection);
                Thread.ofVirtual().name("zone-tcp-connection").start(() -> serveTcp(connection));
            } catch (IOException e) {
                if (!tcp.isClosed()) {
                    log.debug("event=zone-server-tcp why={}", e.getMessage());
                }
            }
        }
    }

    private void serveTcp(Socket connection) {
        try (connection) {
            connection.setSoTimeout(TCP_IDLE_MILLIS);
            DataInputStream in = new DataInputStream(connection.getInputStream());
            OutputStream out = connection.getOutputStream();
            while (true) {
                byte[] bytes = new byte[in.readUnsignedShort()];
                in.readFully(bytes);
                @Nullable
                Message answer = answer(new Message(bytes), true);
                if (answer != null) {
                    byte[] reply = answer.toWire(Message.MAXLENGTH);
                    byte[] framed = new byte[Short.BYTES + reply.length];
                    framed[0] = (byte) (reply.length >>> Byte.SIZE);
                    framed[1] = (byte) reply.length;
                    System.arraycopy(reply, 0, framed, Short.BYTES, reply.length);
                    out.write(framed);
                }
            }
        } catch (IOException | RuntimeException e) {
            log.debug("event=zone-server-tcp why={}", e.getMessage());
        } finally {
            connections.remove(connection);
        }
    }

    private static Name name(String domain) {
        if (domain.equals(".")) {
            return Name.root;
        }
        @Nullable
        Name name = DomainNames.toName(domain);
        if (name == null) {
            throw new IllegalArgumentException("expected a domain name instead of '" + domain + "'");
        }
        return name;
    }
}
