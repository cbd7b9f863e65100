package dev.penstock.cli;

import static dev.penstock.units.Figures.number;
import static dev.penstock.units.Figures.octets;
import static dev.penstock.units.Figures.percent;
import static dev.penstock.units.Figures.time;

import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.admin.QueueAnswer;
import dev.penstock.admin.QueueAnswer.Counts;
import dev.penstock.admin.QueueAnswer.Lately;
import dev.penstock.admin.QueueAnswer.Row;
import dev.penstock.admin.QueueAnswer.WhyOf;
import dev.penstock.admin.StandingAnswer;
import dev.penstock.queue.QueueCounts;

/** What the gateway tells of queues, messages, providers and sources, as people read it. Confined to one thread. */
final class ViewTexts {
    private static final String NOTHING = "-";
    private static final int HUNDRED = 100;

    private final PrintStream out;
    private final Instant now;

    /** @param now from when ages and waits are told */
    ViewTexts(PrintStream out, Instant now) {
        this.out = out;
        this.now = now;
    }

    void queues(QueueAnswer.Queues queues) {
        TextTable table = new TextTable().left(queues.by().toUpperCase(Locale.ROOT)).right("QUEUED").right("READY")
                .right("SUSPENDED").right("SCHEDULED").right("HELD").right("ROUTING").right("ACTIVE").right("OLDEST")
                .right("OUT/MIN").right("DEFERRED").right("BOUNCED").left("WAITS FOR");
        queues.rows().forEach(row -> {
            Counts counts = row.counts();
            table.row(name(row.name()), number(counts.queued()), number(counts.ready()), number(counts.suspended()),
                    number(counts.scheduled()), number(counts.held()), number(counts.routing()),
                    number(counts.active()), age(counts.oldest()), number(row.lately().deliveredMinute()),
                    share(row.lately().deferralShare(), row.lately()), share(row.lately().bounceShare(), row.lately()),
                    waits(row));
        });
        table.print(out);
        say(shown(queues));
    }

    void ages(QueueAnswer.Queues queues) {
        TextTable table = new TextTable().left(queues.by().toUpperCase(Locale.ROOT)).right("T");
        QueueCounts.AGE_BOUNDS.forEach(bound -> table.right(bound.toString()));
        table.right(QueueCounts.AGE_BOUNDS.getLast() + "+");
        ages(table, "TOTAL", queues.total());
        queues.rows().forEach(row -> ages(table, name(row.name()), row.counts()));
        table.print(out);
        say(shown(queues));
    }

    private static void ages(TextTable table, String name, Counts counts) {
        String[] cells = new String[2 + counts.ages().size()];
        cells[0] = name;
        cells[1] = number(counts.queued());
        for (int i = 0; i < counts.ages().size(); i++) {
            cells[2 + i] = number(counts.ages().get(i));
        }
        table.row(cells);
    }

    private static String shown(QueueAnswer.Queues queues) {
        int to = queues.offset() + queues.rows().size();
        String rows = queues.rows().size() == queues.all()
                ? queues.all() + " in all"
                : queues.offset() + 1 + " to " + to + " of " + queues.all();
        return rows + ", " + number(queues.total().queued()) + " queued ("
                + (queues.selection().equals("everything") ? "everything" : queues.selection().strip()) + ")";
    }

    private static String waits(Row row) {
        return row.waitingFor().isEmpty() ? NOTHING : row.waitingFor();
    }

    void why(WhyOf why) {
        Counts counts = why.counts();
        say(counts(counts));
        if (counts.queued() > 0) {
            say("oldest: " + at(counts.oldest()) + ", attempted before: " + number(counts.attempted())
                    + ", octets: " + octets(counts.octets()));
        }
        why.holds().forEach(hold -> say(number(hold.destinations()) + " " + hold.state() + ": "
                + (hold.queue().isEmpty() ? "" : hold.queue() + ": ") + hold.what()
                + (hold.until() == null ? "" : ", until " + at(hold.until()))));
        if (why.otherwise() > 0) {
            say(number(why.otherwise()) + " held by what isn't shown");
        }
        if (why.next() != null) {
            say("next attempt of what is scheduled: " + at(why.next()));
        }
        if (why.lastGoes() != null) {
            say("all that is ready will probably have gone: " + at(why.lastGoes()));
        }
        why.queues().forEach(this::queue);
        replies(why.replies());
    }

