package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

import dev.penstock.classification.Classification;
import dev.penstock.classification.ReplyBook;
import dev.penstock.config.ReplyRules;
import dev.penstock.delivery.FailurePolicy.Situation;
import dev.penstock.routing.Route;
import dev.penstock.smtp.Reply;

/** The whole policy as a table: {@code failure-policy.txt} beside this class's resources is the expected one. */
final class FailurePolicyTest {
    private static final FailurePolicy POLICY = new FailurePolicy(Duration.ofDays(5));
    private static final ReplyBook BOOK = new ReplyBook(ReplyRules.NONE);
    private static final long YOUNG = 1_000;
    private static final long OLD = Duration.ofDays(5).toMillis();

    @Test
    void everyCaseIsDecidedAsTheGoldenTableSays() throws IOException {
        String table = table();
        try (InputStream golden = FailurePolicyTest.class.getResourceAsStream("failure-policy.txt")) {
            assertThat(golden).as("golden file; the table is now\n%s", table).isNotNull();
            assertThat(table).isEqualTo(new String(golden.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    @Test
    void nothingIsAttemptedPastItsAge() {
        assertThat(POLICY.beforeAttempt(3, OLD - 1, false)).isNull();
        assertThat(POLICY.beforeAttempt(3, OLD, false)).extracting(expired -> expired.reason().oneLine())
                .isEqualTo("551 5.4.7 not delivered within 5d and 3 attempts");
    }

    @Test
    void whatACurfewHeldUntilItWasTooOldIsAttemptedOnce() {
        assertThat(POLICY.beforeAttempt(0, OLD, true)).isNull();
        assertThat(POLICY.beforeAttempt(0, OLD, false)).isNotNull();
        assertThat(POLICY.beforeAttempt(1, OLD, true)).isNotNull();
    }

    private static String table() {
        StringBuilder table = new StringBuilder();
        row(table, "phase", "cause", "first on session", "reused session");
        for (Phase phase : Phase.values()) {
            causes(phase).forEach((name, cause) -> row(table, phase.name(), name, cell(phase, cause, false, false, true,
                    false, YOUNG), cell(phase, cause, true, false, true, false, YOUNG)));
        }
        table.append('\n');
        row(table, "RCPT, others accepted before", "", "", "");
        for (String reply : List.of("452 4.5.3", "552 5.5.3", "451 4.5.3", "550 5.5.3", "452 ", "552 ", "452 4.2.2",
                "552 5.2.2", "452 4.3.1")) {
            row(table, "RCPT", reply, cell(Phase.RCPT, reply(reply), false, true, true, false, YOUNG),
                    cell(Phase.RCPT, reply(reply), true, true, true, false, YOUNG));
        }
        table.append('\n');
        row(table, "connection refused", "", "", "");
        Cause refused = new Failure(Failure.Kind.CONNECTION_REFUSED, "x");
        row(table, "", "another host left", cell(Phase.CONNECT, refused, false, false, false, false, YOUNG));
        row(table, "", "another host left, too old", cell(Phase.CONNECT, refused, false, false, false, false, OLD));
        row(table, "", "last host", cell(Phase.CONNECT, refused, false, false, true, false, YOUNG));
        row(table, "", "last host, too old", cell(Phase.CONNECT, refused, false, false, true, false, OLD));
        table.append('\n');
        row(table, "too many connections", "", "no other session open", "others open");
        for (Phase phase : EnumSet.range(Phase.CONNECT, Phase.END_OF_DATA)) {
            for (int code : List.of(421, 450, 554)) {
                Cause crowded = new Cause.Replied(Reply.of(code, code / 100 + ".7.0", "Error: too many connections"));
                row(table, phase.name(), String.valueOf(code), cell(phase, crowded, false, false, false, false, YOUNG),
                        cell(phase, crowded, false, false, false, true, YOUNG));
            }
            Cause crowded = new Cause.Replied(Reply.of(421, "", "too many connections"));
            row(table, phase.name(), "421, reused", cell(phase, crowded, true, false, false, false, YOUNG),
                    cell(phase, crowded, true, false, false, true, YOUNG));
            row(table, phase.name(), "421, too old", cell(phase, crowded, false, false, false, false, OLD),
                    cell(phase, crowded, false, false, false, true, OLD));
        }
        table.append('\n');
        row(table, "refused whichever host is asked, another host left", "", "", "");
        row(table, "GREETING", "421 4.7.0",
                cell(Phase.GREETING, reply("421 4.7.0"), false, false, false, false, YOUNG));
        row(table, "GREETING", "421 4.7.0, too old",
                cell(Phase.GREETING, reply("421 4.7.0"), false, false, false, false, OLD));
        table.append('\n');
        row(table, "REQUIRETLS, another host left", "", "", "");
        for (Failure.Kind kind : List.of(Failure.Kind.UNAUTHENTICATED_HOST, Failure.Kind.NEEDS_TLS,
                Failure.Kind.NEEDS_REQUIRETLS)) {
            row(table, "MAIL", kind.name(),
                    cell(Phase.MAIL, new Failure(kind, "x"), false, false, false, false, YOUNG));
        }
        table.append('\n');
        row(table, "RCPT 450, too old", "", cell(Phase.RCPT, reply("450 4.2.1"), false, false, true, false, OLD));
        row(table, "RCPT 550, too old", "", cell(Phase.RCPT, reply("550 5.1.1"), false, false, true, false, OLD));
        return table.toString();
    }

    private static Map<String, Cause> causes(Phase phase) {
        Map<String, Cause> causes = new LinkedHashMap<>();
        switch (phase) {
            case ROUTE -> {
                causes.put("null MX", new Cause.Unroutable(new Route.Failure(true, 556, "5.1.10", "x")));
                causes.put("DNS trouble", new Cause.Unroutable(new Route.Failure(false, 451, "4.4.3", "x")));
            }
            case CONNECT -> failures(causes, Failure.Kind.CONNECTION_REFUSED, Failure.Kind.CONNECT_TIMEOUT,
                    Failure.Kind.UNREACHABLE, Failure.Kind.SOURCE_PORTS);
            case GREETING -> {
                replies(causes, "421 4.3.2", "421 4.7.0", "450 4.3.2", "450 4.7.1", "521 5.3.2", "554 5.7.1");
                failures(causes, Failure.Kind.TIMEOUT, Failure.Kind.CONNECTION_LOST, Failure.Kind.MALFORMED_REPLY);
            }
            case HELLO, HELO, LHLO -> {
                replies(causes, "421 4.3.2", "421 4.7.0", "450 4.3.2", "550 5.7.1", "550 5.3.2");
                failures(causes, Failure.Kind.TIMEOUT, Failure.Kind.CONNECTION_LOST, Failure.Kind.MALFORMED_REPLY,
                        Failure.Kind.OUT_OF_STEP);
            }
            case STARTTLS -> {
                replies(causes, "421 4.3.2", "421 4.7.0", "454 4.7.0", "501 5.5.4");
                failures(causes, Failure.Kind.TIMEOUT, Failure.Kind.CONNECTION_LOST, Failure.Kind.TLS_NOT_OFFERED,
                        Failure.Kind.TLS_FAILED, Failure.Kind.PLAINTEXT_AFTER_STARTTLS, Failure.Kind.OWN_CERTIFICATE);
            }
            case AUTH -> {
                replies(causes, "421 4.7.0", "454 4.7.0", "530 5.7.0", "534 5.7.9", "535 5.7.8", "538 5.7.11");
                failures(causes, Failure.Kind.ROUTE_LOGIN, Failure.Kind.TIMEOUT, Failure.Kind.CONNECTION_LOST);
            }
            case RSET, DATA, RCPT, CONTENT, END_OF_DATA -> common(causes);
            case MAIL -> {
                common(causes);
                failures(causes, Failure.Kind.TOO_LARGE, Failure.Kind.NEEDS_8BITMIME, Failure.Kind.NEEDS_SMTPUTF8,
                        Failure.Kind.UNAUTHENTICATED_HOST, Failure.Kind.NEEDS_TLS, Failure.Kind.NEEDS_REQUIRETLS,
                        Failure.Kind.ROUTE_LOGIN);
            }
            case QUIT -> failures(causes, Failure.Kind.CONNECTION_LOST);
        }
        return causes;
    }

    private static void common(Map<String, Cause> causes) {
        replies(causes, "250 2.0.0", "354 ", "421 4.3.2", "421 4.7.0", "450 4.2.1", "450 4.7.1", "452 4.5.3", "452 ",
                "503 5.5.1", "550 5.1.1",
                "550 5.5.3", "552 5.5.3", "552 ", "554 5.7.1");
        failures(causes, Failure.Kind.TIMEOUT, Failure.Kind.CONNECTION_LOST, Failure.Kind.MALFORMED_REPLY,
                Failure.Kind.OUT_OF_STEP, Failure.Kind.STOPPED, Failure.Kind.ABORTED);
    }

    private static void replies(Map<String, Cause> causes, String... replies) {
        for (String reply : replies) {
            causes.put(reply.strip(), reply(reply));
        }
    }

    private static void failures(Map<String, Cause> causes, Failure.Kind... kinds) {
        for (Failure.Kind kind : kinds) {
            causes.put(kind.name(), new Failure(kind, "x"));
        }
    }

    private static Cause reply(String reply) {
        return new Cause.Replied(Reply.of(Integer.parseInt(reply.substring(0, 3)), reply.substring(4), "x"));
    }

    private static Classification meaning(Phase phase, Cause cause) {
        return cause instanceof Cause.Replied(Reply reply)
                ? BOOK.classify(phase.ofReply(), reply, "")
                : Classification.NONE;
    }

    private static String cell(Phase phase, Cause cause, boolean reused, boolean othersAccepted, boolean lastHost,
            boolean othersOpen, long ageMillis) {
        Outcome outcome = POLICY.decide(
                new Situation(phase, cause, reused, othersAccepted, lastHost, othersOpen, 0, ageMillis,
                        meaning(phase, cause)));
        return outcome.getClass().getSimpleName() + " " + outcome.radius() + " " + outcome.reason().code() + " "
                + outcome.reason().enhanced();
    }

    private static void row(StringBuilder table, String... cells) {
        StringBuilder row = new StringBuilder();
        int[] widths = {14, 34, 34, 0};
        for (int i = 0; i < cells.length; i++) {
            row.append(cells[i]).append(" ".repeat(Math.max(1, widths[i] - cells[i].length())));
        }
        table.append(row.toString().stripTrailing()).append('\n');
    }
}
