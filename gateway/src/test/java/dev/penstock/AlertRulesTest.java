package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.testing.Promtool;

/** The alerts that are shipped, judged by Prometheus's own tool. */
@Timeout(120)
class AlertRulesTest {
    private static final Path DIRECTORY = Path.of("..", "config", "alerts");
    private static final Path RULES = DIRECTORY.resolve("penstock.rules.yml");
    private static final Path TESTS = DIRECTORY.resolve("penstock.rules.test.yml");
    private static final Pattern ALERT = Pattern.compile("(?m)^ +- alert: (\\w+)$");
    private static final Pattern CASE = Pattern.compile("(?m)^ +- \\{?alertname: (\\w+)(, eval_time: \\w+})?");
    private static final Pattern RUNBOOK = Pattern.compile("(?m)^ +runbook: gateway/docs/([a-z-]+\\.md)#([a-z0-9-]+)$");

    private static List<String> alerts(String rules) {
        return ALERT.matcher(rules).results().map(found -> found.group(1)).toList();
    }

    @Test
    void theRulesAreGood() throws Exception {
        assertThat(Promtool.run("check", "rules", RULES.toString())).contains("SUCCESS");
    }

    @Test
    void eachFiresWhenItShouldAndDoesntWhenItShouldnt() throws Exception {
        assertThat(Promtool.run("test", "rules", TESTS.toString())).contains("SUCCESS");
    }

    /** As a test would that never fired: what it says of alerts is held against what they do. */
    @Test
    void aRuleThatFiresTooLateFailsItsTest() throws Exception {
        Path directory = Files.createTempDirectory("rules");
        try {
            String rules = Files.readString(RULES);
            Files.writeString(directory.resolve(RULES.getFileName()),
                    rules.replace("{class=\"transactional\"} >= 300", "{class=\"transactional\"} >= 3000"));
            Path tests = Files.copy(TESTS, directory.resolve(TESTS.getFileName()));
            assertThat(Promtool.fails("test", "rules", tests.toString())).contains("PenstockTransactionalMailWaits");
        } finally {
            Files.delete(directory.resolve(RULES.getFileName()));
            Files.delete(directory.resolve(TESTS.getFileName()));
            Files.delete(directory);
        }
    }

    /** For each a time at which it fires; for all but those that need no time to pass, one at which it doesn't yet. */
    @Test
    void eachHasItsTest() throws IOException {
        Set<String> firing = new TreeSet<>();
        Set<String> quiet = new TreeSet<>();
        Matcher found = CASE.matcher(Files.readString(TESTS));
        while (found.find()) {
            (found.group(2) == null ? firing : quiet).add(found.group(1));
        }
        List<String> alerts = alerts(Files.readString(RULES));
        assertThat(firing).containsExactlyInAnyOrderElementsOf(alerts);
        alerts = new ArrayList<>(alerts);
        alerts.remove("PenstockCertificateExpires"); // time alone makes it fire; its other gateways don't
        assertThat(quiet).containsExactlyInAnyOrderElementsOf(alerts);
    }

    @Test
    void everyMetricThatTheyNameIsThere() throws IOException {
        String rules = Files.readString(RULES);
        Set<String> named = MetricNames.in(rules.lines().filter(line -> !line.startsWith("#"))
                .collect(Collectors.joining("\n")));
        assertThat(named).hasSizeGreaterThan(25);
        assertThat(MetricNames.known()).containsAll(named);
        assertThat(MetricNames.known()).containsAll(MetricNames.in(Files.readString(TESTS)));
    }

    @Test
    void eachHasASeverityAndLeadsToAHeadingThatIsThere() throws IOException {
        String rules = Files.readString(RULES);
        List<String> alerts = alerts(rules);
        assertThat(rules.split("labels: \\{severity: (page|ticket)}", -1)).hasSize(alerts.size() + 1);
        List<String> headings = new ArrayList<>();
        for (Matcher runbook = RUNBOOK.matcher(rules); runbook.find();) {
            assertThat(Files.readAllLines(Path.of("docs", runbook.group(1))).stream()
                    .filter(line -> line.startsWith("#"))
                    .map(line -> line.replaceFirst("^#+ ", "").toLowerCase(Locale.ROOT).replace("`", "")
                            .replace(' ', '-')))
                    .contains(runbook.group(2));
            headings.add(runbook.group(2));
        }
        assertThat(headings).containsExactlyElementsOf(
                alerts.stream().map(name -> name.toLowerCase(Locale.ROOT)).toList());
    }
}
