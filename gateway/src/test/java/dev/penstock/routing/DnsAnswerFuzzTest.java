package dev.penstock.routing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import com.code_intelligence.jazzer.api.BugDetectors;
import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.DNAMERecord;
import org.xbill.DNS.Flags;
import org.xbill.DNS.MXRecord;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.TXTRecord;

import dev.penstock.config.DnsConfig;
import dev.penstock.testing.HeapGrowth;

/**
 * Whatever a zone answers, over UDP and TCP: a domain has a route or a failure after a bounded number of questions, the
 * route has a bounded number of hosts, all of them as the zone has them and none of them in a network that is ignored.
 */
class DnsAnswerFuzzTest {
    private static final int MOST_ANSWERS = 24;
    private static final int MOST_RECORDS = 8;
    private static final int MANY_RECORDS = 300;
    private static final int PORT = 25;
    private static final int MAX_HOSTS = 10; // addresses: HostList
    /** One for MX and two for each of ten hosts, each with twelve aliases, twice over UDP and TCP without EDNS. */
    private static final int MOST_QUESTIONS = (1 + 2 * 10) * 12 * 4;
    private static final int PATIENCE_SECONDS = 60;
    private static final int BIND_ATTEMPTS = 50;
    private static final int MAX_DATAGRAM = 4096; // octets that are read of one
    private static final String DOMAIN = "d.example";
    private static final String[] NAMES = {"d.example.", "a.example.", "b.example.", "mx1.d.example.", "mx2.d.example.",
        "gateway.example.", ".", "x-.example.", "\\000\\010.example.", "c\\.d.example.", "*.example.", "127.0.0.1.",
        "A.EXAMPLE.", "localhost."};
    private static final String[] FOUR = {"192.0.2.1", "192.0.2.2", "198.51.100.3", "127.0.0.1", "10.1.2.3",
        "169.254.1.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "203.0.113.9"};
    private static final String[] SIX = {"2001:db8::1", "2001:db8::2", "::1", "::", "fe80::1", "::ffff:127.0.0.1",
        "::ffff:192.0.2.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "ff02::1", "fc00::1"};
    private static final List<String> IGNORED = List.of("loopback", "link-local", "unspecified", "private");
    private static final DnsConfig LIMITS = DnsConfig.DEFAULT.with(DnsConfig.TIMEOUT, Duration.ofSeconds(20))
            .with(DnsConfig.DEADLINE, Duration.ofSeconds(50)).with(DnsConfig.MAX_IN_FLIGHT, 32)
            .with(DnsConfig.CACHE_SIZE, 1_000).with(DnsConfig.MAX_TTL, Duration.ofHours(1))
            .with(DnsConfig.NEGATIVE_TTL, Duration.ofMinutes(10)).with(DnsConfig.STALE_TTL, Duration.ofMinutes(30))
            .with(DnsConfig.IGNORE_NETWORKS, IGNORED);
    private static final OwnAddresses OWN = new OwnAddresses(Set.of("gateway.example"),
            List.of(new InetSocketAddress(InetAddress.ofLiteral("203.0.113.9"), PORT)));

    private static final HeapGrowth growth = new HeapGrowth("DNS answers");
    private static final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private static @Nullable Server server;

    @BeforeAll
    static void open() {
        server = new Server();
    }

    @AfterAll
    static void close() throws IOException {
        if (server != null) {
            server.close();
        }
        executor.shutdownNow();
        growth.check();
    }

    @FuzzTest(maxDuration = "10m")
    void aDomainHasARouteOrAFailureWhateverItsZoneAnswers(FuzzedDataProvider data) {
        Server current = Objects.requireNonNull(server);
        Zone zone = new Zone(data);
        current.zone = zone;
        DnsConfig config = LIMITS.with(DnsConfig.SERVERS, List.of("127.0.0.1:" + current.port()));
        SplittableRandom random = new SplittableRandom(1);
        DnsRouter router = new DnsRouter(Map.of(), config, PORT, OWN, System::nanoTime, executor, random);
        try (var _ = BugDetectors.allowNetworkConnections()) {
            judge(zone, route(router));
            judge(zone, route(router)); // of the cache
        }
        growth.ran();
    }

    private static Route route(DnsRouter router) {
        return router.route(DOMAIN).orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
    }

    private static void judge(Zone zone, Route route) {
        check(zone.asked.get() <= MOST_QUESTIONS, "asked " + zone.asked + " times", route);
        switch (route) {
            case Route.Failure failure -> check(!failure.enhanced().equals("4.3.0"), "a fault of ours", route);
            case Route.Hosts hosts -> {
                check(!hosts.hosts().isEmpty() && hosts.hosts().size() <= MAX_HOSTS, "a number of hosts", route);
                for (MailHost host : hosts.hosts()) {
                    InetAddress address = ((InetSocketAddress) host.address()).getAddress();
                    check(!isInside(address), "where nobody may send it", route);
                    check(!OWN.contains(address, PORT), "in a circle", route);
                    check(zone.free || zone.addresses.contains(address), "where the zone doesn't have it", route);
                    check(host.port() == PORT && !host.name().isEmpty(), "a host without port or name", route);
                }
            }
            case Route.Store store -> check(false, "a store", store);
        }
    }

    /** Loopback, link-local, unspecified, private, and IPv6 that leads to these. */
    private static boolean isInside(InetAddress address) {
        byte[] octets = address.getAddress();
        if (octets.length == 16) {
            boolean mapped = isZero(octets, 0, 10) && (isZero(octets, 10, 12) || octets[10] == -1 && octets[11] == -1);
            boolean translated = octets[0] == 0 && octets[1] == 0x64 && octets[2] == -1 && octets[3] == (byte) 0x9b
                    && isZero(octets, 4, 12);
            if (mapped || translated) {
                return isInside(octets, 12);
            }
            if (octets[0] == 0x20 && octets[1] == 2) {
                return isInside(octets, 2);
            }
            return (octets[0] & 0xfe) == 0xfc || octets[0] == (byte) 0xfe && (octets[1] & 0xc0) == 0x80
                    || octets[0] == -1;
        }
        return isInside(octets, 0);
    }

    private static boolean isZero(byte[] octets, int from, int to) {
        for (int i = from; i < to; i++) {
            if (octets[i] != 0) {
                return false;
            }
        }
        return true;
    }

    private static boolean isInside(byte[] octets, int at) {
        int first = octets[at] & 0xff;
        int second = octets[at + 1] & 0xff;
        return first == 127 || first == 0 && octets[at + 1] == 0 && octets[at + 2] == 0 && octets[at + 3] == 0
                || first == 10 || first == 169 && second == 254 || first == 192 && second == 168
                || first == 172 && second >> 4 == 1 || first >> 4 == 14;
    }

    private static void check(boolean holds, String problem, Route route) {
        if (!holds) {
            throw new AssertionError(problem + ": " + route);
        }
    }

    /** The answers, by name and type of the question: the same to the same. */
    private static final class Zone {
        final Set<InetAddress> addresses = new HashSet<>();
        final AtomicInteger asked = new AtomicInteger();
        /** Octets are changed that may be of addresses. */
        final boolean free;
        private final List<Answer> answers = new ArrayList<>();

        private enum Shape {
            AS_IT_IS, TRUNCATED, OTHER_ID, OTHER_QUESTION, NO_QUESTION, CUT, CHANGED, RAW, QUERY
        }

        /** @param change where an octet is changed, or the message cut */
        private record Answer(Shape shape, List<Record> records, List<Record> authority, int rcode, int change,
                String raw) {}

        Zone(FuzzedDataProvider data) {
            free = data.consumeInt(0, 2) == 2;
            for (int i = data.consumeInt(1, MOST_ANSWERS); i > 0; i--) {
                Shape shape = Shape.AS_IT_IS;
                if (data.consumeInt(0, 5) == 5) {
                    shape = data.pickValue(Shape.values());
                    shape = free || shape != Shape.CHANGED && shape != Shape.RAW ? shape : Shape.CUT;
                }
                List<Record> records = new ArrayList<>();
                int many = data.consumeInt(0, 19) == 19 ? MANY_RECORDS : 1;
                for (int n = data.consumeInt(0, MOST_RECORDS); n > 0; n--) {
                    records.add(record(data));
                }
                for (int n = 1; n < many && !records.isEmpty(); n++) {
                    records.add(records.get(n % records.size()));
                }
                List<Record> authority = data.consumeBoolean()
                        ? List.of(new SOARecord(name("example."), DClass.IN, ttl(data), name("example."),
                                name("example."), 1, 1, 1, 1, ttl(data)))
                        : List.of();
                int rcode = data.consumeInt(0, 3) == 3 ? data.consumeInt(0, 15) : Rcode.NOERROR;
                answers.add(new Answer(shape, records, authority, rcode, data.consumeInt(0, 1000),
                        shape == Shape.RAW || shape == Shape.CHANGED
                                ? new String(data.consumeBytes(100), ISO_8859_1)
                                : ""));
            }
        }

        private Record record(FuzzedDataProvider data) {
            Name owner = name(data.pickValue(NAMES));
            long ttl = ttl(data);
            return switch (data.consumeInt(0, 7)) {
                case 0, 1 -> new MXRecord(owner, DClass.IN, ttl, data.consumeInt(0, 3), name(data.pickValue(NAMES)));
                case 2, 3 -> {
                    InetAddress address = InetAddress.ofLiteral(data.pickValue(FOUR));
                    addresses.add(address);
                    yield new ARecord(owner, DClass.IN, ttl, address);
                }
                case 4 -> {
                    String text = data.pickValue(SIX);
                    InetAddress address = InetAddress.ofLiteral(text);
                    addresses.add(address);
                    yield address.getAddress().length == 16
                            ? new AAAARecord(owner, DClass.IN, ttl, address)
                            : new AAAARecord(owner, DClass.IN, ttl, mapped(address));
                }
                case 5 -> new CNAMERecord(owner, DClass.IN, ttl, name(data.pickValue(NAMES)));
                case 6 -> new DNAMERecord(owner, DClass.IN, ttl, name(data.pickValue(NAMES)));
                default -> new TXTRecord(owner, data.consumeBoolean() ? DClass.IN : DClass.CH, ttl, "x");
            };
        }

        private static byte[] mapped(InetAddress four) {
            byte[] octets = new byte[16];
            octets[10] = -1;
            octets[11] = -1;
            System.arraycopy(four.getAddress(), 0, octets, 12, 4);
            return octets;
        }

        private static long ttl(FuzzedDataProvider data) {
            return data.consumeBoolean() ? 300 : data.consumeLong(0, 0x7fffffffL);
        }

        private static Name name(String text) {
            try {
                return Name.fromString(text);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        byte[] answer(Message query, boolean overTcp) {
            asked.incrementAndGet();
            Record question = query.getQuestion();
            String key = question.getName().toString().toLowerCase(Locale.ROOT) + question.getType();
            Answer answer = answers.get(Math.floorMod(key.hashCode(), answers.size()));
            Message message = new Message(query.getHeader().getID());
            message.getHeader().setFlag(Flags.QR);
            message.getHeader().setRcode(answer.rcode);
            if (answer.shape != Shape.NO_QUESTION) {
                message.addRecord(answer.shape == Shape.OTHER_QUESTION
                        ? Record.newRecord(name("other.example."), question.getType(), DClass.IN)
                        : question, Section.QUESTION);
            }
            // half of them of the name that was asked for, or hardly one would be
            for (int i = 0; i < answer.records.size(); i++) {
                Record record = answer.records.get(i);
                message.addRecord(i % 2 == 0 ? named(record, question.getName()) : record, Section.ANSWER);
            }
            answer.authority.forEach(record -> message.addRecord(record, Section.AUTHORITY));
            switch (answer.shape) {
                case TRUNCATED -> {
                    if (!overTcp) {
                        message.getHeader().setFlag(Flags.TC);
                    }
                }
                case OTHER_ID -> message.getHeader().setID(query.getHeader().getID() ^ 1);
                case QUERY -> message.getHeader().unsetFlag(Flags.QR);
                case AS_IT_IS, OTHER_QUESTION, NO_QUESTION, CUT, CHANGED, RAW -> {
                    // of its octets, below
                }
            }
            byte[] octets = message.toWire(overTcp ? Message.MAXLENGTH : MAX_DATAGRAM);
            return switch (answer.shape) {
                case CUT -> Arrays.copyOf(octets, Math.min(octets.length, answer.change));
                case RAW -> {
                    byte[] behind = answer.raw.getBytes(ISO_8859_1);
                    byte[] raw = Arrays.copyOf(octets, 12 + behind.length);
                    System.arraycopy(behind, 0, raw, 12, behind.length);
                    yield raw;
                }
                case CHANGED -> {
                    for (int i = 0; i + 1 < answer.raw.length(); i += 2) {
                        octets[Math.min(octets.length - 1, 2 + answer.raw.charAt(i))] = (byte) answer.raw.charAt(i + 1);
                    }
                    yield octets;
                }
                case AS_IT_IS, TRUNCATED, OTHER_ID, OTHER_QUESTION, NO_QUESTION, QUERY -> octets;
            };
        }

        private static Record named(Record record, Name owner) {
            return switch (record) {
                case MXRecord mx -> new MXRecord(owner, mx.getDClass(), mx.getTTL(), mx.getPriority(), mx.getTarget());
                case ARecord a -> new ARecord(owner, a.getDClass(), a.getTTL(), a.getAddress());
                case CNAMERecord alias -> new CNAMERecord(owner, alias.getDClass(), alias.getTTL(), alias.getTarget());
                default -> record;
            };
        }
    }

    /** Says what the zone says; what can't be taken for the answer has a SERVFAIL behind it, so that nobody waits. */
    private static final class Server implements AutoCloseable {
        private final DatagramSocket udp;
        private final ServerSocket tcp;
        volatile @Nullable Zone zone;

        Server() {
            try {
                Ports ports = bind();
                udp = ports.udp;
                tcp = ports.tcp;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            Thread.ofPlatform().daemon().name("fuzzed-zone").start(this::serve);
            Thread.ofPlatform().daemon().name("fuzzed-zone-tcp").start(this::accept);
        }

        private record Ports(DatagramSocket udp, ServerSocket tcp) {}

        /** Two ports with the same number; somebody may hold one of them. */
        private static Ports bind() throws IOException {
            InetAddress loopback = InetAddress.ofLiteral("127.0.0.1");
            for (int attempt = 1;; attempt++) {
                DatagramSocket udp = new DatagramSocket(new InetSocketAddress(loopback, 0));
                try {
                    return new Ports(udp, new ServerSocket(udp.getLocalPort(), 50, loopback));
                } catch (IOException e) {
                    udp.close();
                    if (attempt == BIND_ATTEMPTS) {
                        throw e;
                    }
                }
            }
        }

        int port() {
            return udp.getLocalPort();
        }

        private void serve() {
            byte[] buffer = new byte[MAX_DATAGRAM];
            while (!udp.isClosed()) {
                try {
                    DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
                    udp.receive(packet);
                    Message query = new Message(Arrays.copyOf(buffer, packet.getLength()));
                    for (byte[] octets : List.of(answer(query, false), failure(query))) {
                        udp.send(new DatagramPacket(octets, octets.length, packet.getSocketAddress()));
                    }
                } catch (IOException _) {
                    // whoever asked has enough
                }
            }
        }

        private void accept() {
            while (!tcp.isClosed()) {
                try (Socket socket = tcp.accept()) {
                    socket.setSoLinger(true, 0); // no port waits for a minute
                    DataInputStream in = new DataInputStream(socket.getInputStream());
                    byte[] question = new byte[in.readUnsignedShort()];
                    in.readFully(question);
                    byte[] octets = answer(new Message(question), true);
                    byte[] framed = new byte[2 + octets.length];
                    framed[0] = (byte) (octets.length >> 8);
                    framed[1] = (byte) octets.length;
                    System.arraycopy(octets, 0, framed, 2, octets.length);
                    socket.getOutputStream().write(framed);
                    socket.shutdownOutput();
                    var _ = in.read();
                } catch (IOException _) {
                    // whoever asked has enough
                }
            }
        }

        private byte[] answer(Message query, boolean overTcp) {
            Zone current = zone;
            return current == null ? failure(query) : current.answer(query, overTcp);
        }

        private static byte[] failure(Message query) {
            Message message = new Message(query.getHeader().getID());
            message.getHeader().setFlag(Flags.QR);
            message.getHeader().setRcode(Rcode.SERVFAIL);
            message.addRecord(query.getQuestion(), Section.QUESTION);
            return message.toWire();
        }

        @Override
        public void close() throws IOException {
            udp.close();
            tcp.close();
        }
    }
}
