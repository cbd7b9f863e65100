package dev.penstock.preflight;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import dev.penstock.config.PreflightConfig;
import dev.penstock.config.PreflightConfig.Kind;
import dev.penstock.reception.HeaderSection;
import dev.penstock.reception.MessageFacts;
import dev.penstock.testing.Patience;

/**
 * Broken and sound messages, the zones of their senders, and what would become of each: {@code FAIL dkim Gmail 5.7.30}, or
 * nothing.
 */
class VerdictTableTest {
    private static Zones zones;
    private static Preflight preflight;

    @BeforeAll
    static void open() {
        zones = new Zones();
        preflight = new Preflight(PreflightConfig.DEFAULT, zones.router::records, zones.executor, System::nanoTime);
    }

    @AfterAll
    static void close() {
        zones.close();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theVerdictNamesThePublishedReply(Case one) {
        Verdict verdict = preflight.judge(one.facts(), one.kind, one.addresses, one.providers,
                Patience.LONG.toNanos()).join();
        List<String> found = verdict.findings().stream().map(finding -> finding.severity() + " " + finding.demand()
                + finding.replies().stream().map(reply -> " " + reply.shortly()).collect(Collectors.joining()))
                .toList();
        assertThat(found).as(verdict.toString()).containsExactlyInAnyOrderElementsOf(one.expected);
        assertThat(verdict.fails()).isEqualTo(one.expected.stream().anyMatch(line -> line.startsWith("FAIL")));
        assertThat(verdict.line()).as("one line, of printable ASCII").matches("[ -~]{0,400}");
    }

    static Stream<Case> cases() {
        return Stream.of(
                // Sound
                sound("sound marketing").expects(),
                sound("sound marketing, of everybody").to(all()).expects(),
                sound("sound transactional").kind(Kind.TRANSACTIONAL).unsubscribe(null, null).expects(),
                sound("sound personal").kind(Kind.PERSONAL).unsubscribe(null, null).expects(),
                sound("sent from an IPv6 address").addresses(Zones.SIX).expects(),
                sound("signed by the organization for a part of it").from("news@mail.sound.example").expects(),
                sound("signed by a part of the organization").signed("mail.sound.example", "s1").expects(),
                sound("aligned by SPF alone").signed("esp.example", "s1").returnPath("bounce.sound.example").expects(),
                sound("aligned by DKIM alone").returnPath("esp.example").expects(),
                sound("the name in From has a comma").header("From", "\"Shop, The\" <news@sound.example>").expects(),
                sound("From is folded").header("From", "Shop\r\n <news@sound.example>").expects(),
                sound("a bounce, with the null return path").kind(Kind.TRANSACTIONAL).unsubscribe(null, null)
                        .returnPath("").expects(),
                sound("two signatures, one of another domain").alsoSigned("esp.example", "s1").expects(),
                sound("two signatures, one without a key").alsoSigned("sound.example", "gone").expects(),
                sound("SPF by include").returnPath("include.example").expects(),
                sound("SPF by mx").returnPath("mx.example").expects(),
                sound("SPF by a").returnPath("a.example").expects(),
                sound("SPF by redirect").returnPath("redirect.example").expects(),
                sound("SPF by a macro").returnPath("macro.example").expects(),
                sound("eight labels below its DMARC record").from("n@a.b.c.d.e.f.g.h.sound.example")
                        .signed("a.b.c.d.e.f.g.h.sound.example", "s1").expects(),
                sound("no address of ours is known").addresses().expects(),
                // Form
                sound("no From").without("From").expects("FAIL one-from Gmail 5.7.1"),
                sound("two From fields").twice("From", "other@sound.example").expects("FAIL one-from Gmail 5.7.1"),
                sound("From of two domains").header("From", "a@sound.example, b@esp.example")
                        .expects("FAIL one-from Gmail 5.7.1"),
                sound("From that can't be read").header("From", "Shop <news@sound.example")
                        .expects("FAIL one-from Gmail 5.7.1"),
                sound("two Subjects").twice("Subject", "Another").expects("FAIL single-fields Gmail 5.7.1"),
                sound("no Message-ID").without("Message-ID").expects("FAIL message-id Gmail 5.7.1"),
                sound("a Message-ID without a domain").header("Message-ID", "<1234>")
                        .expects("FAIL message-id Gmail 5.7.1"),
                sound("no Date").without("Date").expects("WARN date Gmail 5.7.1"),
                sound("a bare LF").lines(new Facts.Lines(true, false, 70)).to(all())
                        .expects("FAIL line-ends Gmail 5.7.1 Yahoo Microsoft 5.6.11 Apple"),
                sound("an octet of zero").lines(new Facts.Lines(false, true, 70))
                        .expects("FAIL line-ends Gmail 5.7.1"),
                sound("a line of 999 octets").lines(new Facts.Lines(false, false, 999))
                        .expects("FAIL line-length Gmail 5.7.1"),
                // SPF
                sound("no SPF record").returnPath("nospf.example").expects("FAIL spf Gmail 5.7.27"),
                sound("SPF forbids it").returnPath("fail.example").to(all())
                        .expects("FAIL spf Gmail 5.7.27 Yahoo 5.7.9 Microsoft 5.7.515 Apple 5.7.1"),
                sound("SPF forbids it softly").returnPath("soft.example").expects("FAIL spf Gmail 5.7.27"),
                sound("SPF says nothing").returnPath("neutral.example").expects("FAIL spf Gmail 5.7.27"),
                sound("two SPF records").returnPath("twospf.example").expects("FAIL spf Gmail 5.7.27"),
                sound("SPF with a mistake").returnPath("bent.example").expects("FAIL spf Gmail 5.7.27"),
                sound("SPF with eleven look-ups").returnPath("many.example").expects("FAIL spf Gmail 5.7.27"),
                sound("SPF with three names that aren't there").returnPath("void.example")
                        .expects("FAIL spf Gmail 5.7.27"),
                sound("SPF that nobody answers for").returnPath("broken.example").expects("UNKNOWN spf Gmail 5.7.27"),
                sound("personal mail may fail SPF when it is signed").kind(Kind.PERSONAL).unsubscribe(null, null)
                        .returnPath("fail.example").expects(),
                // DKIM
                sound("no signature").unsigned().expects("FAIL dkim Gmail 5.7.30", "FAIL one-click Gmail"),
                sound("no key in the DNS").signed("sound.example", "none").to(Set.of(Provider.MICROSOFT))
                        .expects("FAIL dkim Microsoft 5.7.515"),
                sound("a key of 512 bits").signed("sound.example", "tiny").expects("FAIL dkim Gmail 5.7.30"),
                sound("a key of 1024 bits").signed("sound.example", "old").expects("WARN dkim Gmail 5.7.30"),
                sound("a revoked key").signed("sound.example", "gone").expects("FAIL dkim Gmail 5.7.30"),
                sound("a key that can't be read").signed("sound.example", "odd").expects("FAIL dkim Gmail 5.7.30"),
                sound("a key for another service").signed("sound.example", "web").expects("FAIL dkim Gmail 5.7.30"),
                sound("two keys at one name").signed("sound.example", "two").expects("FAIL dkim Gmail 5.7.30"),
                sound("an Ed25519 signature alone").algorithm("ed25519-sha256").signed("sound.example", "ed")
                        .expects("FAIL dkim Gmail 5.7.30"),
                sound("neither SPF nor DKIM").unsigned().returnPath("fail.example").to(Set.of(Provider.YAHOO)).expects(
                        "FAIL authenticated Yahoo 5.7.9", "FAIL dkim Yahoo 5.7.9", "FAIL spf Yahoo 5.7.9",
                        "FAIL alignment Yahoo 5.7.9", "FAIL one-click Yahoo"),
                sound("personal mail with neither").kind(Kind.PERSONAL).unsubscribe(null, null).unsigned()
                        .returnPath("fail.example").expects("FAIL authenticated Gmail 5.7.26"),
                // DMARC and alignment
                sound("a DMARC record with junk in it").from("n@junk.example")
                        .expects("FAIL authenticated Gmail 5.7.26", "FAIL alignment Gmail 5.7.32"),
                sound("a DMARC policy of quarantine that is tested only").from("n@testing.example")
                        .expects("FAIL alignment Gmail 5.7.32"),
                sound("a DMARC policy of reject that is tested is one of quarantine").from("n@testingreject.example")
                        .expects("FAIL authenticated Gmail 5.7.26", "FAIL alignment Gmail 5.7.32"),
                sound("a DMARC record whose sp= is wrong stands for p=none").from("n@wrongsub.example")
                        .expects("WARN dmarc Gmail 5.7.40", "FAIL alignment Gmail 5.7.32"),
                sound("a DMARC record with a wrong p= and no rua=").from("n@useless.example")
                        .expects("FAIL dmarc Gmail 5.7.40", "FAIL alignment Gmail 5.7.32"),
                sound("p= holds for the domain itself").from("n@parts.example")
                        .expects("FAIL alignment Gmail 5.7.32"),
                sound("sp= holds for what is below").from("n@there.parts.example")
                        .expects("FAIL authenticated Gmail 5.7.26", "FAIL alignment Gmail 5.7.32"),
                sound("np= holds for what isn't there").from("n@absent.parts.example")
                        .expects("FAIL authenticated Gmail 5.7.26", "FAIL alignment Gmail 5.7.32"),
                sound("sp= is milder than p= and np=").from("n@there.strictabsent.example")
                        .expects("FAIL alignment Gmail 5.7.32"),
                sound("np= is stricter than sp=").from("n@absent.strictabsent.example")
                        .expects("FAIL authenticated Gmail 5.7.26", "FAIL alignment Gmail 5.7.32"),
                sound("nobody says whether it is there").from("n@unsure.strictabsent.example")
                        .expects("UNKNOWN dmarc Gmail 5.7.40"),
                sound("np= of a public suffix").from("n@absent.psd.example")
                        .expects("FAIL authenticated Gmail 5.7.26", "FAIL alignment Gmail 5.7.32"),
                sound("no DMARC record").from("n@nodmarc.example").signed("nodmarc.example", "s1").to(all())
                        .expects("FAIL dmarc Gmail 5.7.40 Yahoo 5.7.9 Microsoft 5.7.515 Apple 5.7.1"),
                sound("two DMARC records").from("n@twodmarc.example").signed("twodmarc.example", "s1")
                        .expects("FAIL dmarc Gmail 5.7.40"),
                sound("a DMARC record without p=").from("n@nopolicy.example").signed("nopolicy.example", "s1")
                        .expects("WARN dmarc Gmail 5.7.40"),
                sound("not aligned").signed("esp.example", "s1").returnPath("esp.example").to(all()).expects(
                        "FAIL alignment Gmail 5.7.32 Yahoo 5.7.9 Microsoft 5.7.515 Apple 5.7.1"),
                sound("not aligned, and the policy is reject").from("n@reject.example")
                        .expects("FAIL alignment Gmail 5.7.32", "FAIL authenticated Gmail 5.7.26"),
                sound("strict alignment by a part of it").from("n@strict.example").signed("mail.strict.example", "s1")
                        .returnPath("mail.strict.example").expects("FAIL alignment Gmail 5.7.32"),
                sound("neighbours below a registry aren't aligned").from("n@a.registry.example")
                        .signed("b.registry.example", "s1").returnPath("b.registry.example")
                        .expects("FAIL alignment Gmail 5.7.32", "FAIL authenticated Gmail 5.7.26"),
                sound("a part that is its own organization isn't aligned with the whole").from("n@own.sound.example")
                        .expects("FAIL alignment Gmail 5.7.32"),
                sound("DNS doesn't answer for the author").from("n@nodns.example").signed("nodns.example", "s1")
                        .returnPath("nodns.example")
                        .expects("UNKNOWN dmarc Gmail 5.7.40", "UNKNOWN dkim Gmail 5.7.30"),
                // Addresses
                sound("an address without a name").addresses(Zones.GOOD, Zones.NAMELESS).to(all())
                        .expects("FAIL ptr Gmail 5.7.25 Yahoo Microsoft Apple"),
                sound("a name that leads elsewhere").addresses(Zones.MISNAMED).expects("FAIL ptr Gmail 5.7.25"),
                sound("a name that isn't known").addresses(Zones.UNASKED).expects("UNKNOWN ptr Gmail 5.7.25"),
                // Unsubscribing
                sound("no List-Unsubscribe").unsubscribe(null, null).to(all()).expects("FAIL one-click Gmail Yahoo"),
                sound("a mailto alone").unsubscribe("<mailto:u@sound.example>", "List-Unsubscribe=One-Click")
                        .expects("FAIL one-click Gmail"),
                sound("http without the s").unsubscribe("<http://sound.example/u>", "List-Unsubscribe=One-Click")
                        .expects("FAIL one-click Gmail"),
                sound("no List-Unsubscribe-Post").unsubscribe("<https://sound.example/u>", null)
                        .expects("FAIL one-click Gmail"),
                sound("a List-Unsubscribe-Post that says something else")
                        .unsubscribe("<https://sound.example/u>", "yes").expects("FAIL one-click Gmail"),
                sound("unsubscribe fields that aren't signed").signedFields("from:to:subject:date")
                        .expects("FAIL one-click Gmail"),
                sound("one-click on transactional mail").kind(Kind.TRANSACTIONAL).expects("WARN one-click Gmail"));
    }

    private static Set<Provider> all() {
        return EnumSet.allOf(Provider.class);
    }

    private static Case sound(String name) {
        return new Case(name);
    }

    /** A message that nobody minds, to be changed. */
    static final class Case {
        private final String name;
        private final Map<String, String> header = new LinkedHashMap<>();
        private final List<String> more = new ArrayList<>();
        private final List<String[]> signatures = new ArrayList<>();
        private String returnDomain = "sound.example";
        private String fields = "from:to:subject:date:message-id:list-unsubscribe:list-unsubscribe-post";
        private String algorithm = "rsa-sha256";
        private Kind kind = Kind.MARKETING;
        private Set<Provider> providers = Set.of(Provider.GMAIL);
        private List<String> addresses = List.of(Zones.GOOD);
        private Facts.Lines lines = Facts.Lines.FINE;
        private List<String> expected = List.of();

        Case(String name) {
            this.name = name;
            header.put("From", "Shop <news@sound.example>");
            header.put("To", "jo@gmail.com");
            header.put("Subject", "Spring");
            header.put("Date", "Sat, 28 Nov 2026 21:00:00 +0000");
            header.put("Message-ID", "<1.2@sound.example>");
            unsubscribe("<https://sound.example/u?x=1>, <mailto:u@sound.example>", "List-Unsubscribe=One-Click");
            signatures.add(new String[]{"sound.example", "s1"});
        }

        Case from(String address) {
            return header("From", address);
        }

        Case header(String field, String value) {
            header.put(field, value);
            return this;
        }

        Case without(String field) {
            header.remove(field);
            return this;
        }

        Case twice(String field, String value) {
            more.add(field + ": " + value + "\r\n");
            return this;
        }

        Case unsubscribe(@Nullable String list, @Nullable String post) {
            header.remove("List-Unsubscribe");
            header.remove("List-Unsubscribe-Post");
            if (list != null) {
                header.put("List-Unsubscribe", list);
            }
            if (post != null) {
                header.put("List-Unsubscribe-Post", post);
            }
            return this;
        }

        Case unsigned() {
            signatures.clear();
            return this;
        }

        Case signed(String domain, String selector) {
            signatures.clear();
            return alsoSigned(domain, selector);
        }

        Case alsoSigned(String domain, String selector) {
            signatures.add(new String[]{domain, selector});
            return this;
        }

        Case signedFields(String names) {
            fields = names;
            return this;
        }

        Case algorithm(String word) {
            algorithm = word;
            return this;
        }

        Case returnPath(String domain) {
            returnDomain = domain;
            return this;
        }

        Case kind(Kind other) {
            kind = other;
            return this;
        }

        Case to(Set<Provider> others) {
            providers = others;
            return this;
        }

        Case addresses(String... ours) {
            addresses = List.of(ours);
            return this;
        }

        Case lines(Facts.Lines other) {
            lines = other;
            return this;
        }

        Case expects(String... findings) {
            expected = List.of(findings);
            return this;
        }

        Facts facts() {
            StringBuilder text = new StringBuilder();
            signatures.forEach(one -> text.append("DKIM-Signature: v=1; a=").append(algorithm).append("; d=")
                    .append(one[0]).append("; s=").append(one[1]).append(";\r\n\th=").append(fields)
                    .append(";\r\n\tbh=x; b=y\r\n"));
            header.forEach((field, value) -> text.append(field).append(": ").append(value).append("\r\n"));
            more.forEach(text::append);
            text.append("\r\nHello\r\n");
            return MessageFacts.of(HeaderSection.of(text.toString().getBytes(UTF_8)).fields(MessageFacts.WANTED),
                    returnDomain, lines);
        }

        @Override
        public String toString() {
            return name;
        }
    }
}
