package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

import dev.penstock.testing.Promtool;

/** The dashboard that is shipped, as far as it can be judged without a Grafana. */
@Timeout(120)
class DashboardTest {
    private static final Path FILE = Path.of("..", "config", "grafana", "penstock.json");
    private static final int COLUMNS = 24; // of Grafana's grid
    private static final Set<String> TYPES = Set.of("timeseries", "stat", "heatmap", "row");

    private final JsonNode dashboard = read();

    private static JsonNode read() {
        return new ObjectMapper().readTree(FILE.toFile());
    }

    private List<JsonNode> panels() {
        return dashboard.get("panels").values().stream().toList();
    }

    private List<String> expressions() {
        List<String> all = new ArrayList<>();
        panels().stream().filter(panel -> panel.has("targets")).forEach(panel -> panel.get("targets").values()
                .forEach(target -> all.add(target.get("expr").asString())));
        return all;
    }

    private static String withoutVariables(String expression) {
        return expression.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$provider", ".*");
    }

    @Test
    void everyMetricThatItNamesIsThere() throws IOException {
        Set<String> known = MetricNames.known();
        for (String expression : expressions()) {
            Set<String> named = MetricNames.in(expression);
            assertThat(named).as(expression).isNotEmpty();
            assertThat(known).as(expression).containsAll(named);
        }
    }

    /** As rules, which promtool reads with Prometheus's own parser. */
    @Test
    void everyExpressionIsOneOfPrometheus(@TempDir Path directory) throws Exception {
        StringBuilder rules = new StringBuilder("groups:\n- name: dashboard\n  rules:\n");
        List<String> expressions = expressions();
        for (int i = 0; i < expressions.size(); i++) {
            String expression = withoutVariables(expressions.get(i));
            assertThat(expression).doesNotContain("$");
            rules.append("  - record: panel:").append(i).append("\n    expr: '").append(expression.replace("'", "''"))
                    .append("'\n");
        }
        assertThat(expressions).hasSizeGreaterThan(60);
        Path file = Files.writeString(directory.resolve("dashboard.yml"), rules);
        assertThat(Promtool.run("check", "rules", "--no-lint-fatal", file.toString()))
                .contains("SUCCESS: " + expressions.size() + " rules found");
    }

    @Test
    void everySelectionIsOfTheGatewaysThatAreChosen() {
        for (String expression : expressions()) {
            long selections = expression.chars().filter(c -> c == '{').count();
            assertThat(expression.split("instance=~\"\\$instance\"", -1)).as(expression)
                    .hasSize(Math.toIntExact(selections) + 1);
            assertThat(MetricNames.in(expression.replaceAll("\\{[^}]*}", "{")).size()).as(expression).isPositive();
        }
    }

    @Test
    void panelsHaveTheirOwnIdsAndATitleAndLieBesideEachOther() {
        Set<Integer> ids = new HashSet<>();
        Set<List<Integer>> taken = new HashSet<>();
        for (JsonNode panel : panels()) {
            String title = panel.get("title").asString();
            assertThat(title).isNotBlank();
            assertThat(ids.add(panel.get("id").asInt())).as(title).isTrue();
            assertThat(TYPES).contains(panel.get("type").asString());
            JsonNode place = panel.get("gridPos");
            int x = place.get("x").asInt();
            int y = place.get("y").asInt();
            assertThat(x + place.get("w").asInt()).as(title).isLessThanOrEqualTo(COLUMNS);
            for (int column = x; column < x + place.get("w").asInt(); column++) {
                for (int line = y; line < y + place.get("h").asInt(); line++) {
                    assertThat(taken.add(List.of(column, line))).as(title).isTrue();
                }
            }
        }
    }

    @Test
    void everyQueryGoesToTheDataSourceThatIsChosen() {
        JsonNode variables = dashboard.get("templating").get("list");
        assertThat(variables.get(0).get("type").asString()).isEqualTo("datasource");
        assertThat(variables.get(0).get("query").asString()).isEqualTo("prometheus");
        List<JsonNode> asking = new ArrayList<>(variables.values().stream().skip(1).toList());
        for (JsonNode panel : panels()) {
            if (panel.has("targets")) {
                asking.add(panel);
                Set<String> letters = new HashSet<>();
                panel.get("targets").values().forEach(target -> {
                    asking.add(target);
                    assertThat(letters.add(target.get("refId").asString())).isTrue();
                });
            }
        }
        assertThat(asking).allSatisfy(each -> {
            assertThat(each.get("datasource").get("type").asString()).isEqualTo("prometheus");
            assertThat(each.get("datasource").get("uid").asString()).isEqualTo("${datasource}");
        });
    }

    /** What Grafana wants of a file to be imported: it gives the id itself, and the uid keeps the address. */
    @Test
    void itCanBeImported() {
        assertThat(dashboard.has("id")).isFalse();
        assertThat(dashboard.get("uid").asString()).isEqualTo("penstock");
        assertThat(dashboard.get("title").asString()).isEqualTo("Penstock");
        assertThat(dashboard.get("schemaVersion").asInt()).isGreaterThanOrEqualTo(36);
    }
}
