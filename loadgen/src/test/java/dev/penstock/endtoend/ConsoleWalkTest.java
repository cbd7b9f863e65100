package dev.penstock.endtoend;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import org.assertj.core.api.SoftAssertions;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminProblem;
import dev.penstock.admin.Role;
import dev.penstock.admin.TokenRoutes;
import dev.penstock.admin.Tokens;

/**
 * The web console in a real browser, before a gateway under load: every page is looked at, and used as an operator would.
 * With {@code -Dpenstock.write-documents=true} the pictures in {@code gateway/docs/console} are taken anew.
 */
@Timeout(600)
class ConsoleWalkTest {
    private static final Path PICTURES = Path.of("../gateway/docs/console");
    private static final boolean TAKES_PICTURES = Boolean.getBoolean("penstock.write-documents");
    /** The gateway's directory as pictures show it: the same on all machines. */
    private static final Path SHOWN = Path.of("/tmp/mx1");
    /** Messages that Gmail has taken before there is something to see in charts. */
    private static final int MANY = 2_000;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Pattern CHANGES = Pattern
            .compile("^(Suspend|Retry now|Hold|Release|Delay|Rebind|Bounce|Delete|Resume"
                    + "|Cancel|End|Drain|Apply|Check|go back)");
    private static final double PATIENCE_MILLIS = PATIENCE.toMillis();

    @TempDir
    static Path directory;
    private static ConsoleGateway gateway;
    private static Chromium chromium;
    private ConsoleTab tab;

    @BeforeAll
    static void start() throws IOException, AdminProblem {
        PlaywrightAssertions.setDefaultAssertionTimeout(PATIENCE_MILLIS);
        chromium = Chromium.start();
        Path place = Files.createDirectory(directory.resolve("gateway"));
        if (TAKES_PICTURES) {
            Files.createSymbolicLink(SHOWN, place);
        }
        gateway = ConsoleGateway.start(TAKES_PICTURES ? SHOWN : place, 0);
        gateway.load();
        Awaitility.await().atMost(PATIENCE).until(() -> queued("domain", ConsoleGateway.STALLED) > 0);
        gateway.disturb();
        if (TAKES_PICTURES) {
            Awaitility.await().atMost(PATIENCE.multipliedBy(10)).until(() -> delivered("google") > MANY);
        }
    }

