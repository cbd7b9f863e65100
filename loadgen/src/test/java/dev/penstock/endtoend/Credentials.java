package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;

import com.sun.net.httpserver.HttpServer;

/**
 * Who may log in at a gateway under test: two users in a credentials file whose hashes other programs made, argon2(1),
 * crypt(3) and gsasl --mkpasswd, and a server that judges bearer tokens. Thread-safe.
 */
final class Credentials implements AutoCloseable {
    /** Has an Argon2id hash, a SCRAM verifier and a client certificate. */
    static final String USER = "alice";
    static final String CERTIFICATE_NAME = "alice@send.test";
    /** Has a bcrypt hash. */
    static final String BCRYPT_USER = "carol";
    /** Of both. */
    static final String PASSWORD = "correct horse battery staple";
    /** Of alice. */
    static final String TOKEN = "a.bearer.token";

    private final HttpServer judge;
    private final Path users;

    private Credentials(HttpServer judge, Path users) {
        this.judge = judge;
        this.users = users;
    }

    static Credentials create(Path directory) throws IOException {
        Path users = Files.writeString(directory.resolve("users.toml"), """
                [%s]
                password = "$argon2id$v=19$m=19456,t=2,p=1$cGluY2hvZnNhbHRwaW5jaA$e6y9DSpjEqQXi3Nh3fNdQb0HryDrdu2hrLR4mCL3GNA"
                scram-sha-256 = "SCRAM-SHA-256$10000:rPovvHtVtGknMmL1$nau27OJUrjNq5Q69J7UzWLfqB+8ksxhA9wZzk2NQCxI=:gFR+cdQxWZK9dMDqESRlqyQo8TJvRgLcVrq2ZjT9pFM="
                certificate-names = ["%s"]
                sender-domains = ["send.test"]
                [%s]
                password = "$2b$10$nMAVzKH0F4HRxuY1GUev4.LjOAVhxxr87oY7JD0j0ThnD9c5raz8q"
                """.formatted(USER, CERTIFICATE_NAME, BCRYPT_USER));
        HttpServer judge = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
        judge.createContext("/", exchange -> {
            try (exchange) {
                String question = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
                byte[] answer = (question.contains('"' + TOKEN + '"')
                        ? "{\"active\": true, \"name\": \"" + USER + "\"}"
                        : "{\"active\": false}").getBytes(UTF_8);
                exchange.getResponseHeaders().set("Content-Type", "application/json");
                exchange.sendResponseHeaders(200, answer.length);
                exchange.getResponseBody().write(answer);
            }
        });
        judge.start();
        return new Credentials(judge, users);
    }

    /** The tables that a gateway's configuration needs. */
    String tables() {
        return """
                [auth]
                users = "%s"
                [auth.bearer]
                url = "http://127.0.0.1:%d/judge"
                """.formatted(users, judge.getAddress().getPort());
    }

    @Override
    public void close() {
        judge.stop(0);
    }
}
