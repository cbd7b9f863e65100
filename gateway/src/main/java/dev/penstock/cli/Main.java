package dev.penstock.cli;

import java.io.Console;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;

import picocli.CommandLine;
import picocli.CommandLine.Command;

import dev.penstock.metrics.BuildInfo;

/** The command line of the gateway: {@code penstock run|admin|audit|campaign|check-config|classify|completion|config|console|dkim|history|man|message|preflight|provider|proxy|queue|session|shaping|source|spool|status|tenant|top|trace|user|version|why}. Confined to the main thread. */
@Command(name = "penstock", description = "An SMTP gateway for bulk mail.", mixinStandardHelpOptions = true, versionProvider = Main.Version.class, synopsisSubcommandLabel = "COMMAND")
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        System.exit(execute(PenstockGateway::start, Signals.ofProcess(), System.out, System.err, arguments));
    }

    static int execute(Gateway.Starter starter, Signals signals, PrintStream out, PrintStream err,
            String... arguments) {
        return execute(starter, signals, PasswordSource.ofProcess(), out, err, arguments);
    }

    static int execute(Gateway.Starter starter, Signals signals, PasswordSource passwords, PrintStream out,
            PrintStream err, String... arguments) {
        RunCommand run = new RunCommand(starter, signals, ServiceManager.ofProcess(), out, err);
        if (run.takes(arguments)) {
            return call(run, err);
        }
        CommandLine commands = new CommandLine(new Main());
        commands.addSubcommand(run);
        commands.addSubcommand(AdminCommand.of(out, err));
        commands.addSubcommand(new AuditCommand(out, err));
        commands.addSubcommand(new CheckConfigCommand(out, err));
        commands.addSubcommand(new ClassifyCommand(out, err));
        commands.addSubcommand(new CompletionCommand(out));
        commands.addSubcommand(new ConfigCommand(out, err));
        commands.addSubcommand(new ConsoleCommand(out, err));
        commands.addSubcommand(new DkimCommand(out, err));
        commands.addSubcommand(new HistoryCommand(out, err));
        commands.addSubcommand(new ManCommand(out));
        commands.addSubcommand(new PreflightCommand(out, err));
        commands.addSubcommand(new ProxyCommand(signals, out, err));
        commands.addSubcommand(new SessionCommand(out, err));
        commands.addSubcommand(ShapingCommand.of(out, err));
        commands.addSubcommand(new SpoolCommand(out, err));
        boolean colours = System.getenv("NO_COLOR") == null;
        commands.addSubcommand(new TopCommand(signals, out, err, isTerminal(out), colours));
        commands.addSubcommand(new TraceCommand(out, err, isTerminal(out) && colours));
        commands.addSubcommand(new UserCommand(passwords, out, err));
        VerbCommands.addTo(commands, System.in, out, err);
        ViewCommands.addTo(commands, out, err);
        commands.addSubcommand(new VersionCommand(out));
        commands.setCaseInsensitiveEnumValuesAllowed(true);
        commands.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
        commands.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
        commands.setExecutionExceptionHandler((fault, _, _) -> {
            fault.printStackTrace(err);
            return ExitCode.SOFTWARE;
        });
        CommandLine.IParameterExceptionHandler usage = commands.getParameterExceptionHandler();
        commands.setParameterExceptionHandler((exception, rejected) -> {
            usage.handleParseException(exception, rejected);
            return ExitCode.USAGE;
        });
        return commands.execute(arguments.length == 0 ? new String[]{"--help"} : arguments);
    }

    /** Whether what is printed is looked at as it comes. */
    @SuppressWarnings("SystemConsoleNull") // a runtime without jdk.internal.le has none
    private static boolean isTerminal(PrintStream out) {
        Console console = System.console();
        return out.equals(System.out) && console != null && console.isTerminal();
    }

    private static int call(RunCommand run, PrintStream err) {
        try {
            return run.call();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return ExitCode.SOFTWARE;
        } catch (RuntimeException e) {
            e.printStackTrace(err);
            return ExitCode.SOFTWARE;
        }
    }

    @Command(name = "version", description = "Print the version.")
    private static final class VersionCommand implements Runnable {
        private final PrintStream out;

        VersionCommand(PrintStream out) {
            this.out = out;
        }

        @Override
        public void run() {
            Version.lines().forEach(out::println);
        }
    }

    /** What {@code version} and {@code --version} print. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return lines().toArray(String[]::new);
        }

        static List<String> lines() {
            return List.of("Penstock " + BuildInfo.version(),
                    "Java " + Runtime.version() + ", " + System.getProperty("java.vm.name") + ", "
                            + System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        }
    }
}