    @AfterAll
    static void stop() throws IOException {
        if (gateway != null) {
            gateway.close();
        }
        if (TAKES_PICTURES) {
            Files.deleteIfExists(SHOWN);
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
        tab.faults().forEach(System.out::println); // of a test that failed before it asked
        tab.close();
    }

    /**
     * One of the console's pages.
     *
     * @param picture its name, empty for none
     * @param path    below {@code /console/}
     * @param title   its first heading
     * @param tables  by their labels, that must be there and have rows
     * @param says    what must stand on it
     */
    private record Place(String picture, String path, String title, List<String> tables, List<String> says) {
        static Place of(String picture, String path, String title, List<String> tables, String... says) {
            return new Place(picture, path, title, tables, List.of(says));
        }
    }

    private static Stream<Place> places() throws IOException, AdminProblem {
        String deferred = event("TransientFailure", "gmail.com").path("id").asString();
        String job = job("the customer has left");
        return Stream.of(
                Place.of("home", "", "Home", List.of("Mail in and out", "Fullest providers", "Parts"), "queued",
                        "google", "yahoo"),
                Place.of("providers", "providers", "Providers", List.of("Providers"), "google", "outlook", "apple"),
                Place.of("provider", "providers/google", "google", List.of("Last decisions", "Domains"), "4.7.28",
                        "gmail.com"),
                Place.of("queues", "queues", "Queue", List.of("Queues"), "gmail.com", "d02.test"),
                Place.of("queue", "queues/gmail.com", "gmail.com", List.of("Holds", "Said in the file"),
                        "shaping.toml:",
                        "4.7.28"),
                Place.of("messages", "messages?domain=gmail.com", "Messages",
                        List.of("Queued messages", "What happened"),
                        "Delivery"),
                Place.of("message", "messages/" + deferred, deferred, List.of(), "Reception", "TransientFailure",
                        "attempt 1", "gmail-smtp-in.l.google.com"),
                Place.of("sources", "sources", "Sources", List.of("Sources"), "ip-1", "ip-2", "127.0.0.12"),
                Place.of("", "sources/ip-2", "ip-2", List.of("Warm-up"), "gentle"),
                Place.of("tenants", "tenants", "Tenants", List.of("Tenants"), "shop", "bank", "club"),
                Place.of("", "tenants?tenant=shop", "Tenants", List.of("Campaigns", "By provider"), "spring", "google"),
                Place.of("suspended", "suspended", "Suspended", List.of("Suspensions by operators"),
                        "--provider yahoo",
                        "until their incident is over"),
                Place.of("throttles", "throttles", "Throttles", List.of("Versions that were in force"),
                        "shaping.toml, version "),
                Place.of("configuration", "configuration", "Configuration", List.of(), "retry-intervals",
                        "penstock.toml:"),
                Place.of("jobs", "jobs", "Jobs", List.of("Jobs"), "the customer has left", "bounce",
                        "Nobody empties the gateway."),
                Place.of("job", "jobs/" + job, job, List.of(), "the customer has left", "in hand"),
                Place.of("sessions", "sessions", "Sessions", List.of("Sessions"), "gmail-smtp-in.l.google.com",
                        "shop"),
                Place.of("audit", "audit", "Audit", List.of("What was done"), "more for everybody",
                        "the customer has left", "422"),
                Place.of("", "access", "Access", List.of(), "root"));
    }

    @Test
    void everyPageIsWholeWideAndNarrowInLightAndDark() throws IOException, AdminProblem {
        SoftAssertions all = new SoftAssertions();
        for (Place place : places().toList()) {
            tab.width(ConsoleTab.WIDE).scheme(ColorScheme.LIGHT);
            all.assertThatCode(() -> shows(place)).as(place.path).doesNotThrowAnyException();
            all.assertThat(tab.barriers()).as(place.path + ": barriers").isEmpty();
            all.assertThat(tab.overhang()).as(place.path + ": wider than the window").isZero();
            picture(place.picture);
            tab.scheme(ColorScheme.DARK);
            all.assertThat(tab.barriers("color-contrast")).as(place.path + ": barriers in the dark").isEmpty();
            if (place.path.isEmpty()) {
                picture("home-dark");
            }
            tab.width(ConsoleTab.PHONE).scheme(ColorScheme.LIGHT);
            all.assertThat(tab.overhang()).as(place.path + ": wider than a phone").isZero();
            if (place.path.isEmpty()) {
                picture("home-phone");
            }
            all.assertThat(tab.faults()).as(place.path).isEmpty();
        }
        all.assertAll();
    }

    private void shows(Place place) {
        tab.open(place.path);
        assertThat(tab.page().getByRole(AriaRole.HEADING, new Page.GetByRoleOptions().setLevel(1)))
                .containsText(place.title);
        for (String table : place.tables) {
            assertThat(tab.region(table).getByRole(AriaRole.ROW).nth(1)).isVisible();
        }
        for (String text : place.says) {
            assertThat(tab.main()).containsText(text);
        }
    }

    private void picture(String name) throws IOException {
        if (TAKES_PICTURES && !name.isEmpty()) {
            Files.createDirectories(PICTURES);
            tab.screenshot(PICTURES.resolve(name + ".png"));
        }
    }

    @Test
    void aFilterLivesInTheAddressAndSurvivesAReloadAndGoingBack() {
        tab.open("queues");
        Locator tenant = tab.page().getByLabel("tenant", new Page.GetByLabelOptions().setExact(true));
        tenant.fill("bank");
        tenant.press("Enter");
        tab.awaitAddress("queues?by=domain&tenant=bank");
        tab.settle();
        assertThat(tab.main()).containsText("GET /api/admin/v1/queues?by=domain&tenant=bank");
        assertThat(tab.main()).containsText("penstock queue list --by domain --tenant bank");
        tab.page().reload();
        assertThat(tenant).hasValue("bank");
        tab.choice("by").selectOption("provider");
        assertThat(tab.page().getByRole(AriaRole.LINK, new Page.GetByRoleOptions().setName("google"))).isVisible();
        tab.awaitAddress("queues?tenant=bank&by=provider");
        tab.page().goBack();
        tab.awaitAddress("queues?by=domain&tenant=bank");
        assertThat(tab.page().getByRole(AriaRole.LINK, new Page.GetByRoleOptions().setName("gmail.com"))).isVisible();
        assertThat(tenant).hasValue("bank");
        assertThat(tab.faults()).isEmpty();
    }

    @Test
    void everythingIsReachedByKeys() {
        tab.open("");
        tab.chord("gq");
        assertThat(tab.heading("Queue").first()).isVisible();
        tab.awaitAddress("queues");
        tab.settle();
        tab.press("p");
        assertThat(tab.button("paused")).hasAttribute("aria-pressed", "true");
        tab.settle(); // the order of the rows stays now
        tab.press("j");
        Locator focused = tab.page().locator(":focus");
        String first = focused.textContent();
        tab.press("j");
        assertThat(focused).not().hasText(first);
        tab.press("k");
        assertThat(focused).hasText(first);
        tab.press("/");
        assertThat(tab.choice("by")).isFocused();
        tab.page().locator(":focus").blur();
        tab.press("?");
        assertThat(tab.dialog()).containsText("next and previous row");
        tab.press("Escape");
        assertThat(tab.dialog()).hasCount(0);
        tab.press("p");
        assertThat(tab.button("live")).isVisible();
        tab.press("j", "Enter");
        assertThat(tab.page()).hasURL(Pattern.compile(".*/console/queues/.+"));
        assertThat(tab.faults()).isEmpty();
    }

    @Test
    void timesAreShownInEitherZone() {
        tab.open("queues/gmail.com");
        Locator clock = tab.page().getByTitle("times are shown in the zone that is set in bold; this changes it");
        Locator time = tab.main().locator("time")
                .filter(new Locator.FilterOptions().setHasText(Pattern.compile("^\\d{4}-"))).first();
        assertThat(time).hasText(Pattern.compile("^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d$"));
        clock.click();
        assertThat(time).hasText(Pattern.compile("^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ$"));
        tab.page().reload();
        assertThat(time).hasText(Pattern.compile("Z$"));
        assertThat(tab.faults()).isEmpty();
    }

    @Test
    void aDomainIsBouncedAsAJobToItsEnd() throws IOException, AdminProblem {
        await("mail waits", () -> queued("domain", ConsoleGateway.UNREACHABLE) > 0);
        tab.open("queues/" + ConsoleGateway.UNREACHABLE);
        tab.button("Bounce").click();
        Locator dialog = tab.dialog();
        assertThat(dialog.getByRole(AriaRole.STATUS)).containsText("message");
        assertThat(dialog).containsText("--domain " + ConsoleGateway.UNREACHABLE);
        tab.order("the host is gone for good", Pattern.compile("^Bounce \\d"));
        assertThat(tab.page()).hasURL(Pattern.compile(".*/console/jobs/.+"));
        String id = tab.address().substring("jobs/".length());
        assertThat(tab.main()).containsText("the host is gone for good");
        assertThat(tab.main()).containsText("done");
        Awaitility.await().atMost(PATIENCE)
                .until(() -> gateway.admin().get("/jobs/" + id).path("state").asString().equals("done"));
        JsonNode job = gateway.admin().get("/jobs/" + id);
        assertThat(job.path("done").asLong()).isPositive().isEqualTo(job.path("counted").asLong());
        assertThat(tab.faults()).isEmpty();
    }

    @Test
    void aProviderIsSuspendedCountedAndWithAReasonAndResumed() throws IOException, AdminProblem {
        tab.open("providers/outlook");
        tab.button("Suspend").click();
        assertThat(tab.dialog().getByRole(AriaRole.STATUS)).containsText(Pattern.compile("\\d+ messages?"));
        tab.order("their postmaster calls", Pattern.compile("^Suspend \\d"));
        assertThat(tab.page()).hasURL(Pattern.compile(".*/console/suspended$"));
        Locator row = tab.region("Suspensions by operators").getByRole(AriaRole.ROW)
                .filter(new Locator.FilterOptions().setHasText("their postmaster calls"));
        assertThat(row).containsText("--provider outlook");
        await("mail waits", () -> suspended("outlook") > 0);
        long before = delivered("outlook");
        row.getByRole(AriaRole.BUTTON, new Locator.GetByRoleOptions().setName("Resume")).click();
        tab.order("they are well again", Pattern.compile("^Resume$"));
        assertThat(row).hasCount(0);
        await("it goes on", () -> suspended("outlook") == 0
                && delivered("outlook") > before);
        assertThat(tab.faults()).isEmpty();
    }

    @Test
    void aThrottleIsChangedIsInForceAndIsTakenBack() throws IOException, AdminProblem {
        tab.open("throttles");
        Locator text = tab.page().getByLabel("the text of the shaping file");
        text.fill(text.inputValue().replace("\"5/s\"", "many"));
        tab.button("Check").click();
        assertThat(tab.main()).containsText("This can't be in force");
        assertThat(tab.main()).containsText("line 9, column 29"); // the cursor is where the error is
        text.fill(text.inputValue().replace("many", "\"7/s\""));
        tab.button("What changes").click();
        Locator changes = tab.region("Changes");
        assertThat(changes).containsText("provider_max_message_rate");
        assertThat(changes).containsText("faster");
        tab.button("Apply …").click();
        tab.order("Apple takes more", Pattern.compile("^Apply$"));
        Locator history = tab.region("Versions that were in force");
        assertThat(history).containsText("Apple takes more");
        assertThat(inForce()).contains("\"7/s\"");
        tab.open("queues/icloud.com");
        assertThat(tab.region("Said in the file")).containsText("7/s");
        tab.open("throttles");
        tab.button("go back to version 1").click();
        tab.order("Apple doesn't", Pattern.compile("^Go back to version 1$"));
        assertThat(history).containsText("Apple doesn't");
        assertThat(inForce()).contains("\"5/s\"");
        assertThat(text).hasValue(Pattern.compile("\"5/s\""));
        assertThat(tab.faults()).isEmpty();
    }

    private static String inForce() throws IOException, AdminProblem {
        return gateway.admin().get("/config/shaping").path("content").asString();
    }

    @Test
    void aTraceShowsDialoguesAsTheyHappen() throws IOException {
        tab.open("sessions/trace?domain=gmail.com&direction=out");
        tab.button("Start").click();
        Locator dialogues = tab.region("Dialogues");
        assertThat(dialogues).containsText("C: MAIL FROM:<");
        assertThat(dialogues).containsText(Pattern.compile("S: 250 "));
        picture("trace");
        tab.button("Stop").click();
        assertThat(tab.main()).containsText("Stopped.");
        assertThat(tab.faults()).isEmpty();
    }

    @Test
    void whoMayOnlyReadHasNoButtonsForMore() {
        try (ConsoleTab reader = chromium.tab(gateway)) {
            reader.open("queues/gmail.com");
            assertThat(reader.page().getByText("local · read")).isVisible();
            assertThat(reader.region("Holds")).isVisible();
            for (String path : List.of("queues/gmail.com", "providers/google", "suspended", "jobs", "sessions",
                    "throttles")) {
                reader.open(path);
                assertThat(reader.main().getByRole(AriaRole.BUTTON, new Locator.GetByRoleOptions().setName(CHANGES)))
                        .hasCount(0);
            }
            assertThat(reader.main()).containsText("it takes the role configure");
            reader.open("sessions/trace");
            assertThat(reader.main()).containsText("needs the role operate");
            assertThat(reader.faults()).isEmpty();
        }
    }

    @Test
    void whoMayNoMoreIsToldSo() throws Exception {
        Tokens.Made token = gateway.admin().post("/tokens",
                new TokenRoutes.NewToken("night shift", Role.OPERATE, null, List.of(), "a test"), Tokens.Made.class);
        String base = gateway.console().replace("/console/", "");
        String path;
        try (AdminClient client = AdminClient.over(URI.create(base), token.token())) {
            path = client.post("/console/tickets", Map.of()).path("path").asString();
        }
        try (ConsoleTab shift = chromium.tab(gateway).login(base + path)) {
            await("mail waits", () -> queued("domain", "gmail.com") > 0);
            shift.open("queues/gmail.com");
            shift.button("Retry now").click();
            assertThat(shift.dialog().getByRole(AriaRole.STATUS)).containsText("message");
            gateway.admin().delete("/tokens/" + token.view().id() + "?reason=over", null);
            shift.order("it is late", Pattern.compile("^Retry now \\d"));
            assertThat(shift.dialog().getByRole(AriaRole.ALERT)).containsText("operate");
            assertThat(shift.faultsBut(Pattern.compile("status of 403"))).isEmpty();
        }
    }

    @Test
    void theGatewayStopsAndComesBack(@TempDir Path other) throws Exception {
        try (ConsoleGateway restarted = ConsoleGateway.start(other, 0);
                ConsoleTab operator = chromium.tab(restarted).login(restarted.ticket())) {
            operator.open("queues");
            assertThat(operator.page().getByText("· configure")).isVisible();
            restarted.stopGateway();
            assertThat(operator.page().getByText("not connected: what is shown is old")).isVisible();
            restarted.startAgain();
            assertThat(operator.button("live")).isVisible();
            assertThat(operator.page().getByText("local · read")).isVisible(); // its sessions are over
            assertThat(operator.main().getByRole(AriaRole.ALERT)).hasCount(0);
            operator.faults();
            operator.login(restarted.ticket());
            assertThat(operator.page().getByText("· configure")).isVisible();
            assertThat(operator.faults()).isEmpty();
        }
    }

    private interface Found {
        boolean isSo() throws IOException, AdminProblem;
    }

    private static void await(String what, Found found) {
        Awaitility.await(what).atMost(PATIENCE).until(found::isSo);
    }

    private static String job(String reason) throws IOException, AdminProblem {
        for (JsonNode job : gateway.admin().get("/jobs").path("jobs")) {
            if (job.path("reason").asString().equals(reason)) {
                return job.path("id").asString();
            }
        }
        throw new AssertionError("no job because " + reason);
    }

    private static JsonNode provider(String name) throws IOException, AdminProblem {
        return gateway.admin().get("/providers/" + name);
    }

    private static long suspended(String provider) throws IOException, AdminProblem {
        return provider(provider).path("why").path("counts").path("suspended").asLong();
    }

    private static long delivered(String provider) throws IOException, AdminProblem {
        return provider(provider).path("lately").path("delivered_hour").asLong();
    }

    /** One that the index of the delivery log knows. */
    private static JsonNode event(String outcome, String domain) throws IOException, AdminProblem {
        String path = "/history?limit=1&outcome=" + outcome + "&domain=" + domain;
        await(outcome, () -> !gateway.admin().get(path).path("events").isEmpty());
        return gateway.admin().get(path).path("events").path(0);
    }

    private static long queued(String by, String name) throws IOException, AdminProblem {
        for (JsonNode row : gateway.admin().get("/queues?by=" + by + "&limit=1000").path("rows")) {
            if (row.path("name").asString().equals(name)) {
                return row.path("counts").path("queued").asLong();
            }
        }
        return 0;
    }
}
