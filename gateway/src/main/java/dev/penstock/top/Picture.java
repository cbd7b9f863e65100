package dev.penstock.top;

import static dev.penstock.units.Figures.number;
import static dev.penstock.units.Figures.time;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import org.jline.utils.AttributedString;
import org.jspecify.annotations.Nullable;

import dev.penstock.admin.QueueAnswer.Counts;
import dev.penstock.admin.QueueAnswer.Flow;
import dev.penstock.admin.QueueAnswer.Lately;
import dev.penstock.admin.QueueAnswer.Queues;
import dev.penstock.admin.StandingAnswer.Status;
import dev.penstock.top.Palette.Tone;
import dev.penstock.units.Durations;

/**
 * The whole screen, of what is looked at and what is known: at most as many lines as it has, none wider than it. Immutable
 * and pure.
 *
 * @param model  what is known
 * @param now    from when ages and waits are told
 * @param width  columns
 * @param height lines
 */
record Picture(View view, Model model, Instant now, int width, int height, Palette palette) implements View.Rows {
    private static final int HEAD = 3;
    private static final int FOOT = 1;
    /** Of the body, alarms at most. */
    private static final int ALARMS_PART = 3;
    private static final String PROMPT = "filter: ";
    private static final List<String[]> HELP = List.of(
            new String[]{"1 … 7, Tab", "overview, queues, providers, sources, tenants, what holds mail, latency"},
            new String[]{"↑ ↓ j k PgUp PgDn g G", "choose a row"},
            new String[]{"Enter", "all that is known of it: limits, decisions, the last replies; Esc goes back"},
            new String[]{"/", "filter: provider=google tenant=shop, * for any characters, - for none;"},
            new String[]{"", "domain, site, provider, source, pool, tenant, campaign, class; no text for no filter"},
            new String[]{"s S", "order by the next column; the other way round"},
            new String[]{"b", "put queues together by the next attribute; the next kind of latency"},
            new String[]{"p", "pause, and go on"},
            new String[]{"+ -", "look less often; more often"},
            new String[]{"Ctrl-L", "draw all anew"},
            new String[]{"q Ctrl-C", "quit"});

    /** Lines of the screen. */
    List<AttributedString> lines() {
        List<AttributedString> lines = new ArrayList<>();
        lines.add(who());
        lines.add(tabs());
        lines.add(what());
        if (lines.size() > height - FOOT) {
            lines.subList(Math.max(0, height - FOOT), lines.size()).clear();
        }
        lines.addAll(body(page()));
        while (lines.size() < height - FOOT) {
            lines.add(AttributedString.EMPTY);
        }
        if (height > 0) {
            lines.add(foot());
        }
        return lines;
    }

    /** All of it as text, without keys. */
    List<String> text() {
        List<AttributedString> lines = new ArrayList<>();
        lines.add(who());
        lines.add(what());
        Answers answers = model.of(view);
        if (answers != null && view.screen() == Screen.LATENCY) {
            lines.addAll(HeatMap.sinceStart(answers.latencies(), view.times(), width, palette));
        } else {
            lines.addAll(body(height));
        }
        return lines.stream().map(line -> line.toString().stripTrailing()).toList();
    }

    /** The column of the last line that the cursor is in; -1 for none. */
    int cursor() {
        return view.mode() instanceof Mode.Prompt(String text, String _)
                ? Math.min(width - 1, Line.columns(PROMPT) + Line.columns(text))
                : -1;
    }

    @Override
    public int count() {
        Answers answers = model.of(view);
        if (answers == null) {
            return 0;
        }
        return view.mode() instanceof Mode.Detail(Target target, int _)
                ? target.equals(answers.question().target()) ? detail(answers).size() : 0
                : Tables.of(answers, now).rows().size();
    }

    @Override
    public int page() {
        return Math.max(0, height - HEAD - FOOT);
    }

    @Override
    public @Nullable Target target(int row) {
        Answers answers = model.of(view);
        List<Table.Row> rows = answers == null ? List.of() : Tables.of(answers, now).rows();
        return row < rows.size() ? rows.get(row).target() : null;
    }

