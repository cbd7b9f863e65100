package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Name;
import org.xbill.DNS.TXTRecord;
import picocli.CommandLine;

import dev.penstock.routing.ZoneServer;

class DkimCommandTest {
    private static final String MESSAGE = """
            DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
             d=football.example.com; i=@football.example.com;
             q=dns/txt; s=brisbane; t=1528637909; h=from : to :
             subject : date : message-id : from : subject : date;
             bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
             b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
             Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
            From: Joe SixPack <joe@football.example.com>
            To: Suzie Q <suzie@shopping.example.net>
            Subject: Is dinner ready?
            Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
            Message-ID: <20030712040037.46341.5F8J@football.example.com>

            Hi.

            We lost the game.  Are you hungry yet?

            Joe.
            """;
    private static final String KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    @TempDir
    private Path directory;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(String... arguments) {
        out.reset();
        err.reset();
        return new CommandLine(
                new DkimCommand(new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8)))
                .setCaseInsensitiveEnumValuesAllowed(true).execute(arguments);
    }

    private String out() {
        return out.toString(UTF_8);
    }

    private static void publish(ZoneServer zone, String name, String text) throws IOException {
        List<String> strings = text.length() < 200
                ? List.of(text)
                : List.of(text.substring(0, 200), text.substring(200));
        zone.add(new TXTRecord(Name.fromString(name + "."), DClass.IN, 60, strings));
    }

    @Test
    void aKeyIsMadePublishedAndChecked() throws IOException {
        Path file = directory.resolve("keys/example.com/s1.key");
        assertThat(run("keygen", file.toString())).isZero();
        String record = out().strip();
        assertThat(record).startsWith("v=DKIM1; k=rsa; p=MII");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
        assertThat(run("keygen", file.toString())).isEqualTo(ExitCode.CANT_CREATE);
        assertThat(err.toString(UTF_8)).contains("is there already");

        assertThat(run("dns-record", file.toString(), "-d", "example.com", "-s", "s1")).isZero();
        assertThat(out()).startsWith("s1._domainkey.example.com. IN TXT ( \"v=DKIM1; k=rsa; ").endsWith("\" )\n");
        assertThat(out().split("\"")).allMatch(string -> string.length() <= 255);
        assertThat(out().replaceAll("[^\"]*\"([^\"]*)\"[^\"]*", "$1").strip()).isEqualTo(record);

        Path config = Files.writeString(directory.resolve("penstock.toml"), """
                [[dkim.signature]]
                selector = "s1"
                key = "%1$s/keys/{domain}/{selector}.key"
                [[dkim.signature]]
                domains = [".com"]
                selector = "s2"
                key = "%1$s/none"
                [[dkim.signature]]
                domains = ["example.org"]
                selector = "s3"
                """.formatted(directory));
        try (ZoneServer zone = new ZoneServer(0).start()) {
            publish(zone, "s1._domainkey.example.com", record);
            String dns = zone.server();
            assertThat(run("check", "example.com", "-s", "s1", "-k", file.toString(), "--dns", dns)).isZero();
            assertThat(out()).isEqualTo("rsa, 2048 bits, belongs to " + file + "\n");

            assertThat(run("check", "example.com", "-c", config.toString(), "--dns", dns)).isEqualTo(1);
            assertThat(out()).isEqualTo("rsa, 2048 bits, belongs to " + file + "\n"
                    + "s2._domainkey.example.com: " + directory + "/none: no such file\n"
                    + "s2._domainkey.example.com: there is no such TXT record\n");

            publish(zone, "cut._domainkey.example.com", record.substring(0, 254));
            publish(zone, "odd._domainkey.example.com", KEY);
            assertThat(run("check", "example.com", "-s", "cut", "--dns", dns)).isEqualTo(1);
            assertThat(out()).contains("cut off");
            assertThat(run("check", "example.com", "-s", "odd", "-k", file.toString(), "--dns", dns)).isEqualTo(1);
            assertThat(out()).contains("isn't the other half of the private key; expected v=DKIM1; k=rsa");
        }
    }

    @Test
    void aMessageIsVerifiedByTheDnsOrByAFile() throws IOException {
        Path message = Files.writeString(directory.resolve("message"), MESSAGE);
        Path keys = Files.writeString(directory.resolve("keys"),
                "brisbane._domainkey.football.example.com " + KEY + "\n");
        assertThat(run("verify", message.toString(), "--keys", keys.toString())).isZero();
        assertThat(out()).isEqualTo("pass d=football.example.com s=brisbane a=ed25519-sha256\n");
        try (ZoneServer zone = new ZoneServer(0).start()) {
            assertThat(run("verify", message.toString(), "--dns", zone.server())).isEqualTo(1);
            assertThat(out()).startsWith("permerror ").contains("(there is no key at brisbane.");
            publish(zone, "brisbane._domainkey.football.example.com", KEY);
            assertThat(run("verify", message.toString(), "--dns", zone.server())).isZero();
        }
        Files.writeString(message, MESSAGE.replace("Joe.", "Jim."));
        assertThat(run("verify", message.toString(), "--keys", keys.toString())).isEqualTo(1);
        assertThat(out()).startsWith("fail ").contains("the body isn't what was signed");
    }

    @Test
    void wrongUseIsExplained() {
        assertThat(run("keygen", "x", "--bits", "512")).isEqualTo(ExitCode.USAGE);
        assertThat(run("check", "example.com")).isEqualTo(ExitCode.USAGE);
        assertThat(run("verify", directory + "/none")).isEqualTo(ExitCode.NO_INPUT);
        assertThat(run("dns-record", directory + "/none", "-d", "a", "-s", "b")).isEqualTo(ExitCode.NO_INPUT);
        assertThat(err.toString(UTF_8)).isEqualTo("penstock: " + directory + "/none: no such file\n");
    }
}
