package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.DkimConfig.MissingKey;
import dev.penstock.config.DkimConfig.Signature;

class DkimReaderTest {
    @TempDir
    private Path directory;

    private ConfigReader.Result read(String text) throws IOException {
        return ConfigReader.read(Files.writeString(directory.resolve("penstock.toml"), text));
    }

    private DkimConfig dkim(String text) throws IOException {
        return switch (read(text)) {
            case ConfigReader.Valid valid -> valid.config().dkim();
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    private List<String> errors(String text) throws IOException {
        return switch (read(text)) {
            case ConfigReader.Valid _ -> List.of();
            case ConfigReader.Invalid invalid -> invalid.problems().stream()
                    .map(problem -> problem.toString()
                            .substring(directory.resolve("penstock.toml").toString().length()))
                    .toList();
        };
    }

    @Test
    void everyKeyIsMapped() throws IOException {
        assertThat(dkim("""
                [dkim]
                missing-key = "hold"
                [[dkim.signature]]
                domains = ["Example.com", ".b\u00fccher.example"]
                tenants = ["acme"]
                domain = "Signer.example"
                selector = "S1.2026"
                key = "/etc/keys/{domain}.{selector}.pem"
                header-canonicalization = "simple"
                body-canonicalization = "simple"
                headers = ["From", "X-Mine"]
                oversign = ["Subject"]
                expiry = "30d"
                identity = "news@sub.{domain}"
                """)).isEqualTo(new DkimConfig(MissingKey.HOLD,
                List.of(new Signature(List.of("example.com", ".xn--bcher-kva.example"), List.of("acme"),
                        "signer.example", "s1.2026", "/etc/keys/{domain}.{selector}.pem", Canonicalization.SIMPLE,
                        Canonicalization.SIMPLE, List.of("from", "x-mine"), List.of("subject"), Duration.ofDays(30),
                        "news@sub.{domain}"))));
    }

    @Test
    void whatIsLeftOutHasItsDefault() throws IOException {
        Signature signature = dkim("[[dkim.signature]]\nselector = \"s1\"\n").signatures().getFirst();

        assertThat(signature).isEqualTo(Signature.of("*", "s1", "keys/{domain}/{selector}.key"));
        assertThat(signature.keyFile("example.com")).isEqualTo(Path.of("keys/example.com/s1.key"));
        assertThat(signature.domainFor("example.com")).isEqualTo("example.com");
        assertThat(signature.headers()).containsAll(signature.oversign());
        assertThat(dkim("").signatures()).isEmpty();
        assertThat(dkim("").missingKey()).isEqualTo(MissingKey.SEND_UNSIGNED);
    }

    @Test
    void whatIsWrongIsNamed() throws IOException {
        assertThat(errors("""
                [dkim]
                missing-key = "drop"
                [[dkim.signature]]
                domains = []
                domain = "a_b..c"
                key = "keys/{tenant}.key"
                headers = ["From:", "Received"]
                [[dkim.signature]]
                selector = "a b"
                body-canonicalization = "strict"
                expiry = "-1s"
                identity = "@other.example"
                selectors = ["x"]
                [[dkim.signature]]
                selector = "s1"
                domain = "example.com"
                identity = "no address"
                """)).containsExactly(
                ":2:1: dkim.missing-key: \"drop\": unknown; allowed: \"send-unsigned\", \"refuse\", \"hold\"",
                ":4:1: dkim.signature[0].selector: is missing; expected a text like \"s1\"",
                ":4:1: dkim.signature[0].domains: at least one is needed; \"*\" is for all",
                ":5:1: dkim.signature[0].domain: \"a_b..c\": expected a domain name like example.com: "
                        + "labels of 1 to 63 letters, digits and hyphens",
                ":6:1: dkim.signature[0].key: \"keys/{tenant}.key\": {tenant} is unknown; allowed: "
                        + "{domain}, {selector}",
                ":7:12: dkim.signature[0].headers[0]: \"From:\": expected the name of a header field, "
                        + "without the colon",
                ":7:21: dkim.signature[0].headers[1]: \"Received\": changes or is added on the way (RFC "
                        + "6376 5.4), and can't be signed",
                ":9:1: dkim.signature[1].selector: \"a b\": expected labels of letters, digits, - and _, "
                        + "of 63 characters at most",
                ":10:1: dkim.signature[1].body-canonicalization: \"strict\": unknown; allowed: \"simple\", "
                        + "\"relaxed\"",
                ":11:1: dkim.signature[1].expiry: \"-1s\": expected a duration like 300ms, 30s, 5m, 2h30m or 5d",
                ":12:1: dkim.signature[1].identity: \"@other.example\": its domain must be that of d= or "
                        + "below it (RFC 6376 3.5); allowed: \"@{domain}\", \"name@{domain}\", \"@sub.{domain}\"",
                ":13:1: dkim.signature[1].selectors: unknown key; did you mean selector?",
                ":17:1: dkim.signature[2].identity: \"no address\": expected an address without quotes, "
                        + "like \"@{domain}\"");
    }
}
