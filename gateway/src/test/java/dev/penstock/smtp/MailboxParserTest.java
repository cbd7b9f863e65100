package dev.penstock.smtp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MailboxParserTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "a@example.com                    | a                   | example.com",
        "a@EXAMPLE.Com                    | a                   | example.com",
        "a+b=c/d'e@localhost              | a+b=c/d'e           | localhost",
        "double..dot.@docomo.example      | double..dot.        | docomo.example",
        "\"a b\"@example.com              | \"a b\"             | example.com",
        "\"a@b\\\"c\\\\\"@example.com     | \"a@b\\\"c\\\\\"    | example.com",
        "\"\"@example.com                 | \"\"                | example.com",
        "a@under_score.example            | a                   | under_score.example",
        "a@[192.0.2.1]                    | a                   | [192.0.2.1]",
        "a@[IPv6:2001:DB8::1]             | a                   | [IPv6:2001:db8::1]",
        "a@[ipv6:::1]                     | a                   | [IPv6:::1]",
        "a@[IPv6:::]                      | a                   | [IPv6:::]",
        "a@[IPv6:::ffff:192.0.2.1]        | a                   | [IPv6:::ffff:192.0.2.1]",
        "a@[IPv6:1:2:3:4:5:6:7:8]         | a                   | [IPv6:1:2:3:4:5:6:7:8]",
        "a@bücher.example                 | a                   | xn--bcher-kva.example",
        "a@BÜCHER.example                 | a                   | xn--bcher-kva.example",
        "δοκιμή@παράδειγμα.δοκιμή         | δοκιμή              | xn--hxajbheg2az3al.xn--jxalpdlp"})
    void mailboxesGiveLocalPartAndRoutableDomain(String text, String localPart, String domain) {
        Mailbox mailbox = MailboxParser.parse(text, true);
        assertThat(mailbox.address()).isEqualTo(text);
        assertThat(mailbox.localPart()).isEqualTo(localPart);
        assertThat(mailbox.domain()).isEqualTo(domain);
        assertThat(mailbox.utf8()).isEqualTo(text.chars().anyMatch(c -> c > 127));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a", "@example.com", "a@", "a@.com", "a@example.com.", "a@x..y", "a@-x.y", "a@x-.y",
        "a b@example.com",
        "a@exa mple.com", "a@example.com ", "\"a@example.com", "\"a\"b@example.com", "\"a\tb\"@example.com",
        "a@[192.0.2]",
        "a@[192.0.2.256]", "a@[192.0.2.1", "a@[192.0.2.1]x", "a@[IPv6:1:2:3]", "a@[IPv6:1::2::3]", "a@[IPv6:12345::]",
        "a@[IPv6:1:]",
        "a@[IPv6:1:2:3:4:5:6:7:8:9]", "a@[IPv6:::1%eth0]", "a@[]", "a@[x:y]", "a<b@example.com", "a@b@example.com",
        "a@ex\u2028ample.com"})
    void whatIsNoMailboxIsRefused(String text) {
        assertThatExceptionOfType(AddressSyntaxException.class).isThrownBy(() -> MailboxParser.parse(text, true));
    }

    @ParameterizedTest
    @ValueSource(strings = {"jürgen@example.com", "a@bücher.example"})
    void utf8IsRefusedUnlessAllowed(String text) {
        assertThatExceptionOfType(AddressSyntaxException.class).isThrownBy(() -> MailboxParser.parse(text, false));
    }

    @Test
    void lengthsAreLimited() {
        String label = "x".repeat(63);
        String domain = label + "." + label + "." + label + "." + "x".repeat(50);
        assertThat(MailboxParser.parse("a".repeat(255) + "@example.com", false).localPart()).hasSize(255);
        refused("a".repeat(256) + "@example.com");
        refused("ü".repeat(128) + "@example.com");
        assertThat(MailboxParser.parse("a@" + domain, false).domain()).isEqualTo(domain);
        refused("a@" + "x".repeat(64) + ".example");
        refused("a@" + domain + "." + label);
    }

    /** Whom a message may come from, a report can go to, and mail that comes back can be taken for. */
    @Test
    void localPartsHaveOneLimitWhateverTheAddressIsFor() {
        String longest = "v".repeat(255) + "@example.com";
        assertThat(MailboxParser.parse(longest, false).address()).isEqualTo(longest);
        assertThat(MailboxParser.reversePath("<" + longest + ">", 0).path().address()).isEqualTo(longest);
        assertThat(MailboxParser.forwardPath("<" + longest + ">", 0).path().address()).isEqualTo(longest);
        String tooLong = "v" + longest;
        refused(tooLong);
        assertThatExceptionOfType(AddressSyntaxException.class)
                .isThrownBy(() -> MailboxParser.reversePath("<" + tooLong + ">", 0));
        assertThatExceptionOfType(AddressSyntaxException.class)
                .isThrownBy(() -> MailboxParser.forwardPath("<" + tooLong + ">", 0));
    }

    @Test
    void aSourceRouteCountsIntoThePath() {
        String route = "@a.example,".repeat(45); // 495 octets
        assertThat(MailboxParser.forwardPath("<" + route + "@a:b@c>", 0).path().address()).isEqualTo("b@c");
        assertThatExceptionOfType(AddressSyntaxException.class)
                .isThrownBy(() -> MailboxParser.forwardPath("<" + route + "@a.example,@a.example:b@c>", 0));
    }

    @Test
    void sourceRoutesAreDropped() {
        assertThat(MailboxParser.forwardPath("<@one.example,@[192.0.2.1]:a@example.com>", 0).path().address())
                .isEqualTo("a@example.com");
        assertThatExceptionOfType(AddressSyntaxException.class)
                .isThrownBy(() -> MailboxParser.forwardPath("<@one.example a@example.com>", 0));
    }

    private static void refused(String text) {
        assertThatExceptionOfType(AddressSyntaxException.class).isThrownBy(() -> MailboxParser.parse(text, true));
    }
}