    private Line line() {
        return new Line(width, palette);
    }

    private AttributedString who() {
        Answers answers = model.answers();
        if (answers == null) {
            return line().add("Penstock", Tone.TITLE).done();
        }
        Status status = answers.status();
        return line().add("Penstock " + status.version(), Tone.TITLE)
                .add(" at " + status.hostname() + ", up " + time(Duration.between(status.started(), status.at())) + ", "
                        + status.at().truncatedTo(ChronoUnit.SECONDS) + ", every " + Durations.format(view.interval()))
                .add(view.paused() ? "  PAUSED" : "", Tone.WARN).done();
    }

    private AttributedString tabs() {
        Line line = line();
        for (Screen screen : Screen.values()) {
            boolean here = screen == view.screen();
            line.add((here ? "[" : " ") + (1 + List.of(Screen.values()).indexOf(screen)) + " "
                    + screen.title + (here ? "]" : " "), here ? Tone.CHOSEN : Tone.PLAIN);
        }
        return line.done();
    }

    private AttributedString what() {
        Line line = line();
        Answers answers = model.of(view);
        if (view.mode() instanceof Mode.Detail(Target target, int _)) {
            return line.add(target.title(), Tone.TITLE).done();
        }
        Queues queues = answers == null ? null : answers.queues();
        line.add(switch (view.screen()) {
            case OVERVIEW, QUEUES, PROVIDERS, SOURCES, TENANTS -> "by " + view.grouping().word() + ", in order of "
                    + view.sort().word() + (view.reversed() ? ", the other way round" : "")
                    + (queues == null
                            ? ""
                            : ": " + number(queues.all()) + ", " + number(queues.total().queued()) + " queued");
            case HELD -> "what holds mail, most first"
                    + (answers == null || answers.why() == null
                            ? ""
                            : ": " + number(answers.why().counts().queued()) + " queued");
            case LATENCY -> view.times().title
                    + (view.filter().isNone()
                            ? ", all mail"
                            : view.filter().provider().isEmpty()
                                    ? ", all mail: only a provider's name filters it"
                                    : "");
        });
        if (!view.filter().isNone()) {
            line.add("  filter ", Tone.FAINT).add(view.filter().toString(), Tone.TITLE);
        }
        return line.done();
    }

    private AttributedString foot() {
        Line line = line();
        String wrong = model.wrong(view, now);
        if (view.mode() instanceof Mode.Prompt(String text, String why)) {
            line.add(PROMPT + text, Tone.TITLE).add(why.isEmpty() ? "" : "  " + why, Tone.BAD);
        } else if (!wrong.isEmpty()) {
            line.add(wrong, Tone.BAD);
        } else {
            line.add(switch (view.mode()) {
                case Mode.Detail _ -> "Esc back  ↑↓ scroll  q back  Ctrl-C quit";
                case Mode.Help _ -> "any key goes back  q quit";
                case Mode.Rows _,Mode.Prompt _ ->
                    "? help  / filter  s S order  b by  Enter why  p pause  + - interval  q quit";
            }, Tone.FAINT);
        }
        return line.done();
    }

    private List<AttributedString> body(int room) {
        if (room <= 0) {
            return List.of();
        }
        Answers answers = model.of(view);
        List<AttributedString> lines = switch (view.mode()) {
            case Mode.Help _ -> help();
            case Mode.Detail(Target target, int from) ->
                answers == null || !target.equals(answers.question().target())
                        ? asking()
                        : detail(answers).stream().skip(from).map(each -> line().add(each).done()).toList();
            case Mode.Rows _,Mode.Prompt _ -> answers == null ? asking() : screen(answers, room);
        };
        return lines.size() <= room ? lines : lines.subList(0, room);
    }

    private List<String> detail(Answers answers) {
        return answers.detail().stream().flatMap(each -> Line.wrapped(each, width).stream()).toList();
    }

    private List<AttributedString> asking() {
        return List.of(line().add("asking …", Tone.FAINT).done());
    }

