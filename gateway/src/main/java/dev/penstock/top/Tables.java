package dev.penstock.top;

import static dev.penstock.units.Figures.number;
import static dev.penstock.units.Figures.octets;
import static dev.penstock.units.Figures.percent;
import static dev.penstock.units.Figures.time;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.admin.QueueAnswer.Counts;
import dev.penstock.admin.QueueAnswer.Hold;
import dev.penstock.admin.QueueAnswer.Lately;
import dev.penstock.admin.QueueAnswer.Queues;
import dev.penstock.admin.QueueAnswer.Row;
import dev.penstock.admin.StandingAnswer.ProviderRow;
import dev.penstock.admin.StandingAnswer.Source;
import dev.penstock.admin.StandingAnswer.Suspension;
import dev.penstock.admin.StandingAnswer.Tenant;
import dev.penstock.admin.StandingAnswer.WarmUp;
import dev.penstock.queue.Grouping;
import dev.penstock.queue.QueueTable;
import dev.penstock.top.Palette.Tone;
import dev.penstock.top.Table.Cell;
import dev.penstock.top.Table.Column;

/** The rows of each screen, of what the gateway has said. Stateless. */
final class Tables {
    private static final String NOTHING = "-";
    /** Of a place with so many answers in the hour, shares tell something; as alarms have it. */
    private static final int ENOUGH = 100;
    private static final double HIGH_DEFERRALS = 0.2; // as alarms have it
    private static final double SOME_DEFERRALS = 0.05;
    private static final double HIGH_BOUNCES = 0.05;
    private static final double SOME_BOUNCES = 0.02;
    /** When senders use to be told that their mail waits. */
    private static final Duration OLD = Duration.ofHours(4);
    private static final Duration VERY_OLD = Duration.ofDays(1);
    /** Limits of the control that are worth a look, and those that stop mail. */
    private static final Map<String, Tone> MODES = Map.of("probing", Tone.WARN, "blocked", Tone.BAD, "incident",
            Tone.BAD);

    // How much a column matters.
    private static final int MOST = 9;
    private static final int MUCH = 7;
    private static final int SOME = 5;
    private static final int LITTLE = 3;
    private static final int LEAST = 1;

    private Tables() {}

    static Table of(Answers answers, Instant now) {
        Queues queues = answers.queues();
        return switch (answers.question().screen()) {
            case OVERVIEW, PROVIDERS -> queues == null ? none() : providers(answers, queues, now);
            case QUEUES -> queues == null ? none() : queues(answers, queues, now);
            case SOURCES -> queues == null ? none() : sources(answers, queues, now);
            case TENANTS -> queues == null ? none() : tenants(answers, queues, now);
            case HELD -> holds(answers, now);
            case LATENCY -> none();
        };
    }

    private static Table none() {
        return new Table(List.of(), List.of());
    }

    private static Column name(String title) {
        return new Column(title, false, MOST, QueueTable.Column.NAME);
    }

    private static Column figure(String title, int matters, QueueTable.@Nullable Column order) {
        return new Column(title, true, matters, order);
    }

    private static Column words(String title, int matters) {
        return new Column(title, false, matters, null);
    }

    private static Table queues(Answers answers, Queues queues, Instant now) {
        Grouping by = answers.question().by();
        List<Column> columns = List.of(name(queues.by().toUpperCase(Locale.ROOT)),
                figure("QUEUED", MOST, QueueTable.Column.QUEUED),
                figure("READY", SOME, QueueTable.Column.READY),
                figure("SUSPENDED", SOME, QueueTable.Column.SUSPENDED),
                figure("SCHEDULED", SOME, QueueTable.Column.SCHEDULED),
                figure("HELD", LITTLE, QueueTable.Column.HELD),
                figure("ACTIVE", LITTLE, QueueTable.Column.ACTIVE),
                figure("OLDEST", MUCH, QueueTable.Column.OLDEST),
                figure("OUT/MIN", SOME, QueueTable.Column.DELIVERED_MINUTE),
                figure("DEFERRED", MUCH, QueueTable.Column.DEFERRAL_SHARE),
                figure("BOUNCED", LEAST, QueueTable.Column.BOUNCE_SHARE),
                words("WAITS FOR", MUCH));
        return new Table(columns, queues.rows().stream().map(row -> {
            Counts counts = row.counts();
            return new Table.Row(
                    Target.isNamed(row.name()) ? Target.mail(answers.question().filter(), by, row.name()) : null,
                    List.of(named(row.name()), plain(counts.queued()), plain(counts.ready()),
                            warned(counts.suspended()), plain(counts.scheduled()), warned(counts.held()),
                            plain(counts.active()), age(counts.oldest(), now), plain(row.lately().deliveredMinute()),
                            deferrals(row.lately()), bounces(row.lately()), waits(row)));
        }).toList());
    }

