package dev.penstock.cli;

import java.io.PrintStream;
import java.util.Map;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** The way into the web console for whoever may use the Unix socket. Confined to the main thread. */
@Command(name = "console", description = "Print an address that opens the web console with your rights: once, within two minutes.", mixinStandardHelpOptions = true)
final class ConsoleCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

    @Mixin
    private GatewayOptions gateway = new GatewayOptions();

    @Option(names = "--at", paramLabel = "URL", description = "Where your browser reaches the gateway, when that isn't where it listens: http://localhost:9000 through a tunnel.")
    private @Nullable String at;

    ConsoleCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() {
        return gateway.ask(err, client -> {
            JsonNode ticket = client.post("/console/tickets", Map.of());
            String base = at == null ? ticket.path("base").asString() : at.replaceFirst("/+$", "");
            out.println(base + ticket.path("path").asString());
            return ExitCode.OK;
        });
    }
}