    private static String counts(Counts counts) {
        return number(counts.queued()) + " queued: " + number(counts.ready()) + " ready, "
                + number(counts.suspended()) + " suspended, " + number(counts.scheduled()) + " scheduled, "
                + number(counts.held()) + " held, " + number(counts.routing()) + " routing, "
                + number(counts.active()) + " active";
    }

    private void queue(QueueAnswer.ReadyQueue queue) {
        out.println();
        say("queue " + queue.name() + (queue.provider().isEmpty() ? "" : " (" + queue.provider() + ")") + ": "
                + number(queue.ready()) + " ready, " + number(queue.withheld()) + " withheld, "
                + number(queue.active()) + " active; sessions " + queue.up() + " up, " + queue.opening()
                + " opening, " + queue.idle() + " idle");
        if (!queue.suspendedWhy().isEmpty()) {
            say("  suspended" + (queue.suspendedUntil() == null ? "" : " until " + at(queue.suspendedUntil()))
                    + ": " + queue.suspendedWhy());
        }
        for (QueueAnswer.Limit limit : queue.limits()) {
            say("  " + (limit.binds() ? "* " : "  ") + limit.limiter() + " "
                    + (limit.used() == null ? "" : limit.used() + " of ") + limit.value()
                    + (limit.scope().isEmpty() ? "" : " of " + limit.scope())
                    + (limit.place().isEmpty() ? "" : " (" + limit.place() + ")"));
        }
        if (!queue.strip().isEmpty()) {
            say("  last outcomes: " + queue.strip());
        }
    }

    private void replies(List<QueueAnswer.Reply> replies) {
        if (replies.isEmpty()) {
            return;
        }
        out.println();
        say("last replies:");
        replies.forEach(reply -> say("  " + stamp(reply.at()) + "  " + reply.code() + " " + reply.enhanced()
                + " " + reply.text() + " (" + reply.bounceClass() + (reply.remote() ? ")" : ", our words)")));
    }

    void messages(QueueAnswer.Messages messages) {
        TextTable table = new TextTable().left("ID").left("DOMAIN").left("TENANT").left("CAMPAIGN").left("STATE")
                .right("ATTEMPTS").right("AGE").right("SIZE").right("NEXT").left("WAITS FOR");
        messages.messages().forEach(message -> table.row(message.id(), message.domain(), name(message.tenant()),
                name(message.campaign()), message.state(), number(message.attempts()), age(message.received()),
                octets(message.octets()), in(message.next()), message.waitingFor()));
        table.print(out);
        say(messages.messages().size() + " of " + number(messages.selected()) + " selected"
                + (messages.looked() == 0 ? "" : ", " + number(messages.looked()) + " of them read from the spool")
                + (messages.next() == null ? "" : "; go on with --cursor " + messages.next()));
    }

    void message(QueueAnswer.MessageDetail message) {
        String sender = message.sender();
        say("message " + message.id() + (sender == null ? "" : " from <" + sender + ">")
                + (message.received() == null ? "" : ", received " + at(message.received()))
                + (message.origin().isEmpty() ? "" : " by " + message.origin()));
        destinations(message);
    }

    /** Those of a message that are queued still. */
    void destinations(QueueAnswer.MessageDetail message) {
        for (QueueAnswer.DestinationDetail destination : message.destinations()) {
            QueueAnswer.Message to = destination.message();
            out.println();
            say(to.domain() + ": " + to.state() + ", waits for " + to.waitingFor());
            say("  tenant " + name(to.tenant()) + ", campaign " + name(to.campaign()) + ", " + to.mailClass()
                    + ", pool " + name(to.pool()) + ", source " + name(to.source()) + ", site " + name(to.site())
                    + ", provider " + name(to.provider()));
            say("  attempts " + to.attempts() + ", next " + (to.next() == null ? NOTHING : at(to.next()))
                    + (destination.expected() == null ? "" : ", will probably go " + at(destination.expected()))
                    + (destination.error() == null
                            ? ""
                            : String.format(Locale.ROOT, " (nine of ten are told to %.0f %%)",
                                    HUNDRED * destination.error())));
            if (!destination.then().isEmpty()) {
                say("  then binds " + destination.then());
            }
            destination.recipients().forEach(recipient -> say("  <" + recipient.address() + "> "
                    + recipient.status() + (recipient.lastReply().isEmpty() ? "" : ": " + recipient.lastReply())));
        }
    }

