package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminJson;
import dev.penstock.admin.AdminProblem;
import dev.penstock.admin.VerbRoutes.CountAnswer;
import dev.penstock.admin.VerbRoutes.DrainOrder;
import dev.penstock.admin.VerbRoutes.JobAnswer;
import dev.penstock.admin.VerbRoutes.JobDetails;
import dev.penstock.admin.VerbRoutes.JobOrder;
import dev.penstock.admin.VerbRoutes.JobsAnswer;
import dev.penstock.admin.VerbRoutes.SuspensionAnswer;
import dev.penstock.admin.VerbRoutes.SuspensionOrder;
import dev.penstock.admin.VerbRoutes.SuspensionsAnswer;
import dev.penstock.units.Durations;

/**
 * The commands that change what a running gateway has queued: {@code suspend}, {@code resume}, {@code hold}, {@code release},
 * {@code retry}, {@code delay}, {@code bounce}, {@code delete}, {@code rebind}, {@code job}, {@code drain}. Confined to the
 * main thread.
 */
final class VerbCommands {
    private static final Duration LOOK = Duration.ofMillis(200);
    private static final String JSON = "As the API has it.";
    private static final String REASON = "Why: for whoever finds it later.";
    private static final String UNTIL = "A time like 2026-12-01T08:00:00Z, or a duration from now like 2h30m.";

    private final InputStream in;
    private final PrintStream out;
    private final PrintStream err;
    private final InstantSource clock;

    private VerbCommands(InputStream in, PrintStream out, PrintStream err, InstantSource clock) {
        this.in = in;
        this.out = out;
        this.err = err;
        this.clock = clock;
    }

    /** @param in who is asked before something is done that can't be undone answers there */
    static void addTo(CommandLine commands, InputStream in, PrintStream out, PrintStream err) {
        VerbCommands all = new VerbCommands(in, out, err, InstantSource.system());
        commands.addSubcommand(all.new Suspend());
        commands.addSubcommand(all.new Resume());
        commands.addSubcommand(all.new Hold());
        commands.addSubcommand(all.new Release());
        commands.addSubcommand(all.new Retry());
        commands.addSubcommand(all.new Delay());
        commands.addSubcommand(all.new Bounce());
        commands.addSubcommand(all.new Delete());
        commands.addSubcommand(all.new Rebind());
        commands.addSubcommand(all.new DrainGateway());
        commands.addSubcommand(all.new Job());
    }

    /** Of all verbs on messages. */
    static final class Common {
        @Mixin
        private GatewayOptions gateway = new GatewayOptions();

        @Mixin
        private MessageOptions messages = new MessageOptions();

        @Option(names = "--everything", description = "All that is queued: it must be said.")
        private boolean everything;

        @Option(names = "--reason", required = true, paramLabel = "TEXT", description = REASON)
        private String reason = "";

        @Option(names = "--dry-run", description = "Count what it would be done to, and do nothing.")
        private boolean dryRun;

        @Option(names = "--yes", description = "Don't ask.")
        private boolean yes;

        @Option(names = "--key", paramLabel = "KEY", description = "The same order under the same key is the same job.")
        private @Nullable String key;

        @Option(names = "--expires", paramLabel = "WHEN", description = "The job ends then though it isn't through. "
                + UNTIL)
        private @Nullable String expires;

        @Option(names = "--wait", description = "Return when the job is over.")
        private boolean wait;

        @Option(names = "--json", description = JSON)
        private boolean json;
    }

    /** Of what gives mail up. */
    static final class WordsOptions {
        @Option(names = "--code", paramLabel = "CODE", description = "Reply code, 5xx (550).")
        private @Nullable Integer code;

        @Option(names = "--status", paramLabel = "STATUS", description = "Enhanced status, 5.x.x (5.7.1).")
        private @Nullable String enhanced;

        @Option(names = "--text", paramLabel = "TEXT", description = "What the sender reads.")
        private @Nullable String text;