    private static Table providers(Answers answers, Queues queues, Instant now) {
        Map<String, String> modes = answers.providers() == null
                ? Map.of()
                : answers.providers().rows().stream()
                        .collect(Collectors.toMap(each -> each.row().name(), ProviderRow::mode));
        List<Column> columns = List.of(name("PROVIDER"), words("MODE", MUCH),
                figure("QUEUED", MOST, QueueTable.Column.QUEUED),
                figure("OLDEST", MUCH, QueueTable.Column.OLDEST),
                figure("OUT/MIN", MUCH, QueueTable.Column.DELIVERED_MINUTE),
                figure("OUT/H", LITTLE, null),
                figure("DEFERRED", MOST, QueueTable.Column.DEFERRAL_SHARE),
                figure("BOUNCED", SOME, QueueTable.Column.BOUNCE_SHARE),
                figure("NEXT", LITTLE, null),
                words("WAITS FOR", SOME));
        return new Table(columns, queues.rows().stream().map(row -> {
            String mode = modes.getOrDefault(row.name(), NOTHING);
            return new Table.Row(Target.isNamed(row.name()) ? new Target.Provider(row.name()) : null,
                    List.of(named(row.name()), new Cell(mode, MODES.getOrDefault(mode, Tone.PLAIN)),
                            plain(row.counts().queued()), age(row.counts().oldest(), now),
                            plain(row.lately().deliveredMinute()), plain(row.lately().deliveredHour()),
                            deferrals(row.lately()), bounces(row.lately()), until(row.next(), now), waits(row)));
        }).toList());
    }

    /** Those with mail in their order, then those without. */
    private static Table sources(Answers answers, Queues queues, Instant now) {
        List<Source> known = answers.sources() == null ? List.of() : answers.sources().sources();
        Map<String, Source> byName = known.stream().collect(Collectors.toMap(Source::name, Function.identity()));
        List<Column> columns = List.of(name("SOURCE"), words("STATE", MOST),
                figure("QUEUED", MUCH, QueueTable.Column.QUEUED),
                figure("OLDEST", SOME, QueueTable.Column.OLDEST),
                figure("SESSIONS", SOME, null),
                figure("OUT/MIN", MUCH, QueueTable.Column.DELIVERED_MINUTE),
                figure("DEFERRED", MUCH, QueueTable.Column.DEFERRAL_SHARE),
                words("POOLS", LEAST),
                words("WARM-UP", LITTLE),
                words("WHY", SOME));
        List<Table.Row> rows = new ArrayList<>();
        queues.rows().forEach(row -> rows.add(source(row.name(), row, byName.get(row.name()), now)));
        if (answers.question().filter().isNone()) {
            known.stream().filter(source -> queues.rows().stream().noneMatch(row -> row.name().equals(source.name())))
                    .forEach(source -> rows.add(source(source.name(), null, source, now)));
        }
        return new Table(columns, rows);
    }

    private static Table.Row source(String name, @Nullable Row row, @Nullable Source source, Instant now) {
        Lately lately = row != null ? row.lately() : source != null ? source.lately() : null;
        List<Suspension> suspensions = source == null ? List.of() : source.suspensions();
        String pools = source == null ? "" : String.join(" ", source.pools());
        String warmUp = source == null
                ? ""
                : source.warmUp().stream().map(Tables::warmUp).collect(Collectors.joining("; "));
        Cell state = source == null
                ? Cell.plain(NOTHING)
                : suspensions.isEmpty() ? new Cell("used", Tone.GOOD) : new Cell("suspended", Tone.BAD);
        Cell why = suspensions.isEmpty()
                ? row == null ? Cell.plain(NOTHING) : waits(row)
                : new Cell(suspensions.stream().map(each -> each.towards() + ": " + each.why())
                        .collect(Collectors.joining("; ")), Tone.WARN);
        return new Table.Row(source == null ? null : new Target.Source(name), List.of(named(name), state,
                plain(row == null ? 0 : row.counts().queued()), age(row == null ? null : row.counts().oldest(), now),
                plain(source == null ? 0 : source.sessions()), plain(lately == null ? 0 : lately.deliveredMinute()),
                lately == null ? Cell.plain(NOTHING) : deferrals(lately), named(pools), named(warmUp), why));
    }

    private static String warmUp(WarmUp warmUp) {
        return "day " + warmUp.day() + " " + number(warmUp.sent()) + " of "
                + (warmUp.allowance() == null ? "any" : number(warmUp.allowance()))
                + (warmUp.provider().isEmpty() ? "" : " to " + warmUp.provider());
    }