    void providers(StandingAnswer.Providers providers) {
        providers(providers.rows());
    }

    private void providers(List<StandingAnswer.ProviderRow> rows) {
        TextTable table = new TextTable().left("PROVIDER").right("QUEUED").right("OLDEST").right("OUT/MIN")
                .right("OUT/H").right("DEFERRED").right("BOUNCED").left("MODE").right("NEXT").left("WAITS FOR");
        rows.forEach(provider -> {
            Row row = provider.row();
            table.row(name(row.name()), number(row.counts().queued()), age(row.counts().oldest()),
                    number(row.lately().deliveredMinute()), number(row.lately().deliveredHour()),
                    share(row.lately().deferralShare(), row.lately()), share(row.lately().bounceShare(), row.lately()),
                    provider.mode(), in(row.next()), waits(row));
        });
        table.print(out);
    }

    void provider(StandingAnswer.Provider provider) {
        say("provider " + name(provider.name()) + ": " + lately(provider.lately())
                + (provider.incident() ? "; incident: bulk mail waits" : ""));
        provider.control().forEach(control -> say("control " + control.scope() + ": " + control.mode()
                + (control.perSecond() == null
                        ? ""
                        : String.format(Locale.ROOT, ", %.3g messages/s", control.perSecond()))
                + (control.window() == null ? "" : ", " + control.window() + " sessions")));
        provider.decisions().forEach(decision -> say("  " + stamp(decision.at()) + "  " + decision.scope()
                + ": " + decision.what() + ", " + decision.from() + " -> " + decision.to()
                + (decision.reply().isEmpty() ? "" : ", because of \"" + decision.reply() + "\"")
                + (decision.rule().isEmpty() ? "" : " (" + decision.rule() + ")")
                + (decision.ends().isEmpty() ? "" : "; ends " + decision.ends())));
        why(provider.why());
    }

    void sources(StandingAnswer.Sources sources) {
        TextTable table = new TextTable().left("SOURCE").left("ADDRESSES").left("POOLS").right("READY")
                .right("SESSIONS").right("OUT/MIN").right("DEFERRED").left("WARM-UP").left("STATE");
        sources.sources().forEach(source -> table.row(source.name(),
                source.addresses().isEmpty() ? "any" : String.join(" ", source.addresses()),
                source.pools().isEmpty() ? NOTHING : String.join(" ", source.pools()), number(source.ready()),
                number(source.sessions()), number(source.lately().deliveredMinute()),
                share(source.lately().deferralShare(), source.lately()), warmUp(source.warmUp()),
                source.suspensions().isEmpty()
                        ? "used"
                        : source.suspensions().stream()
                                .map(suspension -> "suspended " + suspension.towards() + ": " + suspension.why())
                                .collect(Collectors.joining("; "))));
        table.print(out);
    }

    private static String warmUp(List<StandingAnswer.WarmUp> warmUps) {
        return warmUps.isEmpty()
                ? NOTHING
                : warmUps.stream().map(each -> "day " + each.day() + ": " + each.sent() + " of "
                        + (each.allowance() == null ? "any number" : each.allowance())
                        + (each.provider().isEmpty() ? "" : " to " + each.provider()))
                        .collect(Collectors.joining("; "));
    }

    void source(StandingAnswer.Source source) {
        sources(new StandingAnswer.Sources(List.of(source)));
        source.suspensions().forEach(suspension -> say("suspended " + suspension.towards() + " since "
                + at(suspension.since()) + (suspension.until() == null ? "" : " until " + at(suspension.until()))
                + ": " + suspension.why() + " (" + suspension.cause() + ")"));
        byProvider(source.byProvider());
    }

    private void byProvider(Map<String, Lately> byProvider) {
        byProvider.forEach((provider, lately) -> say("to " + name(provider) + ": " + lately(lately)));
    }

