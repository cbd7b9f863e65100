package dev.penstock.endtoend;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import org.awaitility.Awaitility;

/** A real Postfix: one that puts everything into one Maildir, or one that relays to us. */
final class Postfix implements AutoCloseable {
    private static final int NOBODY = 65_534;
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final String MAIN = """
            compatibility_level = 3.6
            queue_directory = %1$s/queue
            data_directory = %1$s/lib
            command_directory = /usr/sbin
            daemon_directory = /usr/lib/postfix/sbin
            mail_owner = postfix
            setgid_group = postdrop
            maillog_file = /dev/stdout
            inet_interfaces = 127.0.0.1
            inet_protocols = ipv4
            myhostname = postfix.test
            mydestination =
            local_recipient_maps =
            """;
    private static final String MASTER = """
            cleanup unix n - n - 0 cleanup
            qmgr unix n - n 300 1 qmgr
            rewrite unix - - n - - trivial-rewrite
            bounce unix - - n - 0 bounce
            defer unix - - n - 0 bounce
            trace unix - - n - 0 bounce
            proxymap unix - - n - - proxymap
            tlsmgr unix - - n 1000? 1 tlsmgr
            error unix - - n - - error
            retry unix - - n - - error
            postlog unix-dgram n - n - 1 postlogd
            """;

    private final Path directory;
    private final PeerProcess process;

    private Postfix(Path directory, PeerProcess process) {
        this.directory = directory;
        this.process = process;
    }

    /** Receives for {@code domain}, with further lines of its main.cf. */
    static Postfix receiving(Path directory, String domain, String address, int port, String... further)
            throws IOException, InterruptedException {
        Path config = prepare(directory);
        Path mail = Files.createDirectories(directory.resolve("mail"));
        Files.setPosixFilePermissions(mail, PosixFilePermissions.fromString("rwxrwxrwx"));
        Files.writeString(config.resolve("main.cf"), MAIN.formatted(directory) + """
                smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
                mynetworks = 127.0.0.0/8
                virtual_mailbox_domains = %2$s
                virtual_mailbox_base = %1$s/mail
                virtual_mailbox_maps = static:inbox/
                virtual_uid_maps = static:%3$d
                virtual_gid_maps = static:%3$d
                virtual_mailbox_limit = 0
                """.formatted(directory, domain, NOBODY) + String.join("\n", further) + "\n");
        Files.writeString(config.resolve("master.cf"), """
                %s:%d inet n - n - - smtpd
                anvil unix - - n - 1 anvil
                virtual unix - n n - - virtual
                """.formatted(address, port) + MASTER);
        Postfix postfix = start(directory, config);
        postfix.process.awaitListening(address, port);
        return postfix;
    }

    /**
     * Takes mail from {@link #sendmail} and sends all of it to {@code relay}, with TLS that must verify.
     *
     * @param source    the address to send from
     * @param authority PEM file
     * @param name      in the relay's certificate
     */
    static Postfix relaying(Path directory, String source, InetSocketAddress relay, Path authority, String name)
            throws IOException, InterruptedException {
        Path config = prepare(directory);
        Files.writeString(config.resolve("main.cf"), MAIN.formatted(directory) + """
                relayhost = [%s]:%d
                smtp_bind_address = %s
                smtp_tls_security_level = secure
                smtp_tls_secure_cert_match = %s
                smtp_tls_CAfile = %s
                smtp_tls_loglevel = 1
                smtp_helo_name = postfix.test
                """.formatted(relay.getHostString(), relay.getPort(), source, name, authority));
        Files.writeString(config.resolve("master.cf"), """
                pickup unix n - n 1 1 pickup
                smtp unix - - n - - smtp
                """ + MASTER);
        Postfix postfix = start(directory, config);
        // The pickup socket is made by the master, after it has checked its directories.
        Awaitility.await().atMost(PATIENCE).until(() -> Files.exists(directory.resolve("queue/public/pickup")));
        return postfix;
    }

    /** Injects a message, with its options as sendmail(1) has them. */
    void sendmail(String message, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Peers.require("sendmail"), "-C", directory.resolve("etc").toString(), "-i"));
        command.addAll(List.of(options));
        PeerProcess.run(directory, "sendmail", PATIENCE, Map.of(), message, command);
    }

    private static Path prepare(Path directory) throws IOException, InterruptedException {
        Peers.requireRoot();
        Path config = Files.createDirectories(directory.resolve("etc"));
        Files.createDirectories(directory.resolve("queue"));
        Files.createDirectories(directory.resolve("lib"));
        for (Path folder = directory; folder != null && folder.startsWith("/tmp/"); folder = folder.getParent()) {
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        PeerProcess.run(directory, "chown", PATIENCE,
                List.of("/bin/chown", "postfix", directory.resolve("lib").toString()));
        return config;
    }

    private static Postfix start(Path directory, Path config) throws IOException {
        PeerProcess process = PeerProcess.start(directory, "postfix",
                List.of(Peers.require("postfix"), "-c", config.toString(), "start-fg"));
        return new Postfix(directory, process);
    }

    /** What has arrived, in no order: Postfix's own headers included, lines ending in LF as a Maildir has them. */
    List<byte[]> arrived() throws IOException {
        Path folder = directory.resolve("mail/inbox/new");
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        List<byte[]> messages = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                messages.add(Files.readAllBytes(file));
            }
        }
        return messages;
    }

    String log() throws IOException {
        return process.output();
    }

    @Override
    public void close() {
        process.close();
    }
}
