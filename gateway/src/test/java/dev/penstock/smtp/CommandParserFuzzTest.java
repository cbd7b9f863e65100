package dev.penstock.smtp;

import java.util.Map;

import com.code_intelligence.jazzer.junit.FuzzTest;
import org.jspecify.annotations.Nullable;

/** No line makes the parser throw, and what it takes for an address is one. */
class CommandParserFuzzTest {
    @FuzzTest(maxDuration = "30s")
    void anyLineGivesACommand(byte[] line) {
        switch (CommandParser.parse(line, 0, line.length)) {
            case Command.Mail mail -> {
                if (mail.path().mailbox() != null) {
                    check(mail.path().mailbox());
                }
                check(mail.parameters().envid());
                check(mail.parameters().auth());
            }
            case Command.Rcpt rcpt -> {
                if (!rcpt.path().isLocalPostmaster()) {
                    check(rcpt.path().mailbox());
                }
                if (rcpt.parameters().orcpt() != null) {
                    check(rcpt.parameters().orcpt().address());
                    check(rcpt.parameters().orcpt().type());
                }
            }
            case Command.Xclient(Map<String, String> attributes) -> attributes.values()
                    .forEach(CommandParserFuzzTest::check);
            case Command.Malformed malformed when !malformed.reply().isPermanent() ->
                throw new AssertionError("refused with " + malformed.reply());
            default -> {
            }
        }
    }

    private static void check(@Nullable String text) {
        if (text != null && text.chars().anyMatch(c -> c < ' ' || c == 127)) {
            throw new AssertionError("control character in " + text);
        }
    }

    private static void check(Mailbox mailbox) {
        check(mailbox.address());
        for (int i = 0; i < mailbox.domain().length(); i++) {
            if (mailbox.domain().charAt(i) > 126 || mailbox.domain().charAt(i) <= ' ') {
                throw new AssertionError("domain not routable in " + mailbox);
            }
        }
    }
}
