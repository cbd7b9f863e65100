package dev.penstock.loadgen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

class OptionSyntaxTest {
    @Test
    void expandsRangesOfDomainsAndAddresses() {
        assertThat(DomainMix.parse("d{008..011}.test").domains()).containsExactly("d008.test", "d009.test", "d010.test",
                "d011.test");
        assertThat(Addresses.parse(List.of("127.0.1.{1..2}:2525", "[::1]:25"))).containsExactly(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.1.1"), 2525),
                new InetSocketAddress(InetAddress.ofLiteral("127.0.1.2"), 2525),
                new InetSocketAddress(InetAddress.ofLiteral("::1"), 25));
    }

    @Test
    void picksDomainsAndSizesByWeight() {
        DomainMix domains = DomainMix.parse("big.test:90,small{1..2}.test:10");
        SizeMix sizes = SizeMix.parse("2KB:50,20KB:40,100KB:10");
        int big = 0;
        int large = 0;
        for (int i = 0; i < 100_000; i++) {
            big += domains.pick(Mix.bits(1, i, 0)).length == "big.test".length() ? 1 : 0;
            large += sizes.pick(Mix.bits(1, i, 0)) == 2 ? 1 : 0;
        }
        assertThat(big / 100_000.0).isCloseTo(0.9, within(0.01));
        assertThat(large / 100_000.0).isCloseTo(0.1, within(0.01));
    }

    @Test
    void readsBehaviours() {
        assertThat(Behaviours.parse("*:defer=5%,bounce=0.01,delay=20ms,dot-delay=1s,lose-reply=0.1%"))
                .isEqualTo(Map.entry("*", Behaviour.ACCEPT.withDefer(0.05).withBounce(0.01)
                        .withDelay(Duration.ofMillis(20)).withDotDelay(Duration.ofSeconds(1)).withLoseReply(0.001)));
        assertThat(Behaviours.parse("127.0.1.8:2525:stall"))
                .isEqualTo(Map.entry("127.0.1.8:2525", Behaviour.ACCEPT.withStall(true)));
    }

    @Test
    void saysWhatIsAllowed() {
        assertThatIllegalArgumentException().isThrownBy(() -> Behaviour.parse("explode"))
                .withMessageContaining("lose-reply");
        assertThatIllegalArgumentException().isThrownBy(() -> SizeMix.parse("10B")).withMessageContaining("128 bytes");
        assertThatIllegalArgumentException().isThrownBy(() -> DomainMix.parse("d{9..1}.test"))
                .withMessageContaining("rising");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> LoadOptions.to(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 25)).build())
                .withMessageContaining("bounded");
    }
}
