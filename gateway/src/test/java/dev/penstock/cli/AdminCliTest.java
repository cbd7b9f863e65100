package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.AdminFixture;

/** The commands that ask a running gateway, at one. */
@Timeout(180)
class AdminCliTest {
    private static final String ME = System.getProperty("user.name");

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @TempDir
    Path directory;
    private AdminFixture gateway;

    @BeforeEach
    void start() throws IOException {
        gateway = new AdminFixture(directory, "");
    }

    @AfterEach
    void stop() {
        gateway.close();
    }

    @Test
    void aShapingFileIsPutIntoForceAndGoneBackFromAndBothAreRemembered() throws IOException {
        Path next = Files.writeString(directory.resolve("next.toml"), "[\"default\"]\nconnection_limit = 30\n");
        assertThat(penstock("config", "diff", "--shaping", next.toString())).isEqualTo(1);
        assertThat(penstock("config", "apply", "--shaping", "--if-version", "1", "--reason", "Gmail is slow",
                next.toString())).as(err()).isEqualTo(ExitCode.OK);
        assertThat(out()).containsExactly("[\"default\"] connection_limit: 3 -> 30, faster",
                "[\"default\"] connection_limit: 3 -> 30, faster", "in force as version 2");
        assertThat(gateway.shaping).content().isEqualTo(Files.readString(next));

        assertThat(penstock("config", "apply", "--shaping", "--if-version", "1", "--reason", "late",
                gateway.configuration.toString())).isEqualTo(ExitCode.USAGE);
        assertThat(penstock("config", "rollback", "--shaping", "--reason", "worse")).as(err()).isEqualTo(ExitCode.OK);
        assertThat(gateway.shaping).content().contains("connection_limit = 3\n");
        assertThat(penstock("config", "apply", "--shaping", "--if-version", "1", "--reason", "late", next.toString()))
                .isEqualTo(ExitCode.TEMPORARY);
        assertThat(err()).contains("penstock: version 3 is in force, not 1; nothing was changed");

        out.reset();
        assertThat(penstock("config", "history", "--shaping")).isEqualTo(ExitCode.OK);
        assertThat(out()).hasSize(3);
        assertThat(out().get(0)).startsWith("3  ").endsWith("  " + ME + "  \"worse\"  in force");
        assertThat(out().get(1)).startsWith("2  ").endsWith("  " + ME + "  \"Gmail is slow\"");

        out.reset();
        assertThat(penstock("audit", "list")).isEqualTo(ExitCode.OK);
        assertThat(out()).hasSize(5).last().asString().contains("POST /config/shaping/diff  200");
        assertThat(out().get(0)).contains("POST /config/shaping/apply  409, version 3 is in force")
                .endsWith("\"late\"");
        assertThat(out().get(1)).endsWith(
                ME + " (socket, socket)  POST /config/shaping/rollback  200  \"worse\"");
        assertThat(out().get(2)).contains("POST /config/shaping/apply  422, ").endsWith("\"late\"");
        out.reset();
        assertThat(penstock("audit", "list", "--failed", "--limit", "1")).isEqualTo(ExitCode.OK);
        assertThat(out()).hasSize(2).last().asString().startsWith("there are more: --before ");
    }

    @Test
    void whatIsInForceIsSaidWithItsPlace() {
        assertThat(penstock("config", "running", "--prefix", "admin.")).as(err()).isEqualTo(ExitCode.OK);
        assertThat(out()).containsExactly("admin.loopback-role = \"none\"  # " + gateway.configuration + ":15");
    }

    @Test
    void aWrongConfigurationIsRefusedWithEachErrorAndItsPlace() throws IOException {
        Files.writeString(gateway.configuration,
                Files.readString(gateway.configuration) + "[queue]\njitter-percent = 99\n");
        assertThat(penstock("config", "reload", "--reason", "a test")).isEqualTo(ExitCode.CONFIG);
        assertThat(err()).contains(gateway.configuration + ":18:1: queue.jitter-percent: 99 is out of range");
        assertThat(penstock("config", "check", gateway.configuration.toString())).isEqualTo(ExitCode.CONFIG);
    }

    @Test
    void aTokenIsShownOnceListedAndRevoked() {
        assertThat(penstock("admin", "token", "create", "grafana", "--role", "read", "--expires", "90d", "--network",
                "10.0.0.0/8", "--reason", "dashboards")).as(err()).isEqualTo(ExitCode.OK);
        assertThat(out()).singleElement().asString().matches("penstock_[0-9a-f]{8}_[A-Za-z0-9_-]{43}");
        String id = out().getFirst().substring(9, 17);
        out.reset();
        assertThat(penstock("admin", "token", "list")).isEqualTo(ExitCode.OK);
        assertThat(out()).hasSize(2).first().asString().startsWith(id + "  grafana  read, expires 2")
                .contains("from 10.0.0.0/8, made by " + ME);
        assertThat(penstock("admin", "token", "revoke", id, "--reason", "gone")).isEqualTo(ExitCode.OK);
        assertThat(penstock("admin", "token", "revoke", id, "--reason", "gone")).isEqualTo(ExitCode.NO_INPUT);
        assertThat(err()).contains("penstock: there is no token " + id);
    }

    @Test
    void whatIsWrongWithARequestIsPointedAt() {
        assertThat(penstock("admin", "token", "create", "x", "--role", "read", "--expires", "soon", "--network",
                "nowhere", "--reason", " ")).isEqualTo(ExitCode.USAGE);
        assertThat(err()).contains("/reason a reason is needed, for the audit log");
    }

    @Test
    void theConsolesAddressIsTheGateways() {
        assertThat(penstock("console")).as(err()).isEqualTo(ExitCode.OK);
        assertThat(out()).singleElement().asString().matches("http://127\\.0\\.0\\.1:"
                + gateway.penstock.httpAddress().getPort() + "/console/login\\?ticket=[A-Za-z0-9_-]{43}");
    }

    @Test
    void withoutAGatewayThatIsSaidInASentence() {
        gateway.penstock.close();
        assertThat(penstock("audit", "list")).isEqualTo(ExitCode.UNAVAILABLE);
        assertThat(err()).startsWith("penstock: no gateway answers at " + directory.resolve("spool/admin.sock"))
                .hasLineCount(1);
    }

    private List<String> out() {
        return out.toString(UTF_8).lines().toList();
    }

    private String err() {
        return err.toString(UTF_8);
    }

    private int penstock(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.add("--config=" + gateway.configuration);
        return Main.execute(new FakeGateway()::start, (_, _) -> {}, new PrintStream(out, true, UTF_8),
                new PrintStream(err, true, UTF_8), all.toArray(String[]::new));
    }
}
