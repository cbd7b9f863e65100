package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamWriteFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonWriteFeature;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.PreflightConfig;
import dev.penstock.config.PreflightConfig.Kind;
import dev.penstock.config.Problem;
import dev.penstock.dkim.Signing;
import dev.penstock.preflight.Demands.Reply;
import dev.penstock.preflight.Facts;
import dev.penstock.preflight.Finding;
import dev.penstock.preflight.Preflight;
import dev.penstock.preflight.Provider;
import dev.penstock.preflight.Verdict;
import dev.penstock.reception.HeaderSection;
import dev.penstock.reception.MessageFacts;
import dev.penstock.reception.SignaturesToCome;
import dev.penstock.routing.DnsRouter;
import dev.penstock.routing.OwnAddresses;
import dev.penstock.smtp.DataDecoder;

/** Says what receivers would answer to a message, and how to mend it. Confined to the main thread. */
@Command(name = "preflight", description = "Say what receivers would answer to a message, and how to mend it. Exit code 1 when one would refuse it or treat it as unwanted, 75 when DNS didn't answer.", mixinStandardHelpOptions = true)
final class PreflightCommand implements Callable<Integer> {
    /** A person waits; as long as dns.deadline. */
    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final JsonFactory JSON = JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII)
            .disable(StreamWriteFeature.AUTO_CLOSE_TARGET).build();

    private final PrintStream out;
    private final PrintStream err;

    @Parameters(paramLabel = "FILE", description = "The message, header section first; - for standard input.")
    private @Nullable Path file;

    @Option(names = "--from", paramLabel = "ADDRESS", description = "The return path; '' for <>. Left out: the From field's first address.")
    private @Nullable String from;

    @Option(names = "--to", paramLabel = "ADDRESS", description = "A recipient, several times for several: only their providers are judged by. Left out: all that are known.")
    private List<String> to = List.of();

    @Option(names = "--tenant", paramLabel = "TENANT", description = "Whose it is, for preflight.tenants.")
    private String tenant = "";

    @Option(names = "--kind", paramLabel = "KIND", description = "Instead of the configured one: ${COMPLETION-CANDIDATES}.")
    private @Nullable Kind kind;

    @Option(names = "--address", paramLabel = "ADDRESS", description = "An address that receivers see, several times for several; instead of preflight.addresses.")
    private List<String> addresses = List.of();

    @Option(names = {"-c",
        "--config"}, paramLabel = "CONFIG", description = "The gateway's configuration: DNS servers, addresses, kinds. Left out: all defaults.")
    private @Nullable Path configFile;

    @Option(names = "--json", description = "One JSON object.")
    private boolean json;

    PreflightCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() {
        if (file == null) {
            return ExitCode.USAGE;
        }
        if (configFile == null) {
            return judge(file, GatewayConfig.embedded(ConfigReader.systemHostname()));
        }
        return switch (ConfigReader.read(configFile)) {
            case Invalid(List<Problem> problems) -> {
                problems.forEach(err::println);
                err.println(configFile + ": " + Text.count(problems.size(), "error"));
                yield ExitCode.CONFIG;
            }
            case Valid(GatewayConfig config, List<Problem> warnings) -> {
                warnings.forEach(warning -> err.println("warning: " + warning));
                yield judge(file, config);
            }
        };
    }

    private int judge(Path message, GatewayConfig config) {
        byte[] octets;
        try {
            octets = message.toString().equals("-") ? System.in.readAllBytes() : Files.readAllBytes(message);
        } catch (IOException e) {
            err.println("penstock: " + message + " can't be read: " + e);
            return ExitCode.NO_INPUT;
        }
        for (String address : addresses) {
            if (!isAddress(address)) {
                err.println("penstock: --address " + address + ": expected an IP address like 192.0.2.7");
                return ExitCode.USAGE;
            }
        }
        Verdict verdict = verdict(lines(octets), config);
        print(message, verdict);
        out.flush();
        return verdict.fails() ? 1 : verdict.isUncertain() ? ExitCode.TEMPORARY : ExitCode.OK;
    }

    private static boolean isAddress(String text) {
        try {
            return !InetAddress.ofLiteral(text).isAnyLocalAddress();
        } catch (IllegalArgumentException _) {
            return false;
        }
    }

    /** Files that people keep end their lines in LF: when none ends in CRLF, all are taken for right. */
    private static byte[] lines(byte[] octets) {
        String text = new String(octets, ISO_8859_1);
        return text.contains("\r")
                ? octets
                : text.replace("\n", "\r\n").getBytes(
                        ISO_8859_1);
    }

    private Verdict verdict(byte[] octets, GatewayConfig config) {
        DataDecoder decoder = new DataDecoder();
        decoder.resetForChunks();
        decoder.decode(octets, 0, octets.length, (_, _, _) -> {});
        decoder.endOfChunks();
        Facts.Lines lines = new Facts.Lines(decoder.bareCr() || decoder.bareLf(), decoder.hasNul(),
                (int) Math.min(Integer.MAX_VALUE, decoder.longestLine()));
        var header = HeaderSection.of(octets).fields(MessageFacts.WANTED);
        Facts facts = MessageFacts.of(header, from == null ? "" : domain(from), lines);
        if (from == null && !facts.fromDomains().isEmpty()) {
            facts = MessageFacts.of(header, facts.fromDomains().getFirst(), lines);
        }
        if (!facts.fromDomains().isEmpty()) { // as it would leave
            try (Signing signing = Signing.open(config.dkim(), InstantSource.system())) {
                facts = facts.alsoSigned(new SignaturesToCome(signing).of(tenant, facts.fromDomains().getFirst()));
            }
        }
        PreflightConfig preflight = config.preflight();
        DnsRouter dns = new DnsRouter(Map.of(), config.dns(), config.delivery().port(), OwnAddresses.NONE,
                System::nanoTime, Thread::startVirtualThread, DnsRouter.SHARED_RANDOM);
        Set<Provider> providers = to.isEmpty()
                ? EnumSet.allOf(Provider.class)
                : to.stream().map(address -> Provider.of(domain(address))).filter(Objects::nonNull)
                        .collect(Collectors.toSet());
        return new Preflight(preflight, dns::records, Thread::startVirtualThread, System::nanoTime)
                .judge(facts, kind == null ? preflight.kind(tenant) : kind,
                        addresses.isEmpty() ? preflight.addresses() : addresses, providers, PATIENCE.toNanos())
                .join();
    }

    private static String domain(String address) {
        return address.substring(address.lastIndexOf('@') + 1).toLowerCase(Locale.ROOT);
    }

    private void print(Path message, Verdict verdict) {
        if (json) {
            printJson(message, verdict);
            return;
        }
        for (Finding finding : verdict.findings()) {
            out.printf("%-8s %-14s %s%n", finding.severity(), finding.demand(), Text.clean(finding.what()));
            out.printf("%-23s %s%n", "", replies(finding));
            out.printf("%-23s to mend: %s%n", "", Text.clean(finding.mend()));
        }
        String line = verdict.line();
        out.println(Text.clean(message + ": " + (line.isEmpty()
                ? verdict.isUncertain()
                        ? "nothing is wrong that is known, but not all is known"
                        : verdict.findings().isEmpty() ? "nothing is wrong" : "nothing that is refused today"
                : line)));
    }

    /** Who would answer what. */
    private static String replies(Finding finding) {
        return finding.replies().stream().map(reply -> switch (finding.severity()) {
            case FAIL -> reply.provider().label() + ": "
                    + (reply.code().isEmpty() ? "no reply is published, it is filtered" : reply.code());
            case WARN -> reply.provider().label();
            case UNKNOWN -> reply.provider().label() + ": perhaps "
                    + (reply.code().isEmpty() ? "filtered" : reply.code());
        }).collect(Collectors.joining(", "));
    }

    private void printJson(Path message, Verdict verdict) {
        try (JsonGenerator generator = JSON.createGenerator(ObjectWriteContext.empty(), out)) {
            generator.writeStartObject();
            generator.writeStringProperty("file", message.toString());
            generator.writeStringProperty("verdict",
                    verdict.fails() ? "fail" : verdict.isUncertain() ? "unknown" : "pass");
            generator.writeStringProperty("line", verdict.line());
            generator.writeArrayPropertyStart("findings");
            for (Finding finding : verdict.findings()) {
                generator.writeStartObject();
                generator.writeStringProperty("severity", finding.severity().name().toLowerCase(Locale.ROOT));
                generator.writeStringProperty("demand", finding.demand());
                generator.writeStringProperty("what", finding.what());
                generator.writeStringProperty("mend", finding.mend());
                generator.writeArrayPropertyStart("replies");
                for (Reply reply : finding.replies()) {
                    generator.writeStartObject();
                    generator.writeStringProperty("provider", reply.provider().label());
                    generator.writeStringProperty("code", reply.code());
                    generator.writeEndObject();
                }
                generator.writeEndArray();
                generator.writeEndObject();
            }
            generator.writeEndArray();
            generator.writeEndObject();
        }
        out.println();
    }
}