        @Option(names = "--bounce-class", paramLabel = "CLASS", description = "In the delivery log.")
        private @Nullable String bounceClass;
    }

    /** Whose or which way from now on. */
    static final class BindOptions {
        @Option(names = "--to-tenant", paramLabel = "TENANT", description = "Whose it is.")
        private @Nullable String tenant;

        @Option(names = "--to-campaign", paramLabel = "CAMPAIGN", description = "Of which campaign.")
        private @Nullable String campaign;

        @Option(names = "--to-pool", paramLabel = "POOL", description = "By which pool of sources.")
        private @Nullable String pool;

        @Option(names = "--to-route", paramLabel = "DOMAIN", description = "By whose route; empty for the recipients' own.")
        private @Nullable String route;
    }

    private JobOrder order(String verb, Common common, boolean dryRun, @Nullable Instant until,
            @Nullable Boolean report, @Nullable WordsOptions words, @Nullable BindOptions bind) {
        WordsOptions said = words == null ? new WordsOptions() : words;
        BindOptions to = bind == null ? new BindOptions() : bind;
        return new JobOrder(verb, selection(common.messages.query()), common.everything, common.reason, dryRun,
                common.key, time("--expires", common.expires), until, report,
                said.code, said.enhanced, said.text, said.bounceClass, to.tenant, to.campaign, to.pool, to.route);
    }

    private static Map<String, List<String>> selection(List<String[]> query) {
        Map<String, List<String>> selection = new LinkedHashMap<>();
        for (String[] each : query) {
            selection.computeIfAbsent(each[0], _ -> new ArrayList<>()).add(each[1]);
        }
        return selection;
    }

    /** @throws IllegalArgumentException with a sentence for people */
    private @Nullable Instant time(String option, @Nullable String text) {
        if (text == null) {
            return null;
        }
        try {
            return Instant.parse(text);
        } catch (DateTimeParseException _) {
            try {
                return clock.instant().plus(Durations.parse(text));
            } catch (IllegalArgumentException _) {
                throw new IllegalArgumentException(option + " \"" + text
                        + "\": expected a time like 2026-12-01T08:00:00Z or a duration like 2h30m");
            }
        }
    }

    private int usage(IllegalArgumentException e) {
        err.println("penstock: " + e.getMessage());
        return ExitCode.USAGE;
    }

    private int begin(Common common, Supplier<JobOrder> ordered, boolean destructive) {
        JobOrder order;
        try {
            order = ordered.get();
        } catch (IllegalArgumentException e) {
            return usage(e);
        }
        return common.gateway.ask(err, gateway -> {
            if (common.dryRun || destructive && !common.yes) {
                JobOrder counts = new JobOrder(order.verb(), order.selection(), order.everything(), order.reason(),
                        true,
                        order.key(), order.expires(), order.until(), order.report(), order.code(), order.enhanced(),
                        order.text(), order.bounceClass(), order.tenant(), order.campaign(), order.pool(),
                        order.route());
                JsonNode counted = gateway.post("/jobs", counts).path("count");
                if (common.dryRun) {
                    show(common.json, counted, CountAnswer.class, count -> tell(out, order.verb(), count));
                    return ExitCode.OK;
                }
                tell(err, order.verb(), as(counted, CountAnswer.class));
                if (!isConfirmed(order.verb())) {
                    err.println("penstock: nothing was done");
                    return ExitCode.USAGE;
                }
            }
            JsonNode job = gateway.post("/jobs", order).path("job");
            if (common.wait) {
                job = awaitEnd(gateway, job.path("id").asString());
            }
            show(common.json, job, JobAnswer.class, this::tell);
            return job.path("state").asString().equals("failed") ? ExitCode.SOFTWARE : ExitCode.OK;
        });
    }

