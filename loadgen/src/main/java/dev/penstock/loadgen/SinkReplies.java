package dev.penstock.loadgen;

/** The sink's replies in wire form, with or without enhanced status codes. Immutable. */
final class SinkReplies {
    final byte[] greeting = Ascii.of("220 sink.penstock.test ESMTP Penstock sink\r\n");
    final byte[] helo = Ascii.of("250 sink.penstock.test\r\n");
    final byte[] data = Ascii.of("354 End data with <CR><LF>.<CR><LF>\r\n");
    final byte[] ehlo;
    final byte[] ok;
    final byte[] sender;
    final byte[] recipient;
    final byte[] accepted;
    final byte[] deferred;
    final byte[] bounced;
    final byte[] tooLarge;
    final byte[] outOfSequence;
    final byte[] noRecipients;
    final byte[] tooManyRecipients;
    final byte[] cannotVerify;
    final byte[] unknown;
    final byte[] tooLong;
    final byte[] bye;

    private final boolean enhanced;

    SinkReplies(SinkOptions options) {
        enhanced = options.enhancedCodes();
        ehlo = ehlo(options);
        ok = reply(250, "2.0.0", "Ok");
        sender = reply(250, "2.1.0", "Ok");
        recipient = reply(250, "2.1.5", "Ok");
        accepted = reply(250, "2.0.0", "Ok, counted");
        deferred = reply(451, "4.2.0", "Deferred by the sink's behaviour");
        bounced = reply(550, "5.1.1", "Refused by the sink's behaviour");
        tooLarge = reply(552, "5.3.4", "Message larger than this sink takes");
        outOfSequence = reply(503, "5.5.1", "Bad sequence of commands");
        noRecipients = reply(554, "5.5.1", "No valid recipients");
        tooManyRecipients = reply(452, "4.5.3", "Too many recipients");
        cannotVerify = reply(252, "2.1.5", "Send some mail and see");
        unknown = reply(500, "5.5.2", "Command not recognized");
        tooLong = reply(500, "5.5.6", "Line too long");
        bye = reply(221, "2.0.0", "Bye");
    }

    private byte[] reply(int code, String status, String text) {
        return Ascii.of(code + " " + (enhanced ? status + " " : "") + text + "\r\n");
    }

    private static byte[] ehlo(SinkOptions options) {
        StringBuilder text = new StringBuilder("250-sink.penstock.test\r\n");
        if (options.pipelining()) {
            text.append("250-PIPELINING\r\n");
        }
        if (options.chunking()) {
            text.append("250-CHUNKING\r\n");
        }
        if (options.eightBit()) {
            text.append("250-8BITMIME\r\n");
        }
        if (options.enhancedCodes()) {
            text.append("250-ENHANCEDSTATUSCODES\r\n");
        }
        if (options.size() > 0) {
            text.append("250-SIZE ").append(options.size()).append("\r\n");
        }
        text.setCharAt(text.lastIndexOf("250-") + 3, ' ');
        return Ascii.of(text.toString());
    }
}
