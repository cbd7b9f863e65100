package dev.penstock.reception;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.dkim.MessageSigning;
import dev.penstock.dkim.Signing;
import dev.penstock.policy.FromDomain;

/**
 * What a message's signatures need of its content, as it comes by: keeps its header section, and gives on the rest when the
 * domain in its From field is one that signs. Used by one thread at a time.
 */
final class ContentSigning {
    private static final List<String> FROM = List.of("from");
    private static final int FIRST_SIZE = 4 << 10; // a usual header section whole
    private static final byte[] NOTHING = {};

    private final Signing signing;
    private final EndOfHeader endOfHeader = new EndOfHeader();
    private byte[] section = NOTHING;
    private int length;
    private int kept;
    private boolean decided;
    private @Nullable MessageSigning message; // null when it isn't signed, or not known yet

    ContentSigning(Signing signing) {
        this.signing = signing;
    }

    void write(byte[] octets, int offset, int count) {
        int from = offset;
        int to = offset + count;
        if (!decided) {
            int end = endOfHeader.find(octets, from, to);
            keep(octets, from, end < 0 ? to : end);
            if (end < 0) {
                return;
            }
            decide();
            from = end;
        }
        if (message != null && to > from) {
            message.body(octets, from, to - from);
        }
    }

    private void keep(byte[] octets, int from, int to) {
        if (length + to - from > section.length) {
            section = Arrays.copyOf(section, Math.max(length + to - from, Math.max(FIRST_SIZE, 2 * section.length)));
            kept = section.length;
        }
        System.arraycopy(octets, from, section, length, to - from);
        length += to - from;
    }

    private void decide() {
        decided = true;
        String domain = FromDomain.of(new HeaderSection(section, length).fields(FROM));
        message = domain == null ? null : signing.begin(domain, section, length);
        kept = message == null ? 0 : section.length;
        section = NOTHING; // whoever signs has it
    }

    /** Octets of the header section that are kept for the signatures, till the message is committed or forgotten. */
    long kept() {
        return kept;
    }

    /** The content has ended; one without an empty line is a header section alone. */
    CompletableFuture<MessageSigning.Signed> sign(String tenant, boolean mayRefuse) {
        if (!decided) {
            decide();
        }
        MessageSigning signed = message;
        message = null;
        return signed == null
                ? CompletableFuture.completedFuture(MessageSigning.Signed.NOT)
                : signed.sign(tenant, mayRefuse);
    }
}
