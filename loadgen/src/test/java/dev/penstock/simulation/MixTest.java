package dev.penstock.simulation;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MixTest {
    @Test
    void aMixOnTheCommandLineComesEvenly() {
        Mix mix = Mix.of(Mix.read("outlook=4/40sx2,steady=2"), Map.of());
        assertThat(mix.messages()).extracting(message -> message.arrivalNanos() / 1_000_000_000 + " " + message.tenant()
                + " " + message.domain()).containsExactly("0 tenant1 outlook.com", "0  steady.test", "0  steady.test",
                        "10 tenant2 outlook.com", "20 tenant1 hotmail.com", "30 tenant2 hotmail.com");
        assertThat(requireNonNull(mix.twins().get("hotmail.com")).name()).isEqualTo("outlook");
    }

    @Test
    void aFileHasStreamsAndAnotherTwinMayTakeThePlaceOfOne(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("mix.toml"), """
                [[stream]]
                twin = "outlook"
                domains = ["a.example", "b.example"]
                messages = 3
                from = "1h"
                over = "3m"
                tenants = ["shop", "bank"]
                campaign = "spring"
                size = 1000
                """);
        Mix mix = Mix.of(Mix.read(file.toString()), Map.of("outlook", "outlook-february-2026"));
        assertThat(mix.messages()).hasSize(3).first().isEqualTo(
                new SimulatedMessage(1, "a.example", "shop", "spring", 1_000, Duration.ofHours(1).toNanos()));
        assertThat(requireNonNull(mix.twins().get("b.example")).name()).isEqualTo("outlook-february-2026");
    }

    @Test
    void everyErrorOfAFileIsNamedWithItsPlace() {
        assertThatThrownBy(() -> Mix.readFile("mix.toml", """
                [[stream]]
                twin = 5
                messages = 0
                over = "soon"
                colour = "red"
                [[stream]]
                twin = "gmail"
                """)).hasMessageContainingAll("mix.toml:2:1: stream.twin: allowed: the name of a twin",
                "mix.toml:3:1: stream.messages: allowed: a number from 1 to",
                "mix.toml:4:1: stream.over: allowed: a time",
                "mix.toml:5:1: stream.colour: unknown key; allowed: campaign, domains",
                "mix.toml:1:1: stream.messages: allowed: a number");
        assertThatThrownBy(() -> Mix.read("gmail:5")).hasMessageContaining("TWIN=MESSAGES/TIME");
        assertThatThrownBy(() -> Mix.of(List.of(), Map.of())).hasMessageContaining("allowed: 1 to");
    }

    @Test
    void aLogComesAgainAtItsTimesToTheTwinsOfItsProviders(@TempDir Path directory) throws IOException {
        Path log = Files.writeString(directory.resolve("log.jsonl"),
                """
                        {"type":"Reception","id":"1","recipient":["a@gmail.com","b@corp.example"],"tenant":"shop","campaign":"c","size":100,"created":100,"created_time":"2025-09-12T11:08:00.100Z","response":{"code":250}}
                        {"type":"Delivery","id":"1","recipient":"a@gmail.com","domain":"gmail.com","provider_name":"google","created":100}
                        {"type":"TransientFailure","id":"1","recipient":"b@corp.example","domain":"corp.example","provider_name":"office365","created":100}
                        {"type":"Reception","id":"2","recipient":"c@own.example","tenant":"","campaign":"","size":5,"created":100,"created_time":"2025-09-12T11:08:02.600Z"}
                        {"type":"Recep""");
        Mix mix = Replay.read(log, Map.of());
        assertThat(mix.messages()).containsExactly(new SimulatedMessage(1, "gmail.com", "shop", "c", 100, 0),
                new SimulatedMessage(2, "corp.example", "shop", "c", 100, 0),
                new SimulatedMessage(3, "own.example", "", "", 5, 2_500_000_000L));
        assertThat(mix.twins()).hasEntrySatisfying("gmail.com", twin -> assertThat(twin.name()).isEqualTo("gmail"))
                .hasEntrySatisfying("corp.example", twin -> assertThat(twin.name()).isEqualTo("outlook"))
                .hasEntrySatisfying("own.example", twin -> assertThat(twin.name()).isEqualTo("steady"));
    }

    @Test
    void aLogThatIsNoneIsRefusedWithTheLine(@TempDir Path directory) throws IOException {
        Path log = Files.writeString(directory.resolve("log.jsonl"), "{\"type\":\"Delivery\"}\nhello\n{}\n");
        assertThatThrownBy(() -> Replay.read(log, Map.of())).hasMessageContaining("log.jsonl:2:1: no JSON object");
        Path empty = Files.writeString(directory.resolve("empty.jsonl"), "{\"type\":\"Delivery\"}\n");
        assertThatThrownBy(() -> Replay.read(empty, Map.of())).hasMessageContaining("has no Reception");
    }
}
