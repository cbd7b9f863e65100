package dev.penstock.smtp;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

import org.junit.jupiter.api.Test;

class CapabilitiesTest {
    @Test
    void keywordsAreReadInAnyCaseWithTheirParameters() {
        Capabilities capabilities = Capabilities.parse(new Reply(250, null,
                List.of("SIZE of mail.example is large", "pipelining", "SIZE 10240000", "8BitMime", "AUTH PLAIN LOGIN",
                        "AUTH=PLAIN LOGIN", "")));
        assertThat(capabilities.has(Capabilities.PIPELINING)).isTrue();
        assertThat(capabilities.has(Capabilities.EIGHT_BIT_MIME)).isTrue();
        assertThat(capabilities.has(Capabilities.CHUNKING)).isFalse();
        assertThat(capabilities.size()).isEqualTo(10_240_000);
        assertThat(capabilities.keywords()).containsEntry("AUTH", "PLAIN LOGIN").hasSize(4);
    }

    @Test
    void aSizeWithoutALimitIsNone() {
        assertThat(Capabilities.parse(new Reply(250, null, List.of("x", "SIZE"))).size()).isZero();
        assertThat(Capabilities.parse(new Reply(250, null, List.of("x", "SIZE many"))).size()).isZero();
        assertThat(Capabilities.NONE.size()).isZero();
    }
}
