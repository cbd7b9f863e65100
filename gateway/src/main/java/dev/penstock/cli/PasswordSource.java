package dev.penstock.cli;

import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

import org.jspecify.annotations.Nullable;

/** Where a password comes from: never from the command line, which others on the machine can see. */
interface PasswordSource {
    /**
     * Asks the person at the terminal, without an echo.
     *
     * @return null when there is no terminal, or its end of input
     */
    @Nullable
    String ask(String prompt);

    /** @return the first line of standard input; null when there is none */
    @Nullable
    String line() throws IOException;

    /** The terminal and the standard input of this process. */
    static PasswordSource ofProcess() {
        return new PasswordSource() {
            @Override
            @SuppressWarnings("SystemConsoleNull") // JDK 25 gives null again where there is no terminal
            public @Nullable String ask(String prompt) {
                Console console = System.console();
                char[] typed = console == null || !console.isTerminal() ? null : console.readPassword("%s", prompt);
                return typed == null ? null : new String(typed);
            }

            @Override
            public @Nullable String line() throws IOException {
                return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
            }
        };
    }
}