    private static JsonNode awaitEnd(AdminClient gateway, String id) throws AdminProblem, IOException {
        JsonNode job = gateway.get("/jobs/" + AdminClient.segment(id));
        while (!job.has("ended")) {
            try {
                Thread.sleep(LOOK);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted; the job goes on", e);
            }
            job = gateway.get("/jobs/" + AdminClient.segment(id));
        }
        return job;
    }

    private boolean isConfirmed(String verb) throws IOException {
        err.print("penstock: " + verb + " them? Type yes: ");
        err.flush();
        String answer = new BufferedReader(new InputStreamReader(in, UTF_8)).readLine();
        return answer != null && answer.strip().equals("yes");
    }

    private static <T> T as(JsonNode json, Class<T> type) throws IOException {
        try {
            return AdminJson.MAPPER.treeToValue(json, type);
        } catch (JacksonException e) {
            throw new IOException("the gateway's answer can't be read: " + e.getOriginalMessage(), e);
        }
    }

    private interface Telling<T> {
        void tell(T answer);
    }

    private <T> void show(boolean json, JsonNode answer, Class<T> type, Telling<T> text) throws IOException {
        if (json) {
            out.println(Text.json(answer));
        } else {
            text.tell(as(answer, type));
        }
    }

    private void tell(PrintStream to, String verb, CountAnswer count) {
        say(to, verb + " would be done to " + count.destinations() + " destinations, " + count.octets() + " octets"
                + (count.oldest() == null ? "" : ", the oldest of " + count.oldest()) + ", " + count.inHand()
                + " of them in sessions' hands");
        count.domains().forEach(each -> say(to, "  " + each.domain() + " " + each.destinations()));
    }

    private void tell(JobAnswer job) {
        say(out, job.id() + " " + job.state() + " " + job.verb() + " by " + job.who() + ": " + job.reason());
        say(out, "  selection " + job.selection());
        String details = details(job.details());
        if (!details.isEmpty()) {
            say(out, "  " + details);
        }
        say(out, "  counted " + (job.counted() == null ? "-" : job.counted()) + ", done " + job.done() + ", skipped "
                + job.skipped() + ", failed " + job.failed() + ", in hand " + job.inHand());
        say(out, "  created " + job.created() + (job.ended() == null ? "" : ", ended " + job.ended()));
        if (job.error() != null) {
            say(out, "  last error: " + job.error());
        }
    }

    private static String details(JobDetails of) {
        List<String> said = new ArrayList<>();
        add(said, "until ", of.until());
        add(said, "to tenant ", of.tenant());
        add(said, "to campaign ", of.campaign());
        add(said, "to pool ", of.pool());
        add(said, "to the route of ", of.route());
        if (of.code() != null) {
            said.add("as " + of.code() + " " + of.enhanced() + " " + of.text() + " (" + of.bounceClass() + ")");
        }
        if (of.report() != null) {
            said.add(of.report() ? "senders are told" : "nobody is told");
        }
        add(said, "ends at the latest ", of.expires());
        return String.join(", ", said);
    }

    private static void add(List<String> said, String before, @Nullable Object value) {
        if (value != null) {
            said.add(before + (value.equals("") ? "-" : value));
        }
    }

    private void tell(SuspensionAnswer suspension) {
        say(out, suspension.id() + " " + suspension.selection() + " since " + suspension.since()
                + (suspension.until() == null ? "" : " until " + suspension.until()) + " by " + suspension.who() + ": "
                + suspension.reason());
    }

    /** What senders, operators and stores have said may be in it. */
    private static void say(PrintStream to, String line) {
        to.println(Text.clean(line));
    }

    @Command(name = "suspend", description = "Keep mail back, what is queued and what comes.", mixinStandardHelpOptions = true)
    final class Suspend implements Callable<Integer> {
        @Mixin
        private GatewayOptions gateway = new GatewayOptions();

        @Mixin
        private SelectionOptions selection = new SelectionOptions();

        @Option(names = "--until", paramLabel = "WHEN", description = UNTIL)
        private @Nullable String until;