    private List<AttributedString> help() {
        return HELP.stream().map(each -> line().cell(each[0], 23, false, Tone.TITLE).add(each[1]).done()).toList();
    }

    private List<AttributedString> screen(Answers answers, int room) {
        return switch (view.screen()) {
            case OVERVIEW -> {
                List<AttributedString> lines = new ArrayList<>(overview(answers, room));
                lines.addAll(table(answers, room - lines.size()));
                yield lines;
            }
            case QUEUES, PROVIDERS, SOURCES, TENANTS, HELD -> table(answers, room);
            case LATENCY -> model.heat().lines(view.times(), width, room, palette);
        };
    }

    private List<AttributedString> table(Answers answers, int room) {
        Table table = Tables.of(answers, now);
        if (table.rows().isEmpty()) {
            return List.of(line().add(view.filter().isNone() ? "nothing" : "nothing that the filter selects",
                    Tone.FAINT).done());
        }
        return table.lines(Math.min(view.row(), table.rows().size() - 1), view.sort(), width, room, palette);
    }

    private List<AttributedString> overview(Answers answers, int room) {
        Status status = answers.status();
        List<AttributedString> lines = new ArrayList<>();
        lines.add(flow("in ", status.in()));
        lines.add(flow("out", status.out()));
        lines.add(lately(status.lately()));
        lines.add(line().add("connections", Tone.TITLE).add(" in " + number(status.connectionsIn().now()) + " (top "
                + number(status.connectionsIn().top()) + "), out " + number(status.connectionsOut().now()) + " (top "
                + number(status.connectionsOut().top()) + ")").done());
        lines.add(counts(answers.queues() == null ? status.queued() : answers.queues().total()));
        Line parts = line().add("parts", Tone.TITLE);
        status.parts().forEach(part -> parts.add(" " + part.name() + " ")
                .add(part.ok() ? "ok" : "NOT OK", part.ok() ? Tone.GOOD : Tone.BAD));
        lines.add(parts.done());
        int shown = Math.clamp(room / ALARMS_PART, 1, Math.max(1, status.alarms().size()));
        status.alarms().stream().limit(shown)
                .forEach(alarm -> lines.add(line().add("ALARM ", Tone.BAD).add(alarm.text()).done()));
        if (status.alarms().isEmpty()) {
            lines.add(line().add("no alarms", Tone.GOOD).done());
        } else if (status.alarms().size() > shown) {
            lines.add(line().add((status.alarms().size() - shown) + " more alarms", Tone.BAD).done());
        }
        lines.add(AttributedString.EMPTY);
        return lines;
    }

    private AttributedString flow(String name, Flow flow) {
        return line().add(name, Tone.TITLE)
                .add(String.format(Locale.ROOT, " %,9.1f/s now  %,11d last minute (top %,d)  %,13d last hour (top %,d)",
                        flow.perSecond(), flow.lastMinute(), flow.topMinute(), flow.lastHour(), flow.topHour()))
                .done();
    }

    private AttributedString lately(Lately lately) {
        Table.Cell deferrals = Tables.deferrals(lately);
        Table.Cell bounces = Tables.bounces(lately);
        return line().add("last hour", Tone.TITLE)
                .add(" " + number(lately.deliveredHour()) + " delivered, " + number(lately.deferredHour())
                        + " deferred (")
                .add(deferrals.text(), deferrals.tone()).add("), " + number(lately.bouncedHour()) + " bounced (")
                .add(bounces.text(), bounces.tone()).add(")").done();
    }

    private AttributedString counts(Counts counts) {
        Table.Cell oldest = Tables.age(counts.oldest(), now);
        return line().add("queued", Tone.TITLE).add(" " + number(counts.queued()) + ", oldest ")
                .add(oldest.text(), oldest.tone())
                .add(": " + number(counts.ready()) + " ready, " + number(counts.suspended()) + " suspended, "
                        + number(counts.scheduled()) + " scheduled, " + number(counts.held()) + " held, "
                        + number(counts.routing()) + " routing, " + number(counts.active()) + " active")
                .done();
    }
}
