package dev.penstock.endtoend;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Request;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.AriaRole;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import dev.penstock.admin.AdminProblem;

/** Mail is found in the console, and something is done to it, in a real browser before a gateway under load. */
@Timeout(600)
class ConsoleMailTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    /** Suspended, so that it stays where it is. */
    private static final String WAITS = "yahoo.com";

    @TempDir
    static Path directory;
    private static ConsoleGateway gateway;
    private static Chromium chromium;
    private ConsoleTab tab;

    @BeforeAll
    static void start() throws IOException, AdminProblem {
        PlaywrightAssertions.setDefaultAssertionTimeout((double) PATIENCE.toMillis());
        chromium = Chromium.start();
        gateway = ConsoleGateway.start(directory.resolve("gateway"), 0);
        gateway.load();
        Awaitility.await().atMost(PATIENCE)
                .until(() -> gateway.admin().get("/messages").path("selected").asLong() > 0);
        gateway.disturb();
        Awaitility.await().atMost(PATIENCE).until(() -> waiting().size() >= 5);
    }

    @AfterAll
    static void stop() throws IOException {
        if (gateway != null) {
            gateway.close();
        }
        if (chromium != null) {
            chromium.close();
        }
    }

    @BeforeEach
    void open() throws IOException, AdminProblem {
        tab = chromium.tab(gateway).login(gateway.ticket());
    }

    @AfterEach
    void close() {
        tab.close();
    }

    private static JsonNode waiting() throws IOException, AdminProblem {
        return gateway.admin().get("/messages?domain=" + WAITS).path("messages");
    }

    private static String recipient(String id) {
        try {
            return gateway.admin().get("/messages/" + id).at("/destinations/0/recipients/0/address").asString();
        } catch (IOException | AdminProblem e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void whatIsTypedIsARecipientAnIdAMessageIdFieldOrADomain() throws IOException, AdminProblem {
        JsonNode message = waiting().path(0);
        String id = message.path("id").asString();
        String recipient = recipient(id);
        String other = waiting().valueStream().map(each -> each.path("id").asString())
                .filter(each -> !recipient(each).equals(recipient)).findFirst().orElseThrow();
        Awaitility.await().atMost(PATIENCE).until(() -> reception(id) != null);
        String field = requireNonNull(reception(id));
        Locator queued = tab.region("Queued messages");
        for (String typed : List.of(id, id.toLowerCase(Locale.ROOT), recipient, field)) {
            tab.open("messages");
            tab.page().getByRole(AriaRole.SEARCHBOX).fill(typed);
            tab.press("Enter");
            assertThat(queued).not().containsText(other);
            assertThat(queued).containsText(id);
            assertThat(tab.region("What happened")).containsText("Reception");
        }
        tab.page().getByRole(AriaRole.SEARCHBOX).fill(WAITS + " nowhere.test");
        tab.press("Enter");
        assertThat(queued).containsText(WAITS);
        tab.awaitAddress("messages?domain=" + WAITS + "&domain=nowhere.test");
        assertThat(tab.main()).containsText("Past mail is found by one domain at a time.");
        tab.page().goBack();
        assertThat(tab.page().getByRole(AriaRole.SEARCHBOX)).hasValue(field);
        assertThat(tab.faults()).isEmpty();
    }

    /** The Message-ID field of a message; null while it isn't found. */
    private static @Nullable String reception(String id) throws IOException, AdminProblem {
        for (JsonNode event : gateway.admin().get("/history?id=" + id + "&outcome=Reception").path("events")) {
            return event.path("client").path("message_id").asString();
        }
        return null;
    }

    @Test
    void momentsInTheAddressAreInUtc() {
        tab.open("messages?domain=" + WAITS + "&since=1h");
        tab.page().getByLabel("happened since").fill("2026-07-01 10:00"); // in Berlin, in summer
        tab.press("Enter");
        assertThat(tab.page()).hasURL(Pattern.compile(".*since=2026-07-01T08%3A00%3A00Z$"));
        assertThat(tab.main()).containsText("penstock message find --domain yahoo.com --since 2026-07-01T08:00:00Z");
        assertThat(tab.region("What happened")).containsText("Reception");
        assertThat(tab.faults()).isEmpty();
    }

    @Test
    void anOrderSaysWhatIsWrongAtItsFieldAndSendsWhatItShows() throws IOException, AdminProblem {
        tab.open("messages?domain=" + WAITS + "&max_attempts=0");
        tab.button("Delay").click();
        Locator dialog = tab.dialog();
        assertThat(dialog.getByRole(AriaRole.STATUS)).containsText("message");
        Locator until = dialog.getByLabel("until");
        assertThat(until).isFocused();
        until.fill("soon");
        tab.press("Enter");
        assertThat(
                dialog.getByText("\"soon\": expected a time like 2026-12-01 14:05, or how long from now, like 2h30m"))
                .isVisible();
        assertThat(dialog.getByText("reason: this has to be said")).isVisible();
        until.fill("2h");
        dialog.getByLabel("reason").fill("it isn't urgent");
        assertThat(dialog).containsText(
                "penstock delay --domain yahoo.com --max-attempts 0 --until 2h --reason 'it isn'\\''t urgent' --key ");
        String shown = dialog.locator("code").filter(new Locator.FilterOptions().setHasText("POST")).innerText();
        Request sent = tab.page().waitForRequest(request -> request.method().equals("POST"), () -> tab.press("Enter"));
        assertThat(shown).isEqualTo("POST /api/admin/v1/jobs " + sent.postData());
        assertThat(tab.page()).hasURL(Pattern.compile(".*/console/jobs/.+"));
        assertThat(tab.main()).containsText("until 20");
        assertThat(tab.faults()).isEmpty();
    }

    @Test
    void whatIsTickedIsHeldAndNothingElse() throws IOException, AdminProblem {
        tab.open("messages?domain=" + WAITS);
        tab.pause(); // the rows stay where they are
        Locator rows = tab.region("Queued messages").getByRole(AriaRole.ROW);
        rows.nth(2).getByRole(AriaRole.CHECKBOX).check();
        rows.nth(3).getByRole(AriaRole.CHECKBOX).check();
        List<String> ids = List.of(id(rows.nth(2)), id(rows.nth(3)));
        assertThat(tab.main()).containsText("2 ticked:");
        tab.button("Hold").last().click();
        assertThat(tab.dialog().getByRole(AriaRole.STATUS)).containsText("2 messages");
        tab.order("look at them", Pattern.compile("^Hold 2$"));
        assertThat(tab.main()).containsText("done");
        tab.open("messages?domain=" + WAITS + "&state=held");
        assertThat(rows).hasCount(3);
        assertThat(tab.region("Queued messages")).containsText("its release by an operator: look at them");
        assertThat(List.of(id(rows.nth(1)), id(rows.nth(2)))).containsExactlyInAnyOrderElementsOf(ids);
        assertThat(tab.faults()).isEmpty();
    }

    private static String id(Locator row) {
        return row.getByRole(AriaRole.LINK).first().innerText();
    }

    @Test
    void aWatchGoesWithTheAddressSaysWhyItIsRefusedAndEndsWithThePage() {
        tab.open("sessions/trace?direction=out");
        tab.button("Start").click();
        assertThat(tab.region("Dialogues")).containsText("C: ");
        tab.choice("direction").selectOption("in");
        assertThat(tab.page()).hasURL(Pattern.compile(".*direction=in$"));
        tab.button("Clear").click();
        assertThat(tab.region("Dialogues")).containsText(" in ");
        assertThat(tab.region("Dialogues").getByText(Pattern.compile("^\\w+ out "))).hasCount(0);
        List<String> ended = new ArrayList<>();
        tab.page().onRequestFailed(request -> ended.add(request.url()));
        tab.page().getByRole(AriaRole.LINK, new Page.GetByRoleOptions().setName("the sessions")).click();
        tab.settle();
        tab.page().waitForCondition(() -> ended.stream().anyMatch(url -> url.endsWith("/trace?direction=in")));
        assertThat(tab.faults()).isEmpty();
        tab.open("sessions/trace?address=somewhere");
        tab.button("Start").click();
        assertThat(tab.page().getByRole(AriaRole.ALERT)).containsText("address must be an IP address or a network");
        assertThat(tab.faultsBut(Pattern.compile("422"))).isEmpty();
    }
}