        @Option(names = "--reason", paramLabel = "TEXT", description = REASON)
        private String reason = "";

        @Option(names = "--list", description = "What is suspended now, instead.")
        private boolean list;

        @Option(names = "--json", description = JSON)
        private boolean json;

        @Override
        public Integer call() {
            if (list) {
                return gateway.ask(err, client -> {
                    show(json, client.get("/suspensions"), SuspensionsAnswer.class,
                            all -> all.suspensions().forEach(VerbCommands.this::tell));
                    return ExitCode.OK;
                });
            }
            SuspensionOrder order;
            try {
                order = new SuspensionOrder(selection(selection.query()), time("--until", until), reason);
            } catch (IllegalArgumentException e) {
                return usage(e);
            }
            return gateway.ask(err, client -> {
                show(json, client.post("/suspensions", order), SuspensionAnswer.class, VerbCommands.this::tell);
                return ExitCode.OK;
            });
        }
    }

    @Command(name = "resume", description = "Let suspended mail go on, at the pace that it may.", mixinStandardHelpOptions = true)
    final class Resume implements Callable<Integer> {
        @Mixin
        private GatewayOptions gateway = new GatewayOptions();

        @Parameters(paramLabel = "ID", description = "The suspension's, as suspend --list has it.")
        private String id = "";

        @Option(names = "--reason", required = true, paramLabel = "TEXT", description = REASON)
        private String reason = "";

        @Option(names = "--json", description = JSON)
        private boolean json;

        @Override
        public Integer call() {
            return gateway.ask(err, client -> {
                show(json, client.delete("/suspensions/" + AdminClient.segment(id) + why(reason), null),
                        SuspensionAnswer.class, VerbCommands.this::tell);
                return ExitCode.OK;
            });
        }
    }

    @Command(name = "hold", description = "Attempt nothing until it is released, or until a time.", mixinStandardHelpOptions = true)
    final class Hold implements Callable<Integer> {
        @Mixin
        private Common common = new Common();

        @Option(names = "--until", paramLabel = "WHEN", description = UNTIL)
        private @Nullable String until;

        @Override
        public Integer call() {
            return begin(common, () -> order("hold", common, false, time("--until", until), null, null, null), false);
        }
    }

    @Command(name = "release", description = "What is held is due now.", mixinStandardHelpOptions = true)
    final class Release implements Callable<Integer> {
        @Mixin
        private Common common = new Common();

        @Override
        public Integer call() {
            return begin(common, () -> order("release", common, false, null, null, null, null), false);
        }
    }

    @Command(name = "retry", description = "What waits for its next attempt is due now.", mixinStandardHelpOptions = true)
    final class Retry implements Callable<Integer> {
        @Mixin
        private Common common = new Common();

        @Override
        public Integer call() {
            return begin(common, () -> order("retry", common, false, null, null, null, null), false);
        }
    }

    @Command(name = "delay", description = "No attempt before a time.", mixinStandardHelpOptions = true)
    final class Delay implements Callable<Integer> {
        @Mixin
        private Common common = new Common();

        @Option(names = "--until", required = true, paramLabel = "WHEN", description = UNTIL)
        private String until = "";

        @Override
        public Integer call() {
            return begin(common, () -> order("delay", common, false, time("--until", until), null, null, null), false);
        }
    }

    @Command(name = "bounce", description = "Give mail up as if it had been refused for good. Counts first and asks.", mixinStandardHelpOptions = true)
    final class Bounce implements Callable<Integer> {
        @Mixin
        private Common common = new Common();

        @Mixin
        private WordsOptions words = new WordsOptions();

        @Option(names = "--report", description = "Tell the senders.")
        private boolean report;

        @Override
        public Integer call() {
            return begin(common, () -> order("bounce", common, false, null, report, words, null), true);
        }
    }

    @Command(name = "delete", description = "Give mail up, and tell nobody. Counts first and asks.", mixinStandardHelpOptions = true)
    final class Delete implements Callable<Integer> {
        @Mixin
        private Common common = new Common();

