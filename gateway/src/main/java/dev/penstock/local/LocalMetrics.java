package dev.penstock.local;

import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

import dev.penstock.meters.PartMeters;

/** Local domains, as metrics name it. Stateless. */
public final class LocalMetrics {
    private LocalMetrics() {}

    public static PartMeters<LocalStats> of(Supplier<LocalStats> source) {
        PartMeters<LocalStats> part = PartMeters.of("penstock.local.", source);
        answers(part, "known", LocalStats::known);
        answers(part, "unknown", LocalStats::unknown);
        answers(part, "undecided", LocalStats::undecided);
        part.counter("questions", "Call-aheads to stores", LocalStats::asked);
        part.counter("questions.unanswered", "Call-aheads that weren't decided", LocalStats::askedInVain);
        part.gauge("remembered", "Answers of stores in memory", LocalStats::remembered);
        part.gauge("listed", "Recipients that the files name", LocalStats::listed);
        part.counter("reloads", "Recipients files read", LocalStats::fileReads);
        part.counter("reloads.failed", "Recipients files that can't be used; the list from before stays",
                LocalStats::fileFailures);
        return part;
    }

    private static void answers(PartMeters<LocalStats> part, String answer, ToDoubleFunction<LocalStats> value) {
        part.counter("recipients", "Recipients in local domains, by what was found", value, "found", answer);
    }
}
