package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Playwright;

/** Debian's Chromium, led by Playwright, which reaches this machine alone. Confined to the test's thread. */
final class Chromium implements AutoCloseable {
    /** The one that the library looks for its driver by: a directory with {@code package}, which is playwright-core. */
    private static final String DRIVER = "playwright.cli.dir";
    /** Beside what Playwright switches off itself; no name but these is looked up, and no proxy asked. */
    private static final List<String> ARGUMENTS = List.of("--no-sandbox", // root has none
            "--disable-quic", "--disable-sync", "--no-pings", "--no-proxy-server",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1");

    private static final double START_MILLIS = 120_000;

    private final Playwright playwright;
    private final Browser browser;
    private final Path axe;

    private Chromium(Playwright playwright, Browser browser, Path axe) {
        this.playwright = playwright;
        this.browser = browser;
        this.axe = axe;
    }

    static Chromium start() throws IOException {
        Path executable = Path.of(Peers.require("chromium"));
        Path axe = Peers.nodePackage("axe-core").resolve("axe-core").resolve("axe.min.js");
        // The library looks for its driver once for all tests of a process; another process may run others just now.
        Path directory = Files.createDirectories(
                Path.of("target", "playwright", String.valueOf(ProcessHandle.current().pid())).toAbsolutePath());
        link(directory.resolve("package"), Peers.nodePackage("playwright-core").resolve("playwright-core"));
        link(directory.resolve("node"), Path.of(Peers.require("node")));
        System.setProperty(DRIVER, directory.toString());
        Playwright playwright = Playwright
                .create(new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        Browser browser = playwright.chromium().launch(
                new BrowserType.LaunchOptions().setExecutablePath(executable).setArgs(ARGUMENTS)
                        .setTimeout(START_MILLIS));
        return new Chromium(playwright, browser, axe);
    }

    private static void link(Path link, Path to) throws IOException {
        Files.deleteIfExists(link);
        Files.createSymbolicLink(link, to);
    }

    /** A browser window that nobody has logged in with yet. */
    ConsoleTab tab(ConsoleGateway gateway) {
        return new ConsoleTab(browser, axe, gateway.console());
    }

    @Override
    public void close() {
        browser.close();
        playwright.close();
    }
}