        @Mixin
        private WordsOptions words = new WordsOptions();

        @Override
        public Integer call() {
            return begin(common, () -> order("delete", common, false, null, null, words, null), true);
        }
    }

    @Command(name = "rebind", description = "Another tenant's, another campaign's, or by another pool or route from now on.", mixinStandardHelpOptions = true)
    final class Rebind implements Callable<Integer> {
        @Mixin
        private Common common = new Common();

        @Mixin
        private BindOptions to = new BindOptions();

        @Override
        public Integer call() {
            return begin(common, () -> order("rebind", common, false, null, null, null, to), false);
        }
    }

    @Command(name = "drain", description = "Empty the gateway and stop it: readiness says so first.", mixinStandardHelpOptions = true)
    final class DrainGateway implements Callable<Integer> {
        @Mixin
        private GatewayOptions gateway = new GatewayOptions();

        @Option(names = "--announce", paramLabel = "TIME", defaultValue = "10s", description = "Mail is still taken for so long while readiness says no (${DEFAULT-VALUE}).")
        private String announce = "10s";

        @Option(names = "--longest", paramLabel = "TIME", defaultValue = "1h", description = "It stops after this though mail is left (${DEFAULT-VALUE}).")
        private String longest = "1h";

        @Option(names = "--cancel", description = "Call it off.")
        private boolean cancel;

        @Option(names = "--status", description = "How far it is.")
        private boolean status;

        @Option(names = "--reason", paramLabel = "TEXT", description = REASON)
        private String reason = "";

        @Override
        public Integer call() {
            return gateway.ask(err, client -> {
                JsonNode answer = status
                        ? client.get("/drain")
                        : cancel
                                ? client.delete("/drain" + why(reason), null)
                                : client.post("/drain", new DrainOrder(announce, longest, reason));
                out.println(Text.json(answer));
                return ExitCode.OK;
            });
        }
    }

    private static String why(String reason) {
        return AdminClient.query(List.<String[]>of(new String[]{"reason", reason}));
    }

    @Command(name = "job", description = "Jobs on queued mail.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
    final class Job {
        @Command(description = "List jobs, the last first.", mixinStandardHelpOptions = true)
        int list(@Mixin GatewayOptions gateway,
                @Option(names = "--limit", paramLabel = "N", defaultValue = "20", description = "How many at most (${DEFAULT-VALUE}).") int limit,
                @Option(names = "--json", description = JSON) boolean json) {
            return gateway.ask(err, client -> {
                VerbCommands.this.show(json, client.get("/jobs?limit=" + limit), JobsAnswer.class,
                        all -> all.jobs().forEach(VerbCommands.this::tell));
                return ExitCode.OK;
            });
        }

        @Command(description = "How far a job is.", mixinStandardHelpOptions = true)
        int show(@Mixin GatewayOptions gateway,
                @Parameters(paramLabel = "ID", description = "The job's.") String id,
                @Option(names = "--json", description = JSON) boolean json) {
            return gateway.ask(err, client -> {
                VerbCommands.this.show(json, client.get("/jobs/" + AdminClient.segment(id)), JobAnswer.class,
                        VerbCommands.this::tell);
                return ExitCode.OK;
            });
        }

        @Command(description = "Stop a job; what it has done stays done.", mixinStandardHelpOptions = true)
        int cancel(@Mixin GatewayOptions gateway,
                @Parameters(paramLabel = "ID", description = "The job's.") String id,
                @Option(names = "--reason", required = true, paramLabel = "TEXT", description = REASON) String reason,
                @Option(names = "--json", description = JSON) boolean json) {
            return gateway.ask(err, client -> {
                VerbCommands.this.show(json,
                        client.delete("/jobs/" + AdminClient.segment(id) + why(reason), null), JobAnswer.class,
                        VerbCommands.this::tell);
                return ExitCode.OK;
            });
        }
    }
}
