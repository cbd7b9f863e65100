package dev.penstock.loadgen.twin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class TwinReaderTest {
    @SuppressWarnings("unused") // by name
    private static final java.util.List<String> SHIPPED = Twins.SHIPPED;

    @ParameterizedTest
    @FieldSource("SHIPPED")
    void whatIsShippedIsSound(String name) {
        TwinProfile profile = Twins.read(name);
        assertThat(profile.name()).isEqualTo(name);
        assertThat(profile.about()).isNotEmpty();
        assertThat(profile.limits()).isNotEmpty();
    }

    @Test
    void everyErrorOfAFileIsNamedWithItsPlace() {
        assertThatThrownBy(() -> TwinReader.read("x", "x.toml", """
                about = 7
                colour = "red"
                [latency]
                connect = "fast"
                spread = 3
                [[limit]]
                kind = "rates"
                [[limit]]
                kind = "rate"
                rate = "many"
                at = "hello!"
                replies = ["250 fine", "hello"]
                [[limit]]
                kind = "connections"
                most = 0
                replies = []
                [escalation]
                after = 1
                replies = ["550 blocked"]
                """)).hasMessage(
                """
                        x.toml:1:1: about: 7 is no text; allowed: a text
                        x.toml:2:1: colour: unknown key; allowed: about, domains, escalation, host, latency, limit, reputation
                        x.toml:4:1: latency.connect: "fast": expected a duration like 300ms, 30s, 5m, 2h30m or 5d; allowed: a time like "200ms", "5m" or "4h"
                        x.toml:5:1: latency.spread: 3 isn't one; allowed: a share from 0 to 1
                        x.toml:7:1: limit[1].kind: rates is none of them; allowed: connections, rate, session-messages, daily, greylist, chance
                        x.toml:10:1: limit[2].rate: "many": expected a rate like 100/s, 6000/min, 10/30s or 100/s,max_burst=20; allowed: a rate like "50/s" or "600/h"
                        x.toml:11:1: limit[2].at: hello! is none of them; allowed: greeting, hello, mail, rcpt, content
                        x.toml:12:1: limit[2].replies: "250 fine" refuses nothing; allowed: replies with 4xx and 5xx
                        x.toml:12:1: limit[2].replies: "hello": expected a reply like "451 4.7.1 Try again later"
                        x.toml:15:1: limit[3].most: 0 isn't one; allowed: a number from 1 to 1000000000
                        x.toml:16:1: limit[3].replies: allowed: an array of texts in quotes, with one at least
                        x.toml:16:1: limit[3].replies: is missing; allowed: an array of replies like "451 4.7.1 Try again later"
                        x.toml:18:1: escalation.within: is missing; allowed: a time like "200ms", "5m" or "4h"
                        x.toml:18:1: escalation.block: is missing; allowed: a time like "200ms", "5m" or "4h\"""");
    }

    @Test
    void aFileIsATwinByItsName(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("mine.toml"), "about = \"Ours\"\n");
        assertThat(Twins.read(file.toString())).extracting(TwinProfile::name, TwinProfile::host)
                .containsExactly("mine", "mx.mine.test");
        assertThatThrownBy(() -> Twins.read("nobody")).hasMessage(
                "there is no twin nobody; allowed: apple, gmail, gmx, outlook, outlook-february-2026, qq, steady, yahoo, "
                        + "or a file that describes one");
    }
}
