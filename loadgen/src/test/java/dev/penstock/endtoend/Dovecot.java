package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** A real Dovecot as the store of a domain: LMTP on a port and on a socket, IMAP and POP3, users in a file. */
final class Dovecot implements AutoCloseable {
    static final String PASSWORD = "correct horse";
    private static final String ADDRESS = "127.0.0.1";
    private static final int NOBODY = 65_534;
    private static final Duration LIMIT = Duration.ofSeconds(90);

    private final PeerProcess process;
    private final Path directory;
    private final int lmtp;
    private final int imap;
    private final int pop3;

    private Dovecot(PeerProcess process, Path directory, int lmtp, int imap, int pop3) {
        this.process = process;
        this.directory = directory;
        this.lmtp = lmtp;
        this.imap = imap;
        this.pop3 = pop3;
    }

    /** @param users addresses, all with {@link #PASSWORD} */
    static Dovecot start(Path directory, List<String> users) throws IOException {
        Peers.requireRoot();
        String dovecot = Peers.require("dovecot");
        int lmtp = Peers.freePort(ADDRESS);
        int imap = Peers.freePort(ADDRESS);
        int pop3 = Peers.freePort(ADDRESS);
        Path mail = Files.createDirectories(directory.resolve("mail"));
        for (Path folder = mail; folder != null && folder.startsWith(Path.of("/tmp")); folder = folder.getParent()) {
            if (!folder.equals(Path.of("/tmp"))) {
                Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
        }
        Files.setPosixFilePermissions(mail, PosixFilePermissions.fromString("rwxrwxrwx"));
        StringBuilder passwords = new StringBuilder();
        users.forEach(user -> passwords.append(user).append(":{PLAIN}").append(PASSWORD).append("::::::\n"));
        Path passwd = Files.writeString(directory.resolve("users"), passwords);
        Path config = Files.writeString(directory.resolve("dovecot.conf"), """
                base_dir = %1$s/run
                state_dir = %1$s/state
                log_path = /dev/stderr
                protocols = imap pop3 lmtp
                listen = 127.0.0.1
                ssl = no
                disable_plaintext_auth = no
                first_valid_uid = 1
                mail_location = maildir:%1$s/mail/%%d/%%n/Maildir
                recipient_delimiter = +
                passdb {
                  driver = passwd-file
                  args = username_format=%%u %2$s
                }
                userdb {
                  driver = passwd-file
                  args = username_format=%%u %2$s
                  default_fields = uid=%3$d gid=%3$d home=%1$s/mail/%%d/%%n
                }
                auth_mechanisms = plain login scram-sha-256
                service auth {
                  unix_listener auth-client {
                    mode = 0666
                  }
                }
                service lmtp {
                  unix_listener lmtp {
                    mode = 0666
                  }
                  inet_listener lmtp {
                    address = 127.0.0.1
                    port = %4$d
                  }
                }
                service imap-login {
                  inet_listener imap {
                    port = %5$d
                  }
                  inet_listener imaps {
                    port = 0
                  }
                }
                service pop3-login {
                  inet_listener pop3 {
                    port = %6$d
                  }
                  inet_listener pop3s {
                    port = 0
                  }
                }
                """.formatted(directory, passwd, NOBODY, lmtp, imap, pop3));
        PeerProcess process = PeerProcess.start(directory, "dovecot",
                List.of(dovecot, "-F", "-c", config.toString()));
        process.awaitListening(ADDRESS, imap).awaitListening(ADDRESS, pop3).awaitListening(ADDRESS, lmtp);
        return new Dovecot(process, directory, lmtp, imap, pop3);
    }

    /** As a route names it. */
    String tcpHost() {
        return ADDRESS + ":" + lmtp;
    }

    /** As a route names it. */
    String unixHost() {
        return "unix:" + directory.resolve("run/lmtp");
    }

    /** Where other programs ask it about logins, as Postfix's {@code smtpd_sasl_path}. */
    Path authSocket() {
        return directory.resolve("run/auth-client");
    }

    /** As a local domain's {@code maildir}. */
    String maildirTemplate() {
        return directory.resolve("mail") + "/{domain}/{local}/Maildir";
    }

    /** Gives Dovecot's user what the test, as root, has written. */
    void takeOver() throws IOException, InterruptedException {
        PeerProcess.run(directory, "chown", LIMIT,
                List.of("/bin/chown", "-R", NOBODY + ":" + NOBODY, directory.resolve("mail").toString()));
    }

    /** All messages that a user has, as the Maildir has them, one behind the other. */
    String arrived(String domain, String user) throws IOException {
        StringBuilder mail = new StringBuilder();
        Path folder = directory.resolve("mail").resolve(domain).resolve(user).resolve("Maildir/new");
        if (Files.isDirectory(folder)) {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    mail.append(Files.readString(file, StandardCharsets.ISO_8859_1));
                }
            }
        }
        return mail.toString();
    }

    /** Logs in over IMAP and gives all messages of the inbox, lines ending in CRLF, one behind the other. */
    String readByImap(String user) throws IOException, InterruptedException {
        return PeerProcess.run(directory, "imap", LIMIT, List.of(Peers.require("python3"), "-c", """
                import imaplib, sys
                with imaplib.IMAP4(sys.argv[1], int(sys.argv[2]), timeout=60) as client:
                    client.login(sys.argv[3], sys.argv[4])
                    client.select('INBOX', readonly=True)
                    for number in client.search(None, 'ALL')[1][0].split():
                        sys.stdout.buffer.write(client.fetch(number, '(BODY.PEEK[])')[1][0][1])
                """, ADDRESS, String.valueOf(imap), user, PASSWORD));
    }

    /** Logs in over POP3 and gives all messages, lines ending in CRLF, one behind the other. */
    String readByPop3(String user) throws IOException, InterruptedException {
        return PeerProcess.run(directory, "pop3", LIMIT, List.of(Peers.require("python3"), "-c", """
                import poplib, sys
                client = poplib.POP3(sys.argv[1], int(sys.argv[2]), timeout=60)
                client.user(sys.argv[3])
                client.pass_(sys.argv[4])
                for number in range(client.stat()[0]):
                    for line in client.retr(number + 1)[1]:
                        sys.stdout.buffer.write(line + b'\\r\\n')
                client.quit()
                """, ADDRESS, String.valueOf(pop3), user, PASSWORD));
    }

    String log() throws IOException {
        return process.output();
    }

    @Override
    public void close() {
        process.close();
    }
}