    private static Table tenants(Answers answers, Queues queues, Instant now) {
        Map<String, Tenant> byName = answers.tenants() == null
                ? Map.of()
                : answers.tenants().tenants().stream()
                        .collect(Collectors.toMap(each -> each.row().name(), Function.identity()));
        List<Column> columns = List.of(name("TENANT"), figure("QUEUED", MOST, QueueTable.Column.QUEUED),
                figure("OF", SOME, null), figure("OCTETS", LITTLE, null),
                figure("OLDEST", MUCH, QueueTable.Column.OLDEST),
                figure("OUT/MIN", MUCH, QueueTable.Column.DELIVERED_MINUTE),
                figure("OUT/H", LITTLE, null),
                figure("DEFERRED", MUCH, QueueTable.Column.DEFERRAL_SHARE),
                figure("BOUNCED", MUCH, QueueTable.Column.BOUNCE_SHARE),
                words("WAITS FOR", SOME));
        return new Table(columns, queues.rows().stream().map(row -> {
            Tenant tenant = byName.get(row.name());
            Integer limit = tenant == null ? null : tenant.queueLimit();
            boolean full = limit != null && row.counts().queued() >= limit;
            return new Table.Row(Target.isNamed(row.name())
                    ? Target.mail(answers.question().filter(), Grouping.TENANT, row.name())
                    : null,
                    List.of(named(row.name()), new Cell(number(row.counts().queued()), full ? Tone.BAD : Tone.PLAIN),
                            Cell.plain(limit == null ? NOTHING : number(limit)),
                            Cell.plain(octets(row.counts().octets())), age(row.counts().oldest(), now),
                            plain(row.lately().deliveredMinute()), plain(row.lately().deliveredHour()),
                            deferrals(row.lately()), bounces(row.lately()), waits(row)));
        }).toList());
    }

    private static Table holds(Answers answers, Instant now) {
        if (answers.why() == null) {
            return none();
        }
        List<Column> columns = List.of(figure("MAIL", MOST, null), words("STATE", MUCH), figure("UNTIL", SOME, null),
                words("QUEUE", MUCH), words("HELD BY", MOST));
        List<Table.Row> rows = new ArrayList<>();
        for (Hold hold : answers.why().holds()) {
            rows.add(new Table.Row(Target.readyQueue(answers.question().filter(), hold.queue()),
                    List.of(plain(hold.destinations()),
                            new Cell(hold.state(), hold.state().equals("suspended") ? Tone.WARN : Tone.PLAIN),
                            until(hold.until(), now), named(hold.queue()), Cell.plain(hold.what()))));
        }
        Counts counts = answers.why().counts();
        hold(rows, answers.why().otherwise(), NOTHING, null, "what isn't among these", now);
        hold(rows, counts.scheduled(), "scheduled", answers.why().next(), "its next attempt", now);
        hold(rows, counts.held(), "held", null, "an operator, or what the preflight asks: its release", now);
        return new Table(columns, rows);
    }

    private static void hold(List<Table.Row> rows, long mail, String state, @Nullable Instant until, String what,
            Instant now) {
        if (mail > 0) {
            rows.add(new Table.Row(null, List.of(plain(mail), Cell.plain(state), until(until, now),
                    Cell.plain(NOTHING), Cell.plain(what))));
        }
    }

    private static Cell named(String name) {
        return Cell.plain(name.isEmpty() ? NOTHING : name);
    }

    private static Cell plain(long number) {
        return Cell.plain(number(number));
    }

    private static Cell warned(long number) {
        return new Cell(number(number), number > 0 ? Tone.WARN : Tone.PLAIN);
    }

    private static Cell waits(Row row) {
        return Cell.plain(row.waitingFor().isEmpty() ? NOTHING : row.waitingFor());
    }

    static Cell age(@Nullable Instant since, Instant now) {
        if (since == null) {
            return Cell.plain(NOTHING);
        }
        Duration age = Duration.between(since, now);
        return new Cell(time(age), age.compareTo(VERY_OLD) >= 0
                ? Tone.BAD
                : age.compareTo(OLD) >= 0 ? Tone.WARN : Tone.PLAIN);
    }

    private static Cell until(@Nullable Instant at, Instant now) {
        return Cell.plain(at == null ? NOTHING : time(Duration.between(now, at)));
    }

    static Cell deferrals(Lately lately) {
        return share(lately, lately.deferralShare(), SOME_DEFERRALS, HIGH_DEFERRALS);
    }

    static Cell bounces(Lately lately) {
        return share(lately, lately.bounceShare(), SOME_BOUNCES, HIGH_BOUNCES);
    }

    private static Cell share(Lately lately, double share, double some, double high) {
        long answered = lately.deliveredHour() + lately.deferredHour() + lately.bouncedHour();
        if (answered == 0) {
            return Cell.plain(NOTHING);
        }
        return new Cell(percent(share), answered < ENOUGH || share < some
                ? Tone.PLAIN
                : share < high ? Tone.WARN : Tone.BAD);
    }
}
