package dev.penstock.smtp;

import java.nio.ByteBuffer;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** Any input gives replies or a {@link ReplySyntaxException}, the same in one piece and octet by octet. */
class ReplyParserFuzzTest {
    @FuzzTest(maxDuration = "30s")
    void anyInputIsAReplyOrRefused(byte[] input) {
        String whole = read(input, input.length);
        String pieces = read(input, 1);
        if (!whole.equals(pieces)) {
            throw new AssertionError(whole + " but in pieces " + pieces);
        }
    }

    private static String read(byte[] input, int step) {
        ReplyParser parser = new ReplyParser(200, 10);
        StringBuilder replies = new StringBuilder();
        try {
            for (int i = 0; i < input.length; i += step) {
                ByteBuffer in = ByteBuffer.wrap(input, i, Math.min(step, input.length - i));
                for (Reply reply = parser.parse(in); reply != null; reply = parser.parse(in)) {
                    replies.append(reply).append(' ');
                    Reply again = new ReplyParser().parse(ByteBuffer.wrap(reply.encode()));
                    if (again == null || again.code() != reply.code()) {
                        throw new AssertionError(reply + " reads back as " + again);
                    }
                }
            }
        } catch (ReplySyntaxException e) {
            replies.append(e.getMessage());
        }
        return replies.toString();
    }
}
