package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A pool under load of which an address, then another, is taken off the interface and put back. */
@Timeout(300)
class AddressLossTest {
    /** Two seconds or three, and time for a machine that is busy. */
    private static final Duration SUSPENDED_WITHIN = Duration.ofSeconds(20);
    private static final Pattern LINE = Pattern.compile(".*?(\\d\\d:\\d\\d:\\d\\d\\.\\d{3})\\S* .* event=(\\S+)(.*)");

    @TempDir
    Path directory;

    private record Logged(LocalTime time, String event, String rest) {}

    @Test
    void itsShareGoesByTheOthersWithinSecondsAndComesBackByItself() throws Exception {
        try (Namespace namespace = Namespace.create(directory)) {
            String output = namespace.run(AddressLoss.class, Duration.ofSeconds(200), directory.toString());
            List<Logged> log = output.lines().map(LINE::matcher).filter(Matcher::matches)
                    .map(line -> new Logged(LocalTime.parse(line.group(1)), line.group(2), line.group(3))).toList();
            for (String source : List.of("ip-11", "ip-12")) {
                LocalTime off = time(log, "address-taken-off", source);
                LocalTime suspended = time(log, "source-suspended", source);
                assertThat(between(off, suspended)).as(source + " is suspended").isLessThan(SUSPENDED_WITHIN);
                LocalTime back = time(log, "address-put-back", source);
                assertThat(between(back, time(log, "source-resumed", source))).as(source + " is resumed")
                        .isLessThan(SUSPENDED_WITHIN);
            }
        }
    }

    private static LocalTime time(List<Logged> log, String event, String source) {
        Stream<Logged> those = log.stream()
                .filter(each -> each.event.equals(event) && each.rest.contains("source=" + source));
        return those.findFirst()
                .orElseThrow(() -> new AssertionError("no " + event + " of " + source + ": " + log)).time;
    }

    /** Also over midnight. */
    private static Duration between(LocalTime first, LocalTime second) {
        Duration time = Duration.between(first, second);
        return time.isNegative() ? time.plusDays(1) : time;
    }
}