    /** @param by what each row is of, in the singular */
    void tenants(String by, StandingAnswer.Tenants tenants) {
        TextTable table = new TextTable().left(by.toUpperCase(Locale.ROOT)).right("QUEUED").right("OF").right("OCTETS")
                .right("OLDEST").right("OUT/H").right("DEFERRED").right("BOUNCED").left("WAITS FOR");
        tenants.tenants().forEach(tenant -> {
            Row row = tenant.row();
            table.row(name(row.name()), number(row.counts().queued()),
                    tenant.queueLimit() == null ? NOTHING : number(tenant.queueLimit()),
                    octets(row.counts().octets()), age(row.counts().oldest()),
                    number(row.lately().deliveredHour()), share(row.lately().deferralShare(), row.lately()),
                    share(row.lately().bounceShare(), row.lately()), waits(row));
        });
        table.print(out);
    }

    void status(StandingAnswer.Status status) {
        say("Penstock " + status.version() + " at " + status.hostname() + ", up "
                + time(Duration.between(status.started(), status.at())));
        flow("in ", status.in());
        flow("out", status.out());
        say("last hour: " + lately(status.lately()));
        say("connections: in " + status.connectionsIn().now() + " (top " + status.connectionsIn().top()
                + "), out " + status.connectionsOut().now() + " (top " + status.connectionsOut().top() + ")");
        say(counts(status.queued())
                + (status.queued().oldest() == null ? "" : "; oldest " + at(status.queued().oldest())));
        status.parts().forEach(part -> say(part.name() + ": " + (part.ok() ? "ok" : "NOT OK")
                + (part.detail().isEmpty() ? "" : ", " + part.detail())));
        if (!status.providers().isEmpty()) {
            out.println();
            providers(status.providers());
        }
        out.println();
        if (status.alarms().isEmpty()) {
            say("no alarms");
        }
        status.alarms().forEach(alarm -> say("ALARM " + alarm));
    }

    /** A line a minute, the latest last. */
    void lastHour(StandingAnswer.LastHour hour) {
        TextTable table = new TextTable().left("MINUTE").right("IN").right("OUT").right("DEFERRED").right("BOUNCED");
        for (int i = 0; i < hour.delivered().size(); i++) {
            table.row(stamp(hour.from().plus(i, ChronoUnit.MINUTES)),
                    hour.in().isEmpty() ? NOTHING : number(hour.in().get(i)), number(hour.delivered().get(i)),
                    number(hour.deferred().get(i)), number(hour.bounced().get(i)));
        }
        table.print(out);
    }

    private void flow(String name, QueueAnswer.Flow flow) {
        say(String.format(Locale.ROOT,
                "%s: %.1f/s now, %,d last minute (top %,d), %,d last hour (top %,d)", name, flow.perSecond(),
                flow.lastMinute(), flow.topMinute(), flow.lastHour(), flow.topHour()));
    }

    private static String lately(Lately lately) {
        return number(lately.deliveredHour()) + " delivered, " + number(lately.deferredHour()) + " deferred ("
                + share(lately.deferralShare(), lately) + "), " + number(lately.bouncedHour()) + " bounced ("
                + share(lately.bounceShare(), lately) + ")";
    }

    /** What receivers and senders have said is in most of it. */
    private void say(String line) {
        out.println(Text.clean(line));
    }

    private static String name(String name) {
        return name.isEmpty() ? NOTHING : name;
    }

    /** Of nothing there is no share. */
    private static String share(double share, Lately lately) {
        return lately.deliveredHour() + lately.deferredHour() + lately.bouncedHour() == 0
                ? NOTHING
                : percent(share);
    }

    private String age(@Nullable Instant since) {
        return since == null ? NOTHING : time(Duration.between(since, now));
    }

    private String in(@Nullable Instant time) {
        return time == null ? NOTHING : time(Duration.between(now, time));
    }

    /** {@code 2026-11-29T12:00:00Z (in 2h5m)}. */
    private String at(@Nullable Instant time) {
        if (time == null) {
            return NOTHING;
        }
        Duration until = Duration.between(now, time);
        return stamp(time)
                + (until.isNegative() ? " (" + time(until.negated()) + " ago)" : " (in " + time(until) + ")");
    }

    private static String stamp(Instant time) {
        return time.truncatedTo(ChronoUnit.SECONDS).toString();
    }
}
