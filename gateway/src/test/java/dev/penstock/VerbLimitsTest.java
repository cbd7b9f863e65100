package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import dev.penstock.admin.AdminJson;
import dev.penstock.admin.Role;
import dev.penstock.testing.AdminFixture;

/** What of an order to a whole gateway is too much: it is kept in files that a start reads whole. */
@Timeout(120)
class VerbLimitsTest {
    private static final int MOST_VALUES = 1_000;
    private static final int MOST_SELECTED = 64 * 1024;

    @TempDir
    static Path directory;
    private static AdminFixture gateway;
    private static String token;

    @BeforeAll
    static void start() throws Exception {
        gateway = new AdminFixture(directory, """
                [source.ip-1]
                [pool.fast]
                sources = { "ip-1" = 1 }
                """);
        token = gateway.token(Role.OPERATE);
    }

    @AfterAll
    static void stop() {
        gateway.close();
    }

    /** @return its status, and where and what the first thing is that is wrong with it */
    private static List<String> post(String path, Map<String, Object> order) throws Exception {
        HttpResponse<InputStream> response = gateway.request("POST", path, token,
                AdminJson.MAPPER.writeValueAsString(order));
        JsonNode wrong = AdminFixture.json(response).path("errors").path(0);
        return List.of(String.valueOf(response.statusCode()), wrong.path("pointer").asString(""),
                wrong.path("detail").asString(""));
    }

    private static Map<String, Object> order(String path, List<String> domains) {
        return path.equals("/jobs")
                ? Map.of("verb", "hold", "selection", Map.of("domain", domains), "reason", "a test", "dry_run", true)
                : Map.of("selection", Map.of("domain", domains), "reason", "a test");
    }

    private static List<String> domains(int number) {
        return IntStream.range(0, number).mapToObj(i -> "d" + i + ".example").toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/jobs", "/suspensions"})
    void aSelectionNamesAThousandAtMost(String path) throws Exception {
        assertThat(post(path, order(path, domains(MOST_VALUES))).getFirst()).isEqualTo("200");
        assertThat(post(path, order(path, domains(MOST_VALUES + 1)))).containsExactly("422", "/selection",
                "at most 1000 values of 65536 characters together; select in several parts");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/jobs", "/suspensions"})
    void whatASelectionNamesIsBounded(String path) throws Exception {
        assertThat(post(path, order(path, List.of("x".repeat(MOST_SELECTED)))).getFirst()).isEqualTo("200");
        assertThat(post(path, order(path, List.of("x".repeat(MOST_SELECTED), "y"))))
                .startsWith("422", "/selection");
    }

    @ParameterizedTest
    @CsvSource({"reason, 1000", "key, 255", "text, 495", "bounce_class, 255", "tenant, 255", "campaign, 255",
        "pool, 255", "route, 255"})
    void aJobsTextsAreBounded(String field, int most) throws Exception {
        assertThat(post("/jobs", withText(field, most + 1))).containsExactly("422", "/" + field,
                "has " + (most + 1) + " characters; at most " + most);
        assertThat(post("/jobs", withText(field, most))).as("nothing is too long")
                .noneMatch(text -> text.contains("at most"));
    }

    private static Map<String, Object> withText(String field, int length) {
        Map<String, Object> order = new HashMap<>(order("/jobs", List.of("x.example")));
        order.put(field, "x".repeat(length));
        return order;
    }

    @ParameterizedTest
    @ValueSource(strings = {"/suspensions", "/drain"})
    void soIsAReason(String path) throws Exception {
        Map<String, Object> order = path.equals("/drain")
                ? Map.of("reason", "x".repeat(1_001))
                : Map.of("selection", Map.of("domain", List.of("x.example")), "reason", "x".repeat(1_001));
        assertThat(post(path, order)).containsExactly("422", "/reason", "has 1001 characters; at most 1000");
    }

    @ParameterizedTest
    @ValueSource(strings = {"announce", "longest"})
    void aDrainLastsAWeekAtMost(String what) throws Exception {
        assertThat(post("/drain", Map.of("reason", "a test", what, "8d"))).containsExactly("422", "/" + what,
                "at most 7d");
        assertThat(gateway.penstock.drain().view().isAnnounced()).isFalse();
    }

    private static Map<String, Object> rebinding(String to, String name) {
        return Map.of("verb", "rebind", "selection", Map.of("domain", List.of("x.example")), "reason", "a test", to,
                name);
    }

    @Test
    void mailIsReboundToPoolsThatThereAre() throws Exception {
        assertThat(post("/jobs", rebinding("pool", "nobody's"))).containsExactly("422", "/pool",
                "there is no pool \"nobody's\"; there are: default, fast");
        assertThat(post("/jobs", rebinding("pool", "fast")).getFirst()).isEqualTo("200");
        assertThat(post("/jobs", rebinding("pool", "")).getFirst()).as("to none by name").isEqualTo("200");
    }

    @ParameterizedTest
    @ValueSource(strings = {"not a domain", "relay..example", "-", "[192.0.2.1]", "user@relay.example"})
    void mailIsReboundToTheRouteOfNothingThatIsNoDomain(String route) throws Exception {
        assertThat(post("/jobs", rebinding("route", route))).startsWith("422", "/route")
                .last(InstanceOfAssertFactories.STRING).startsWith("\"" + route + "\": expected a domain name");
    }

    @Test
    void theRouteIsOfTheDomainAsItIsRouted() throws Exception {
        assertThat(post("/jobs", rebinding("route", "Bücher.Example")).getFirst()).isEqualTo("200");
        assertThat(gateway.penstock.jobs().all().getFirst().request().details().routingDomain())
                .isEqualTo("xn--bcher-kva.example");
    }
}
