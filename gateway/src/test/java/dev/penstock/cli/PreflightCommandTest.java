package dev.penstock.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.preflight.Zones;

/** {@code penstock preflight}: what people read. */
class PreflightCommandTest {
    private static final String SOUND = """
            DKIM-Signature: v=1; a=rsa-sha256; d=sound.example; s=s1; b=x;
             h=from:to:list-unsubscribe:list-unsubscribe-post
            From: Shop <news@sound.example>
            To: jo@gmail.com
            Date: Sat, 28 Nov 2026 21:00:00 +0000
            Message-ID: <1@sound.example>
            List-Unsubscribe: <https://sound.example/u>
            List-Unsubscribe-Post: List-Unsubscribe=One-Click

            Hello
            """;

    private static Zones zones;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @TempDir
    Path directory;
    private Path config;

    @BeforeAll
    static void open() {
        zones = new Zones();
    }

    @AfterAll
    static void close() {
        zones.close();
    }

    @BeforeEach
    void configure() throws IOException {
        config = Files.writeString(directory.resolve("penstock.toml"), """
                [dns]
                servers = ["%s"]
                [preflight]
                addresses = ["192.0.2.10"]
                [preflight.tenants.shop]
                kind = "transactional"
                """.formatted(zones.dns.server()));
    }

    @Test
    void aSoundMessageIsSaidToBe() throws IOException {
        assertThat(preflight(SOUND)).isZero();
        assertThat(printed()).endsWith("m.eml: nothing is wrong\n");
    }

    @Test
    void aFindingSaysWhatIsWrongWhoAnswersWhatAndHowToMendIt() throws IOException {
        assertThat(preflight(SOUND.replace("s=s1", "s=gone"), "--to", "jo@gmail.com", "--to", "x@elsewhere.example"))
                .isEqualTo(1);
        assertThat(printed()).contains("""
                FAIL     dkim           the signature of sound.example can't be verified: \
                gone._domainkey.sound.example: the key was revoked (p= is empty)
                                        Gmail: 550 5.7.30
                                        to mend: publish an RSA key of 2,048 bits at gone._domainkey.sound.example
                """).contains("m.eml: would get Gmail 5.7.30: the signature of sound.example");
    }

    @Test
    void jsonHasTheSame() throws IOException {
        assertThat(preflight(SOUND.replace("https:", "http:"), "--json", "--to", "jo@gmail.com")).isEqualTo(1);
        assertThat(printed()).contains("\"verdict\":\"fail\"", "\"demand\":\"one-click\"",
                "\"what\":\"List-Unsubscribe has http and no https\"",
                "\"replies\":[{\"provider\":\"Gmail\",\"code\":\"\"}]");
    }

    @Test
    void theTenantsKindAndTheReturnPathCount() throws IOException {
        String plain = SOUND.replaceAll("(?m)^List-Unsubscribe.*\n", "");
        assertThat(preflight(plain)).isEqualTo(1);
        assertThat(preflight(plain, "--tenant", "shop")).isZero();
        assertThat(preflight(plain, "--kind", "transactional", "--from", "b@fail.example")).isEqualTo(1);
        assertThat(printed()).contains("the SPF record of fail.example doesn't allow 192.0.2.10");
        assertThat(preflight(SOUND, "--address", Zones.NAMELESS)).isEqualTo(1);
        assertThat(printed()).contains("Gmail: 550 5.7.25").contains("192.0.2.11 has no name (PTR)");
    }

    @Test
    void whatDnsDoesntSayIsNeitherRightNorWrong() throws IOException {
        assertThat(preflight(SOUND, "--from", "b@broken.example")).isEqualTo(ExitCode.TEMPORARY);
        assertThat(printed()).contains("UNKNOWN  spf").contains("SERVFAIL").contains("not all is known");
    }

    @Test
    void linesOfFilesMayEndInLfAloneButNotSomeOfThem() throws IOException {
        assertThat(preflight(SOUND.replace("\n", "\r\n") + "bare\nlf\r\n")).isEqualTo(1);
        assertThat(printed()).contains("a CR or LF stands alone").contains("Microsoft: 550 5.6.11");
    }

    @Test
    void whatCantBeReadIsSaid() throws IOException {
        assertThat(penstock("preflight", directory.resolve("none.eml").toString())).isEqualTo(ExitCode.NO_INPUT);
        assertThat(preflight(SOUND, "--address", "mail.example")).isEqualTo(ExitCode.USAGE);
        Files.writeString(config, "[preflight]\nmode = \"maybe\"\n");
        assertThat(preflight(SOUND)).isEqualTo(ExitCode.CONFIG);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("none.eml can't be read",
                "--address mail.example: expected an IP address",
                "penstock.toml:2:1: preflight.mode:", "\"off\", \"tag\", \"hold\", \"refuse\"");
    }

    private int preflight(String message, String... more) throws IOException {
        Path file = Files.writeString(directory.resolve("m.eml"), message);
        List<String> arguments = new ArrayList<>(List.of("preflight", file.toString(), "--config", config.toString()));
        arguments.addAll(List.of(more));
        return penstock(arguments.toArray(String[]::new));
    }

    private int penstock(String... arguments) {
        return Main.execute((_) -> {
            throw new AssertionError("nothing is to be started");
        }, (_, _) -> {}, new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), arguments);
    }

    private String printed() {
        return out.toString(StandardCharsets.UTF_8);
    }
}
