package dev.penstock.endtoend;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Request;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import com.microsoft.playwright.options.ReducedMotion;
import com.microsoft.playwright.options.WaitForSelectorState;

/** A window with the console in it, and what goes wrong there. Confined to the test's thread. */
final class ConsoleTab implements AutoCloseable {
    static final int WIDE = 1280;
    static final int PHONE = 390;
    private static final int HEIGHT = 800;
    /** Other people's cores are busy, too. */
    private static final double PATIENCE_MILLIS = 60_000;
    /** Only these keep people from using a page. */
    private static final String AXE = """
            async (rules) => (await axe.run(document, {
              resultTypes: ["violations"], ...(rules.length ? {runOnly: {type: "rule", values: rules}} : {}),
            })).violations.filter((each) => ["serious", "critical"].includes(each.impact))
              .flatMap((each) => each.nodes.map((node) => `${each.id}: ${node.target}: ${node.failureSummary}`))
            """;
    private static final String OVERHANG = """
            async () => {
              for (let frame = 0; frame < 3; frame++) await new Promise((drawn) => requestAnimationFrame(drawn));
              return document.documentElement.scrollWidth - document.documentElement.clientWidth;
            }
            """;
    private static final String VIOLATIONS = """
            addEventListener("securitypolicyviolation", (event) => console.error(
              `violates ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
            """;

    private final BrowserContext context;
    private final Page page;
    private final String console;
    private final List<String> faults = new ArrayList<>();

    ConsoleTab(Browser browser, Path axe, String console) {
        this.console = console;
        context = browser.newContext(new Browser.NewContextOptions().setViewportSize(WIDE, HEIGHT)
                .setReducedMotion(ReducedMotion.REDUCE).setTimezoneId("Europe/Berlin").setLocale("en-GB"));
        context.setDefaultTimeout(PATIENCE_MILLIS);
        context.addInitScript(VIOLATIONS);
        context.addInitScript(axe);
        page = context.newPage();
        page.onConsoleMessage(message -> {
            if (message.type().equals("error") || message.type().equals("warning")) {
                faults.add(message.type() + ": " + message.text() + " " + message.location());
            }
        });
        page.onPageError(error -> faults.add("thrown: " + error));
        page.onRequest(this::lookAt);
    }

    private void lookAt(Request request) {
        String url = request.url();
        if (!url.startsWith(console.substring(0, console.length() - "/console/".length()))
                && !url.startsWith("data:")) {
            faults.add("asked elsewhere: " + url);
        }
    }

    Page page() {
        return page;
    }

    /** Logs in with an address that {@code penstock console} prints. */
    ConsoleTab login(String ticket) {
        page.navigate(ticket);
        return this;
    }

    /** Goes to what the path names below {@code /console/}, and waits until it is there. */
    ConsoleTab open(String path) {
        page.navigate(console + path);
        return settle();
    }

    /** Waits until the page shows what it has asked for. */
    ConsoleTab settle() {
        page.locator("main[aria-busy=false]").waitFor();
        page.locator("main .loading").waitFor(new Locator.WaitForOptions()
                .setState(WaitForSelectorState.DETACHED));
        return this;
    }

    /** Waits until the address says that after {@code /console/}. */
    void awaitAddress(String path) {
        assertThat(page).hasURL(console + path);
    }

    /** What is shown stays as it is, until {@code p} is pressed again. */
    void pause() {
        button("live").click();
        assertThat(button("paused")).hasAttribute("aria-pressed", "true");
        settle();
    }

    /** What the address says after {@code /console/}. */
    String address() {
        return page.url().substring(console.length());
    }

    Locator button(String name) {
        return page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name).setExact(true));
    }

    /** One of several, by its label. */
    Locator choice(String name) {
        return page.getByRole(AriaRole.COMBOBOX, new Page.GetByRoleOptions().setName(name).setExact(true));
    }

    Locator dialog() {
        return page.getByRole(AriaRole.DIALOG);
    }

    Locator heading(String name) {
        return page.getByRole(AriaRole.HEADING, new Page.GetByRoleOptions().setName(name));
    }

    /** A table, by its label. */
    Locator region(String name) {
        return page.getByRole(AriaRole.REGION, new Page.GetByRoleOptions().setName(name).setExact(true)).first();
    }

    /** Gives the dialog a reason, and presses what sends it. */
    void order(String reason, Pattern button) {
        Locator dialog = dialog();
        dialog.getByLabel("reason").fill(reason);
        dialog.getByRole(AriaRole.BUTTON, new Locator.GetByRoleOptions().setName(button)).click();
    }

    Locator main() {
        return page.getByRole(AriaRole.MAIN);
    }

    /** No faster than the page is drawn: a key goes to what has the focus then. */
    void press(String... keys) {
        for (String key : keys) {
            awaitDrawn();
            page.keyboard().press(key);
        }
    }

    /** Keys that belong together, as fast as they can come: the page doesn't wait long for the second one. */
    void chord(String keys) {
        awaitDrawn();
        page.keyboard().type(keys);
    }

    private void awaitDrawn() {
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => drawn()))");
    }

    ConsoleTab width(int width) {
        page.setViewportSize(width, HEIGHT);
        return this;
    }

    ConsoleTab scheme(ColorScheme scheme) {
        page.emulateMedia(new Page.EmulateMediaOptions().setColorScheme(scheme));
        return this;
    }

    /** By how many pixels the page is wider than the window, once charts have taken its width. */
    int overhang() {
        return ((Number) page.evaluate(OVERHANG)).intValue();
    }

    /**
     * What keeps people from using the page as it is shown.
     *
     * @param rules of axe-core's; all when none is named
     */
    List<?> barriers(String... rules) {
        return (List<?>) page.evaluate(AXE, List.of(rules));
    }

    /** Console errors, violations of the policy, requests to elsewhere, since this was asked last. */
    List<String> faults() {
        List<String> found = List.copyOf(faults);
        faults.clear();
        return found;
    }

    /** The same, without those that the test causes. */
    List<String> faultsBut(Pattern expected) {
        return faults().stream().filter(fault -> !expected.matcher(fault).find()).toList();
    }

    void screenshot(Path file) {
        page.screenshot(new Page.ScreenshotOptions().setPath(file));
    }

    @Override
    public void close() {
        context.close();
    }
}
