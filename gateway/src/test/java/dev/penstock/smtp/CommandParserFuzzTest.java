package dev.penstock.smtp;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** No line makes the parser throw, and what it takes for an address is one. */
class CommandParserFuzzTest {
    @FuzzTest(maxDuration = "30s")
    void anyLineGivesACommand(byte[] line) {
        switch (CommandParser.parse(line, 0, line.length)) {
            case Command.Mail mail when mail.path().mailbox() != null -> check(mail.path().mailbox());
            case Command.Rcpt rcpt when !rcpt.path().isLocalPostmaster() -> check(rcpt.path().mailbox());
            case Command.Malformed malformed when !malformed.reply().isPermanent() ->
                throw new AssertionError("refused with " + malformed.reply());
            default -> {
            }
        }
    }

    private static void check(Mailbox mailbox) {
        if (mailbox.address().chars().anyMatch(c -> c < ' ' || c == 127)) {
            throw new AssertionError("control character in " + mailbox);
        }
        for (int i = 0; i < mailbox.domain().length(); i++) {
            if (mailbox.domain().charAt(i) > 126 || mailbox.domain().charAt(i) <= ' ') {
                throw new AssertionError("domain not routable in " + mailbox);
            }
        }
    }
}
