package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A real Postfix that receives for one domain and puts everything into one Maildir. */
final class Postfix implements AutoCloseable {
    private static final int NOBODY = 65_534;
    private final PeerProcess process;
    private final Path maildir;

    private Postfix(PeerProcess process, Path maildir) {
        this.process = process;
        this.maildir = maildir;
    }

    static Postfix receiving(Path directory, String domain, String address, int port)
            throws IOException, InterruptedException {
        Peers.requireRoot();
        String postfix = Peers.require("postfix");
        Path config = Files.createDirectories(directory.resolve("etc"));
        Path mail = Files.createDirectories(directory.resolve("mail"));
        Files.createDirectories(directory.resolve("queue"));
        Files.createDirectories(directory.resolve("lib"));
        for (Path folder = mail; folder != null && folder.startsWith(Path.of("/tmp")); folder = folder.getParent()) {
            if (!folder.equals(Path.of("/tmp"))) {
                Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
        }
        Files.setPosixFilePermissions(mail, PosixFilePermissions.fromString("rwxrwxrwx"));
        PeerProcess.run(directory, "chown", java.time.Duration.ofSeconds(5),
                List.of("/bin/chown", "postfix", directory.resolve("lib").toString()));
        Files.writeString(config.resolve("main.cf"), """
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
                smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
                mynetworks = 127.0.0.0/8
                virtual_mailbox_domains = %2$s
                virtual_mailbox_base = %1$s/mail
                virtual_mailbox_maps = static:inbox/
                virtual_uid_maps = static:%3$d
                virtual_gid_maps = static:%3$d
                virtual_mailbox_limit = 0
                """.formatted(directory, domain, NOBODY));
        Files.writeString(config.resolve("master.cf"), """
                %s:%d inet n - n - - smtpd
                cleanup unix n - n - 0 cleanup
                qmgr unix n - n 300 1 qmgr
                rewrite unix - - n - - trivial-rewrite
                bounce unix - - n - 0 bounce
                defer unix - - n - 0 bounce
                trace unix - - n - 0 bounce
                proxymap unix - - n - - proxymap
                anvil unix - - n - 1 anvil
                virtual unix - n n - - virtual
                error unix - - n - - error
                retry unix - - n - - error
                postlog unix-dgram n - n - 1 postlogd
                """.formatted(address, port));
        PeerProcess process = PeerProcess.start(directory, "postfix",
                List.of(postfix, "-c", config.toString(), "start-fg"));
        return new Postfix(process.awaitListening(address, port), mail.resolve("inbox"));
    }

    /** What has arrived, in no order: Postfix's own headers included, lines ending in LF as a Maildir has them. */
    List<byte[]> arrived() throws IOException {
        Path folder = maildir.resolve("new");
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
