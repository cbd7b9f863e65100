package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Servers that others wrote, each on an address of its own, and what each says of the clients it had: address and name. All
 * of them are started together.
 */
final class RealReceivers implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /**
     * One of them.
     *
     * @param domain whose mail it takes
     * @param host   for a route, with LMTP where {@code lmtp} says so
     * @param seen   a line of its log or a field of its mail that tells of a client; groups {@code ip} and {@code name}
     */
    private record Receiver(String domain, String host, boolean lmtp, Pattern seen, Log log) {}

    /** What a server has written. */
    @FunctionalInterface
    private interface Log {
        String read() throws IOException;
    }

    private final Path directory;
    private final List<AutoCloseable> running = new ArrayList<>();
    private final Map<String, Receiver> receivers = new LinkedHashMap<>();

    private RealReceivers(Path directory) {
        this.directory = directory;
    }

    static RealReceivers start(Path directory) throws Exception {
        RealReceivers all = new RealReceivers(directory);
        try {
            all.startPostfix("127.0.0.31");
            all.startExim("127.0.0.32");
            all.startOpenSmtpd("127.0.0.33");
            all.startHaraka("127.0.0.34");
            all.startDovecot();
            return all;
        } catch (Exception | Error e) {
            all.close();
            throw e;
        }
    }

    List<String> domains() {
        return List.copyOf(receivers.keySet());
    }

    String host(String domain) {
        return receivers.get(domain).host();
    }

    boolean isLmtp(String domain) {
        return receivers.get(domain).lmtp();
    }

    /** Of the clients that the domain's server has had: {@code 127.0.0.7 mta7.example.net}. */
    List<String> seen(String domain) throws IOException {
        Receiver receiver = receivers.get(domain);
        Matcher matcher = receiver.seen().matcher(receiver.log().read());
        List<String> clients = new ArrayList<>();
        while (matcher.find()) {
            clients.add(matcher.group("ip") + " " + matcher.group("name"));
        }
        return clients;
    }

    /** For when something is missing. */
    String log(String domain) throws IOException {
        return receivers.get(domain).log().read();
    }

    private void add(String domain, String host, boolean lmtp, String seen, Log log) {
        receivers.put(domain, new Receiver(domain, host, lmtp, Pattern.compile(seen), log));
    }

    private Path folder(String name) throws IOException {
        Path folder = Files.createDirectory(directory.resolve(name));
        for (Path path = folder; path.startsWith("/tmp/"); path = path.getParent()) {
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        return folder;
    }

    private void startPostfix(String address) throws Exception {
        int port = Peers.freePort(address);
        Postfix postfix = Postfix.receiving(folder("postfix"), "postfix.test", address, port);
        running.add(postfix);
        add("postfix.test", address + ":" + port, false,
                "Received: from (?<name>mta\\S+) \\(\\S+ \\[(?<ip>[0-9.]+)\\]\\)", () -> {
                    StringBuilder mail = new StringBuilder();
                    postfix.arrived().forEach(message -> mail.append(new String(message, ISO_8859_1)));
                    return mail.toString();
                });
    }

    private void startExim(String address) throws Exception {
        Path folder = folder("exim");
        String exim = Peers.exim();
        Path spool = Files.createDirectory(folder.resolve("spool"));
        PeerProcess.run(folder, "chown", LIMIT, List.of("/bin/chown", "Debian-exim:", spool.toString()));
        int port = Peers.freePort(address);
        Path config = Files.writeString(folder.resolve("exim.conf"), """
                exim_path = %3$s
                primary_hostname = exim.test
                spool_directory = %1$s
                log_file_path = %1$s/%%slog
                keep_environment =
                tls_advertise_hosts =
                local_interfaces = <; %4$s ; ::1
                daemon_smtp_ports = %2$d
                host_lookup =
                rfc1413_query_timeout = 0s
                acl_smtp_rcpt = take
                begin acl
                take:
                  accept
                begin routers
                drop:
                  driver = redirect
                  data = :blackhole:
                begin retry
                * * F,1h,1m
                """.formatted(spool, port, exim, address));
        Files.setPosixFilePermissions(config, PosixFilePermissions.fromString("rw-r--r--"));
        running.add(PeerProcess.start(folder, "exim", List.of(exim, "-C", config.toString(), "-bdf"))
                .awaitListening(address, port));
        add("exim.test", address + ":" + port, false,
                "<= \\S+ H=(\\S+ )?\\(?(?<name>mta[^ )]+)\\)? \\[(?<ip>[0-9a-f.:]+)\\]",
                () -> log(spool.resolve("mainlog")));
        add("exim6.test", "[::1]:" + port, false,
                "<= \\S+ H=(\\S+ )?\\(?(?<name>mta[^ )]+)\\)? \\[(?<ip>[0-9a-f.:]+)\\]",
                () -> log(spool.resolve("mainlog")));
    }

    /** In directories of its own below those that it insists on; what it has taken it tries to relay to nowhere. */
    private void startOpenSmtpd(String address) throws Exception {
        Path folder = folder("opensmtpd");
        String smtpd = Peers.openSmtpd();
        int port = Peers.freePort(address);
        Path config = Files.writeString(folder.resolve("smtpd.conf"), """
                listen on %s port %d hostname opensmtpd.test
                action "on" relay host smtp://127.0.0.1:1
                match from any for any action "on"
                """.formatted(address, port));
        PeerProcess process = PeerProcess.start(folder, "smtpd", List.of("/usr/bin/unshare", "--mount", "/bin/sh", "-c",
                "mount -t tmpfs tmpfs /var/spool && mount -t tmpfs tmpfs /run && exec " + smtpd
                        + " -d -v -T smtp -f " + config));
        running.add(process);
        process.awaitListening(address, port);
        add("opensmtpd.test", address + ":" + port, false,
                "Hello (?<name>mta\\S+) \\[(?<ip>[0-9.]+)\\]", process::output);
    }

    private void startHaraka(String address) throws Exception {
        Path modules = Peers.nodePackage("Haraka");
        Path folder = folder("haraka");
        int port = Peers.freePort(address);
        Path config = Files.createDirectory(folder.resolve("config"));
        Path plugins = Files.createDirectory(folder.resolve("plugins"));
        try (DirectoryStream<Path> defaults = Files.newDirectoryStream(modules.resolve("Haraka/config"), "*.ini")) {
            for (Path file : defaults) { // it doesn't start without them
                Files.copy(file, config.resolve(file.getFileName()));
            }
        }
        Files.writeString(config.resolve("smtp.ini"), "listen=" + address + ":" + port + "\nnodes=0\n");
        Files.writeString(config.resolve("plugins"), "take\n");
        Files.writeString(config.resolve("me"), "haraka.test\n");
        Files.writeString(plugins.resolve("take.js"), """
                exports.hook_rcpt = (next) => next(OK);
                exports.hook_queue = (next) => next(OK);
                """);
        PeerProcess process = PeerProcess.start(folder, "haraka", List.of(Peers.require("node"),
                modules.resolve("Haraka/bin/haraka").toString(), "-c", folder.toString()));
        running.add(process);
        process.awaitListening(address, port);
        add("haraka.test", address + ":" + port, false, "disconnect ip=(?<ip>[0-9.]+) .*helo=(?<name>mta\\S+)",
                process::output);
    }

    private void startDovecot() throws Exception {
        Path folder = folder("dovecot");
        Dovecot dovecot = Dovecot.start(folder, List.of("b@dovecot.test"));
        running.add(dovecot);
        add("dovecot.test", dovecot.tcpHost(), true,
                "(?m)^Received: from (?<name>mta\\S+) \\(\\[(?<ip>[0-9.]+)\\]\\)",
                () -> dovecot.arrived("dovecot.test", "b"));
    }

    private static String log(Path file) throws IOException {
        return Files.exists(file) ? Files.readString(file) : "";
    }

    @Override
    public void close() throws IOException {
        for (AutoCloseable each : running.reversed()) {
            try {
                each.close();
            } catch (IOException | RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IOException(e);
            }
        }
    }
}
