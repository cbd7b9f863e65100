package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.message.Envelope;
import dev.penstock.message.Recipient;

/** Who is there again, however he is written, gets a message once, unless another is filled in for him. */
class RepeatedRecipientTest {
    private static final String RECIPIENTS = """
            {"envelope_sender": "", "recipients": [{"email": "k@dup.example", "name": "K", "substitutions": {"n": 1}},
              {"email": "l@dup.example"}, {"email": "k@DUP.Example", "name": "K", "substitutions": {"n": 1}},
              {"email": "\\"k\\"@dup.example", "name": "Other"}], "content": %s}
            """;
    private static final String PARTS = "{\"from\": {\"email\": \"s@s.example\"}, \"text_body\": \"%s\"}";

    @TempDir
    Path directory;
    private InjectionFixture http;

    @BeforeEach
    void start() throws Exception {
        http = new InjectionFixture(directory);
    }

    @AfterEach
    void stop() {
        http.close();
    }

    private List<List<String>> envelopes() {
        return http.accepted.stream().map(Envelope::recipients)
                .map(recipients -> recipients.stream().map(Recipient::address).toList()).toList();
    }

    @Test
    void aWholeMessageGoesToEachMailboxOnce() throws Exception {
        InjectionFixture.Reply reply = http.post(RECIPIENTS.formatted("\"From: <s@s.example>\\n\\nx\""));
        assertThat(reply.text("/success_count")).isEqualTo("4");
        assertThat(envelopes()).containsExactly(List.of("k@dup.example", "l@dup.example"));
        assertThat(http.server.stats().recipients()).isEqualTo(2);
    }

    @Test
    void aMessageThatDiffersInItsToFieldOnlyGoesToEachMailboxOnce() throws Exception {
        InjectionFixture.Reply reply = http.post(RECIPIENTS.formatted(PARTS.formatted("x")));
        assertThat(reply.text("/recipients/0/message_id")).isEqualTo(reply.text("/recipients/2/message_id"))
                .isEqualTo(reply.text("/recipients/3/message_id"));
        assertThat(envelopes()).containsExactly(List.of("k@dup.example"), List.of("l@dup.example"));
    }

    @Test
    void whatIsFilledInDifferentlyIsAMessageOfItsOwn() throws Exception {
        InjectionFixture.Reply reply = http.post(RECIPIENTS.formatted(PARTS.formatted("{{ n }}")));
        assertThat(reply.text("/recipients/0/message_id")).isEqualTo(reply.text("/recipients/2/message_id"))
                .isNotEqualTo(reply.text("/recipients/3/message_id"));
        assertThat(envelopes()).containsExactly(List.of("k@dup.example"), List.of("l@dup.example"),
                List.of("\"k\"@dup.example"));
    }
}
