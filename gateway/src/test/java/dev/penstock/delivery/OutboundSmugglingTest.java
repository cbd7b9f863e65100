package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.QueueConfig;
import dev.penstock.message.Content;
import dev.penstock.message.MemoryContent;
import dev.penstock.testing.FakeMx;

/** Content that a sloppy receiver would see an end of data in, and commands of the sender's choice behind it. */
@Timeout(180)
final class OutboundSmugglingTest {
    private static final String SMUGGLED = "MAIL FROM:<evil@example.com>\\r\\nRCPT TO:<victim@example.org>\\r\\nDATA\\r\\n"
            + "Subject: evil\\r\\n\\r\\nevil";
    /** Every end of data that some receiver has been seen to take. */
    private static final Pattern END_OF_DATA = Pattern.compile("(\\r\\n|\\r|\\n)\\.(\\r\\n|\\r|\\n)");

    @ParameterizedTest
    @ValueSource(strings = {"\\n.\\n", "\\n.\\r\\n", "\\r\\n.\\n", "\\r.\\r", "\\r.\\r\\n", "\\r\\n.\\r",
        "\\r\\n.\\r\\r\\n",
        "\\r\\r\\n.\\r\\r\\n", "\\n\\r.\\n\\r", "\\r\\n.\\r\\n", "\\r.\\n", "\\n.\\r", "\\0\\r\\n.\\r\\n",
        "\\r\\0\\n.\\r\\n",
        "\\r\\n\\0.\\r\\n", "\\r\\n.\\0\\r\\n", "\\r\\n.\\r\\0\\n", "\\n\\0.\\n"})
    void noEndOfDataButTheTrueOneLeaves(String escaped) {
        String end = escaped.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0");
        String smuggled = SMUGGLED.replace("\\r", "\r").replace("\\n", "\n");
        byte[] content = ("Subject: harmless\r\n\r\nharmless" + end + smuggled + end + "QUIT" + end)
                .getBytes(StandardCharsets.ISO_8859_1);
        for (Content one : List.of(MemoryContent.of(content),
                new MemoryContent(content, 0, content.length, false, false), new OctetByOctet(content))) {
            try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig()) {
                rig.route(mx);
                String text = received(mx, rig, one);
                assertThat(text).endsWith("\r\n.\r\n");
                assertThat(END_OF_DATA.matcher(text).results()).as(text).hasSize(1);
            }
            for (PeerKnowledge.Bdat known : List.of(PeerKnowledge.Bdat.UNKNOWN, PeerKnowledge.Bdat.SOUND)) {
                try (FakeMx mx = new FakeMx().offering("PIPELINING,CHUNKING"); DeliveryRig rig = rig()) {
                    rig.route(mx);
                    rig.dispatcher.peers.bdat(DeliveryRig.host("mx1.dest.example", mx.port()), known);
                    // counted octets end nowhere else; who relays them finds no end of data but in whole lines
                    assertThat(received(mx, rig, one)).endsWith("\r\n");
                    assertThat(mx.commands()).anyMatch(command -> command.startsWith("BDAT")).doesNotContain("DATA");
                }
            }
        }
    }

    /** Whose sessions end with their message. */
    private static DeliveryRig rig() {
        return new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 1), QueueConfig.DEFAULT);
    }

    private static String received(FakeMx mx, DeliveryRig rig, Content content) {
        rig.submit("sender@source.example", content, System.currentTimeMillis(), "a@dest.example");
        rig.awaitEvents(1);
        rig.awaitNoSessions();
        assertThat(mx.messages()).hasSize(1);
        assertThat(mx.commands()).filteredOn(command -> command.startsWith("MAIL"))
                .allMatch(command -> command.startsWith("MAIL FROM:<sender@source.example>")).hasSize(1);
        String text = mx.messages().getFirst().text();
        assertThat(text).doesNotContain("\0");
        assertThat(text.replace("\r\n", "")).doesNotContain("\r", "\n");
        return text;
    }

    /** In pieces of one octet, as if every piece ended a read. */
    private record OctetByOctet(List<Byte> octets) implements Content {
        OctetByOctet(byte[] octets) {
            List<Byte> list = new ArrayList<>();
            for (byte octet : octets) {
                list.add(octet);
            }
            this(list);
        }

        @Override
        public long size() {
            return octets.size();
        }

        @Override
        public boolean hasDotLines() {
            return false;
        }

        @Override
        public boolean hasEightBit() {
            return false;
        }

        @Override
        public void forEachChunk(ChunkSink sink) throws IOException {
            for (byte octet : octets) {
                sink.accept(new byte[]{octet}, 0, 1);
            }
        }
    }
}
