package dev.penstock.smtp;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** What is read as a mailbox reads the same when it is written as a path. */
class MailboxParserFuzzTest {
    @FuzzTest(maxDuration = "30s")
    void aMailboxIsAPathToo(byte[] input) {
        String text = new String(input, UTF_8);
        Mailbox mailbox;
        try {
            mailbox = MailboxParser.parse(text, true);
        } catch (AddressSyntaxException e) {
            return;
        }
        String path = "<" + text + ">";
        if (path.getBytes(UTF_8).length <= MailboxParser.MAX_PATH
                && !MailboxParser.forwardPath(path, 0).path().mailbox().equals(mailbox)) {
            throw new AssertionError("path differs from " + mailbox);
        }
    }
}
